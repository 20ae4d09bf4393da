"""Launch plan of local maxima: marked, counted and compacted on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy

from mcfast.backends.gpu.launch import Call, ctype
from mcfast.backends.gpu.morphology import extremum
from mcfast.backends.gpu.views import View, check_pixels, check_plane, check_range, refuse
from mcfast.footprints import rectangle

__all__ = ["MaximaList", "find_maxima", "local_maxima"]

MARK_ROWS, OFFSET_THREADS, WRITE_ROWS = 8, 1024, 4  # as in csrc/candidates/candidates.cuh
SOURCE = "candidates/candidates.cuh"


@dataclass(frozen=True, slots=True)
class MaximaList:
    """Maxima in raster order in arrays of fixed capacity, of which the first `count` hold one.

    Attributes
    ----------
    positions
        (capacity, 2) int32.
    values
        (capacity,) float32.
    count
        (1,) int32 on the device: how many maxima there are. Above the capacity, those beyond it were dropped.
    """

    positions: View
    values: View
    count: View


def find_maxima(
    call: Call,
    image: View,
    radius: int,
    *,
    threshold: float,
    mask: View | None = None,
    capacity: int | None = None,
    into: tuple[View, View] | None = None,
) -> MaximaList:
    """Local maxima, without waiting for the device: what a pipeline chains.

    `capacity` is the room for maxima; `None` is room for as many as there can be: two within one window's reach of
    each other cannot both be maxima, so a cell of (radius + 1)^2 pixels holds at most one. `into` are arrays for
    positions and values, whose length is the capacity; with them nothing is allocated, as a CUDA graph needs it.
    """
    check_pixels("local_maxima", "image", image)
    check_plane("local_maxima", "image", image)
    check_range("local_maxima", "radius", radius, 0, 16384, "0 to 16384 pixels")
    if threshold != threshold:
        raise refuse("local_maxima", "threshold", "a number", "NaN")
    if mask is not None:
        _check_mask(mask, image)
    rows, columns = image.shape
    if into is not None:
        capacity = _room(*into)
    elif capacity is None:
        capacity = -(-rows // (radius + 1)) * -(-columns // (radius + 1))
    words = -(-columns // 32)
    highest = call.scratch((rows, columns), image.dtype)
    extremum(call, "Maximum", image, rectangle(2 * radius + 1, 2 * radius + 1), highest)
    bits = call.scratch((rows, words), numpy.uint32)
    offsets = call.scratch((rows + 1,), numpy.int32)
    positions, values = into or (call.empty((capacity, 2), numpy.int32), call.empty((capacity,), numpy.float32))
    stride = numpy.int64(image.row_stride)
    height, width, room = numpy.int32(rows), numpy.int32(words), numpy.int32(capacity)
    call.launch(
        SOURCE,
        f"mark_maxima<{ctype(image.dtype)}>",
        (words, -(-rows // MARK_ROWS)),
        (32, MARK_ROWS),
        *(image, stride, highest, mask, numpy.int64(mask.row_stride if mask else 0), bits),
        *(height, numpy.int32(columns), numpy.int32(radius), numpy.float64(threshold)),
    )
    by_row = (-(-rows // WRITE_ROWS),)
    call.launch(SOURCE, "count_maxima", by_row, (32, WRITE_ROWS), bits, offsets, height, width)
    call.launch(SOURCE, "row_offsets", (1,), (OFFSET_THREADS,), offsets, height)
    kernel = f"write_maxima<{ctype(image.dtype)}>"
    arguments = (image, stride, bits, offsets, positions, values, height, width, room)
    call.launch(SOURCE, kernel, by_row, (32, WRITE_ROWS), *arguments)
    count = View(offsets.pointer + 4 * rows, (1,), (4,), offsets.dtype, None)
    return MaximaList(positions, values, count)


def local_maxima(
    call: Call, image: View, radius: int, *, threshold: float, mask: View | None = None
) -> tuple[Any, Any]:
    """See `mcfast.local_maxima`. Waits for the stream once, because the shape of the result must be known."""
    found = find_maxima(call, image, radius, threshold=threshold, mask=mask)
    count = int(call.read(found.count)[0])
    return found.positions.owner[:count], found.values.owner[:count]


def _room(positions: View, values: View) -> int:
    capacity = values.shape[0] if values.shape else 0
    for view, shape, dtype in ((positions, (capacity, 2), numpy.int32), (values, (capacity,), numpy.float32)):
        if view.shape != shape or view.dtype != dtype or not view.is_packed:
            expected = "packed (n, 2) int32 and (n,) float32"
            raise refuse("local_maxima", "into", expected, f"{view.dtype} of shape {view.shape}")
    return capacity


def _check_mask(mask: View, image: View) -> None:
    if mask.dtype != numpy.bool_:
        raise TypeError(f"local_maxima(mask): expected bool, got {mask.dtype.name}; cast it with mask.astype(bool)")
    check_plane("local_maxima", "mask", mask)
    if mask.shape != image.shape:
        raise refuse("local_maxima", "mask", f"the shape of the image, {image.shape}", f"{mask.shape}")
