"""Launch plans of operations on single pixels: lookup table, copy, conversion, a image + b."""

from __future__ import annotations

from typing import Any

import numpy

from mcfast.backends.gpu.launch import Call, ctype
from mcfast.backends.gpu.views import View, check_out, check_overlap, check_pixels, check_plane, refuse

__all__ = ["copy", "lookup", "multiply_add", "to_float"]

COLUMNS, ROWS = 256, 4  # of a block, as in csrc/lookup/lookup.cuh
SOURCE = "lookup/lookup.cuh"


def lookup(call: Call, image: View, *, table: View, out: View | None = None) -> Any:
    """See `mcfast.lookup`."""
    check_pixels("lookup", "image", image, floats=False)
    check_plane("lookup", "image", image)
    if table.dtype != numpy.uint16:
        raise TypeError(f"lookup(table): expected uint16, got {table.dtype.name}")
    if len(table.shape) != 1 or not table.is_packed or not 1 <= table.shape[0] <= 65536:
        raise refuse("lookup", "table", "a contiguous 1-D array of 1 to 65536 entries", f"shape {table.shape}")
    rows, columns = image.shape
    target = call.empty((rows, columns), numpy.uint16) if out is None else out
    check_out("lookup", target, (rows, columns), numpy.uint16)
    check_overlap("lookup", target, image, same_allowed=True)
    check_overlap("lookup", target, table, same_allowed=False)
    arguments = (image, numpy.int64(image.row_stride), table, numpy.int32(table.shape[0]))
    _each_pixel(call, f"lookup<{ctype(image.dtype)}>", arguments, target)
    return target.owner


def copy(call: Call, image: View, out: View) -> None:
    """out = image, without checks."""
    _each_pixel(call, f"copy_pixels<{ctype(image.dtype)}>", (image, numpy.int64(image.row_stride)), out)


def to_float(call: Call, image: View) -> View:
    """The image as packed float32."""
    if image.dtype == numpy.float32 and image.is_packed:
        return image
    out = call.scratch(image.shape, numpy.float32)
    _each_pixel(call, f"convert_to_float<{ctype(image.dtype)}>", (image, numpy.int64(image.row_stride)), out)
    return out


def multiply_add(call: Call, a: View, b: View, image: View, out: View) -> None:
    """out = a image + b, for packed a and b; without checks."""
    arguments = (a, b, image, numpy.int64(image.row_stride))
    _each_pixel(call, f"multiply_add<{ctype(image.dtype)}>", arguments, out)


def _each_pixel(call: Call, kernel: str, arguments: tuple[View | numpy.generic, ...], out: View) -> None:
    rows, columns = out.shape
    call.launch(
        SOURCE,
        kernel,
        (-(-columns // COLUMNS), -(-rows // ROWS)),
        (64, ROWS),
        *arguments,
        out,
        numpy.int64(out.row_stride),
        numpy.int32(rows),
        numpy.int32(columns),
    )
