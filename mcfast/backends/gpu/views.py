"""Arrays on a device as kernels see them: a pointer, a shape and strides; and what an operation asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy

__all__ = [
    "View",
    "check_out",
    "check_overlap",
    "check_pixels",
    "check_plane",
    "check_range",
    "refuse",
    "view_of",
]

_PIXELS = ("uint8", "uint16", "float32")
_LONGEST = 2**30


@dataclass(frozen=True, slots=True)
class View:
    """Memory on a device that `owner` keeps alive; strides in bytes."""

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: numpy.dtype[Any]
    owner: Any

    @property
    def row_stride(self) -> int:
        """Elements from one row of a 2-D array to the next."""
        return self.strides[0] // self.dtype.itemsize if self.shape[0] > 1 else self.shape[1]

    @property
    def is_packed(self) -> bool:
        """True if the elements lie one after another, in C order."""
        return self.strides == _packed_strides(self.shape, self.dtype.itemsize) or 0 in self.shape

    @property
    def extent(self) -> tuple[int, int]:
        """First byte, and one past the last."""
        reach = [(n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)]
        low = self.pointer + sum(min(step, 0) for step in reach)
        return low, self.pointer + sum(max(step, 0) for step in reach) + self.dtype.itemsize


def view_of(interface: Mapping[str, Any], owner: Any) -> View:
    """The view that `__cuda_array_interface__` (or NumPy's `__array_interface__`) describes."""
    dtype = numpy.dtype(interface["typestr"])
    shape = tuple(int(n) for n in interface["shape"])
    strides = interface.get("strides")
    packed = _packed_strides(shape, dtype.itemsize)
    if strides is None:
        strides = packed
    # A stride along an axis of one element means nothing; the packed one compares equal.
    settled = tuple(int(step) if n > 1 else own for n, step, own in zip(shape, strides, packed, strict=True))
    return View(int(interface["data"][0]), shape, settled, dtype, owner)


def _packed_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    strides = []
    for n in reversed(shape):
        strides.append(itemsize)
        itemsize *= n
    return tuple(reversed(strides))


def refuse(operation: str, argument: str, expected: str, got: str) -> ValueError:
    """The error to raise for a value that does not fit."""
    return ValueError(f"{operation}({argument}): expected {expected}, got {got}")


def check_pixels(operation: str, argument: str, view: View, *, floats: bool = True) -> None:
    """Raise `TypeError` unless the view is uint8, uint16 or (if `floats`) float32."""
    name = view.dtype.name
    if name in (_PIXELS if floats else _PIXELS[:2]):
        return
    expected = "uint8, uint16 or float32" if floats else "uint8 or uint16"
    target = "float32" if name.startswith("float") and floats else "uint16"
    raise TypeError(
        f"{operation}({argument}): expected {expected}, got {name}; cast it with {argument}.astype({target})"
    )


def check_plane(operation: str, argument: str, view: View) -> None:
    """Raise `ValueError` unless the view is (rows, columns) with contiguous rows, neither of them empty."""
    if len(view.shape) != 2:
        raise refuse(operation, argument, "a 2-D array (rows, columns)", f"shape {view.shape}")
    if min(view.shape) < 1 or max(view.shape) > _LONGEST:
        raise refuse(operation, argument, "1 to 2^30 rows and columns", f"shape {view.shape}")
    size = view.dtype.itemsize
    if view.strides[1] != size:
        raise refuse(operation, argument, "contiguous rows", f"a column stride of {view.strides[1]} bytes; copy it")
    if view.pointer % size or view.strides[0] % size:
        raise refuse(operation, argument, "aligned rows", "misaligned memory; copy it")


def check_out(operation: str, out: View, shape: tuple[int, int], dtype: Any) -> None:
    """Raise unless `out` is of that shape and dtype and its rows do not overlap one another."""
    if out.dtype != dtype:
        raise TypeError(f"{operation}(out): expected {numpy.dtype(dtype).name}, got {out.dtype.name}")
    if out.shape != shape:
        raise refuse(operation, "out", f"shape {shape}", f"{out.shape}")
    check_plane(operation, "out", out)
    if shape[0] > 1 and abs(out.strides[0]) < shape[1] * out.dtype.itemsize:
        raise refuse(operation, "out", "rows that do not overlap", f"a row stride of {out.strides[0]} bytes")


def check_overlap(operation: str, out: View, source: View, *, same_allowed: bool) -> bool:
    """True if both are the very same pixels; raise `ValueError` for any other overlap, or for any at all."""
    a, b = out.extent, source.extent
    if a[1] <= b[0] or b[1] <= a[0]:
        return False
    same = (out.pointer, out.dtype, out.shape, out.strides) == (
        source.pointer,
        source.dtype,
        source.shape,
        source.strides,
    )
    if same and same_allowed:
        return True
    apart = "memory apart from the input" + (" (or the input itself)" if same_allowed else "")
    raise refuse(operation, "out", apart, "an overlap; give another array")


def check_range(operation: str, argument: str, value: float, low: float, high: float, expected: str) -> None:
    """Raise `ValueError` unless low <= value <= high."""
    if not low <= value <= high:
        raise refuse(operation, argument, expected, f"{value:g}")
