"""Numbers that callers hand over, before the core sees them: what is no number is refused by name."""

from __future__ import annotations

from operator import index
from typing import Any

__all__ = ["integer", "real"]

_LARGEST = 2**31 - 1  # the core counts in C ints


def integer(operation: str, argument: str, value: Any) -> int:
    """`value` as an int that the core can hold. Raises `TypeError` for anything else, `ValueError` beyond 2^31 - 1."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{operation}({argument}): expected an int, got {value!r}; convert it with int") from None
    if abs(number) > _LARGEST:
        raise ValueError(f"{operation}({argument}): expected a number below 2^31, got {number}; give a smaller one")
    return number


def real(operation: str, argument: str, value: Any) -> float:
    """`value` as a float. Raises `TypeError` for anything but a number, strings included."""
    if not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise TypeError(f"{operation}({argument}): expected a number, got {value!r}; convert it with float")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{operation}({argument}): expected one number, got {value!r}; give a float") from None
