"""Where the windows of a covering grid begin."""

from __future__ import annotations

from operator import index
from typing import Any

from mcfast.arguments import integer

__all__ = ["pair", "window_origins"]


def window_origins(length: int, size: int, stride: int) -> list[int]:
    """First pixels of the windows of `size` that cover `length` pixels, `stride` apart, the last clamped to the end.

    Raises `ValueError` if the window is larger than the length, or the stride is below 1 or leaves gaps.
    """
    if not 1 <= size <= length:
        raise ValueError(f"window_origins(size): expected 1 .. {length} (the length to cover), got {size}")
    if not 1 <= stride <= size:
        raise ValueError(f"window_origins(stride): expected 1 .. {size} (the window's size), got {stride}")
    origins = list(range(0, length - size + 1, stride))
    if origins[-1] != length - size:
        origins.append(length - size)
    return origins


def pair(operation: str, argument: str, value: Any) -> tuple[int, int]:
    """(rows, columns) of a size that may be given as one number.

    Raises `TypeError` for anything but ints, `ValueError` beyond 2^31 - 1.
    """
    try:
        rows, columns = (value, value) if hasattr(value, "__index__") else value
        sides = index(rows), index(columns)
    except (TypeError, ValueError):
        raise TypeError(f"{operation}({argument}): expected an int or two, got {value!r}") from None
    return integer(operation, argument, sides[0]), integer(operation, argument, sides[1])
