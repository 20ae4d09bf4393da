"""Launch plan of resampling: weights of both axes, computed here, and one pass of the kernel."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.launch import Call, ctype
from mcfast.backends.gpu.views import View, check_out, check_overlap, check_pixels, check_plane, check_range

__all__ = ["resample", "resized"]

THREADS, ROWS = 64, 4  # as in csrc/resample/resample.cuh


def resample(call: Call, image: View, scale: tuple[float, float], *, out: View | None = None) -> Any:
    """See `mcfast.resample`."""
    check_pixels("resample", "image", image)
    check_plane("resample", "image", image)
    for value in scale:
        check_range("resample", "scale", value, 1 / 64, 64, "1/64 to 64")
    lengths = [max(1, math.floor(n * by + 0.5)) for n, by in zip(image.shape, scale, strict=True)]
    shape = lengths[0], lengths[1]
    check_range("resample", "scale", max(shape), 0, 2**30, "at most 2^30 resampled rows and columns")
    target = call.empty(shape, image.dtype) if out is None else out
    check_out("resample", target, shape, image.dtype)
    check_overlap("resample", target, image, same_allowed=False)
    _launch(call, image, scale, target)
    return target.owner


def resized(call: Call, image: View, shape: tuple[int, int]) -> View:
    """The image at another shape, in scratch memory; itself if it has that shape."""
    if image.shape == shape:
        return image
    out = call.scratch(shape, image.dtype)
    _launch(call, image, (shape[0] / image.shape[0], shape[1] / image.shape[1]), out)
    return out


def _launch(call: Call, image: View, scale: tuple[float, float], out: View) -> None:
    axes: list[View | numpy.generic] = []
    for length, new_length, by in zip(image.shape, out.shape, scale, strict=True):
        first, count, weights = axis_weights(length, new_length, by)
        axes += [*(call.constant(array) for array in (first, count, weights)), numpy.int32(weights.shape[1])]
    rows, columns = out.shape
    call.launch(
        "resample/resample.cuh",
        f"resample<{ctype(image.dtype)}>",
        (-(-columns // THREADS), -(-rows // ROWS)),
        (THREADS, ROWS),
        image,
        numpy.int64(image.row_stride),
        out,
        numpy.int64(out.row_stride),
        numpy.int32(rows),
        numpy.int32(columns),
        *axes,
    )


@lru_cache(maxsize=64)
def axis_weights(
    length: int, new_length: int, scale: float
) -> tuple[NDArray[numpy.int32], NDArray[numpy.int32], NDArray[numpy.float32]]:
    """First input position, number and weights (new_length, most) of each output position, as the core computes them.

    Output i covers [i, i + 1) / scale of the input where the axis shrinks, else it interpolates at its centre.
    """
    i = numpy.arange(new_length)
    if scale >= 1:
        centre = numpy.clip((i + 0.5) / scale - 0.5, 0.0, length - 1.0)
        begin = centre.astype(numpy.int32)
        fraction = centre - begin
        weights = numpy.stack([1 - fraction, fraction], axis=1).astype(numpy.float32)
        return begin, numpy.where(fraction > 0, 2, 1).astype(numpy.int32), weights
    most = math.ceil(1 / scale) + 1
    low, high = i / scale, numpy.minimum(length, (i + 1) / scale)
    begin = numpy.minimum(low.astype(numpy.int32), length - 1)
    position = begin[:, None] + numpy.arange(most)
    taken = (position < length) & ((numpy.arange(most) == 0) | (position < high[:, None]))
    covered = numpy.minimum(high[:, None], position + 1) - numpy.maximum(low[:, None], position)
    weights = numpy.where(taken, numpy.maximum(0.0, covered), 0.0).astype(numpy.float32)
    total = numpy.zeros(new_length)
    for k in range(most):  # in this order, as the core adds them
        total += weights[:, k]
    weights = (weights / total[:, None]).astype(numpy.float32)
    return begin, taken.sum(axis=1).astype(numpy.int32), weights
