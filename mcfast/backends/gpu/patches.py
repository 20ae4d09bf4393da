"""Launch plans of patches: gathering a batch, copying the windows of a grid, stitching them."""

from __future__ import annotations

from typing import Any

import numpy

from mcfast.backends.gpu.launch import Call, ctype
from mcfast.backends.gpu.views import View, check_out, check_overlap, check_pixels, check_plane, check_range, refuse
from mcfast.windows import window_origins

__all__ = ["gather_patches", "sliding_windows", "stitch"]

GATHER_THREADS, STITCH_THREADS, STITCH_ROWS = 128, 64, 4  # as in csrc/patches/patches.cuh
WINDOW_THREADS, WINDOW_PIXELS, LARGEST_WINDOW = 256, 4096, 2**28
SOURCE = "patches/patches.cuh"


def gather_patches(
    call: Call,
    image: View,
    size: int,
    *,
    centres: View,
    mean: Any = None,
    std: Any = None,
    dtype: Any = numpy.float32,
    out: View | None = None,
) -> Any:
    """See `mcfast.gather_patches`. Values on the device are not looked at; a centre outside the image is clamped."""
    check_pixels("gather_patches", "image", image)
    check_plane("gather_patches", "image", image)
    check_range("gather_patches", "size", size, 1, 1024, "1 to 1024 pixels")
    if centres.dtype != numpy.int32:
        raise TypeError(f"gather_patches(centres): expected int32, got {centres.dtype.name}; cast it to int32")
    if len(centres.shape) != 2 or centres.shape[1] != 2 or not centres.is_packed:
        raise refuse(
            "gather_patches", "centres", "a contiguous (n, 2) array of rows and columns", f"shape {centres.shape}"
        )
    n = centres.shape[0]
    shape = (n, 1, size, size)
    target = call.empty(shape, dtype) if out is None else out
    if target.dtype != dtype:
        raise TypeError(f"gather_patches(out): expected {numpy.dtype(dtype).name}, got {target.dtype.name}")
    if target.shape != shape or not target.is_packed:
        raise refuse("gather_patches", "out", f"a writable, contiguous {shape} array", f"shape {target.shape}")
    if n == 0:
        return target.owner
    shift, scale = (
        _normalizer("mean", 0.0 if mean is None else mean, n),
        _normalizer("std", 1.0 if std is None else std, n),
    )
    for view in (image, centres, shift[0], scale[0]):
        if view is not None:
            check_overlap("gather_patches", target, view, same_allowed=False)
    call.launch(
        SOURCE,
        f"gather_patches<{ctype(image.dtype)}, {'Float16' if numpy.dtype(dtype) == numpy.float16 else 'Float32'}>",
        (n,),
        (GATHER_THREADS,),
        image,
        numpy.int64(image.row_stride),
        *(numpy.int32(side) for side in image.shape),
        centres,
        numpy.int32(size),
        *shift,
        *scale,
        target,
    )
    return target.owner


def _normalizer(name: str, value: Any, n: int) -> tuple[View | None, numpy.int32, numpy.float32]:
    """Values on the device and their step, or none and one number for all patches."""
    if not isinstance(value, View):
        number = float(value)
        if name == "std" and not number > 0:
            raise refuse("gather_patches", name, "positive values", f"{number:f} at 0")
        return None, numpy.int32(0), numpy.float32(number)
    if value.dtype != numpy.float32:
        raise TypeError(f"gather_patches({name}): expected float32, got {value.dtype.name}")
    if len(value.shape) != 1 or value.shape[0] not in (1, n) or not value.is_packed:
        raise refuse("gather_patches", name, f"a number or one value for each of {n} centres", f"shape {value.shape}")
    return value, numpy.int32(value.shape[0] > 1), numpy.float32(0)


def sliding_windows(
    call: Call, image: View, size: tuple[int, int], stride: tuple[int, int], *, out: View | None = None
) -> Any:
    """See `mcfast.sliding_windows`: the copy that covers the image. Sizes and strides were checked before."""
    check_pixels("sliding_windows", "image", image)
    check_plane("sliding_windows", "image", image)
    (rows, columns), (height, width) = image.shape, size
    check_range("sliding_windows", "size", height * width, 1, LARGEST_WINDOW, "at most 2^28 pixels on a GPU")
    grid = len(window_origins(rows, height, stride[0])), len(window_origins(columns, width, stride[1]))
    shape = (*grid, height, width)
    target = call.empty(shape, image.dtype) if out is None else out
    if target.dtype != image.dtype:
        raise TypeError(f"sliding_windows(out): expected {image.dtype.name}, got {target.dtype.name}")
    if target.shape != shape or not target.is_packed:
        raise refuse("sliding_windows", "out", f"a contiguous {shape} array", f"shape {target.shape}")
    check_overlap("sliding_windows", target, image, same_allowed=False)
    call.launch(
        SOURCE,
        f"copy_windows<{ctype(image.dtype)}>",
        (grid[0] * grid[1], -(-height * width // WINDOW_PIXELS)),
        (WINDOW_THREADS,),
        image,
        numpy.int64(image.row_stride),
        *(numpy.int32(n) for n in (*grid, *size, *stride)),
        *(target, numpy.int32(rows), numpy.int32(columns)),
    )
    return target.owner


def stitch(
    call: Call, patches: View, shape: tuple[int, int], stride: tuple[int, int], *, out: View | None = None
) -> Any:
    """See `mcfast.stitch`."""
    check_pixels("stitch", "patches", patches)
    if len(patches.shape) != 4 or not patches.is_packed:
        raise refuse("stitch", "patches", "a contiguous (grid rows, grid columns, h, w) array", f"{patches.shape}")
    height, width = patches.shape[2:]
    if not (1 <= height <= shape[0] and 1 <= width <= shape[1]):
        raise refuse("stitch", "patches", f"windows no larger than the image {shape}", f"shape {patches.shape}")
    check_range("stitch", "stride", stride[0], 1, height, "1 to the window's height")
    check_range("stitch", "stride", stride[1], 1, width, "1 to the window's width")
    grid = len(window_origins(shape[0], height, stride[0])), len(window_origins(shape[1], width, stride[1]))
    if patches.shape[:2] != grid:
        covering = f"{grid[0]} x {grid[1]} windows, the covering grid"
        raise refuse("stitch", "patches", covering, f"shape {patches.shape}")
    target = call.empty(shape, patches.dtype) if out is None else out
    check_out("stitch", target, shape, patches.dtype)
    check_overlap("stitch", target, patches, same_allowed=False)
    call.launch(
        SOURCE,
        f"stitch<{ctype(patches.dtype)}>",
        (-(-shape[1] // STITCH_THREADS), -(-shape[0] // STITCH_ROWS)),
        (STITCH_THREADS, STITCH_ROWS),
        patches,
        *(numpy.int32(n) for n in (*grid, height, width, *stride)),
        target,
        numpy.int64(target.row_stride),
        *(numpy.int32(side) for side in shape),
    )
    return target.owner
