"""Launch plan of the tone: the curve that lifts a dark breast, found on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.views import View, check_plane, refuse

__all__ = ["DeviceTone", "find_tone"]

VALUES, TABLE_THREADS, FIND_THREADS = 65536, 256, 1024  # as in csrc/tone/tone.cuh
COLUMNS, ROWS, STRIDE = 64, 4, 4
SOURCE = "tone/tone.cuh"


@dataclass(frozen=True, slots=True)
class DeviceTone:
    """`mcfast.detect.tone.Tone` on the device, in the scratch memory of a call.

    Attributes
    ----------
    curve
        (2,) float64: `bright` and `exponent`.
    table
        (65536,) float32: every value in units of white, in that tone.
    """

    curve: View
    table: View


def find_tone(call: Call, image: View, mask: View, *, max_value: float) -> DeviceTone:
    """As `mcfast.detect.tone.tone_of` of packed (H, W) uint16 and bool. 4 launches; the host learns nothing of it."""
    if image.dtype != numpy.uint16 or mask.dtype != numpy.bool_:
        raise TypeError(f"find_tone(image): expected uint16 and a bool mask, got {image.dtype} and {mask.dtype}")
    for name, view in (("image", image), ("mask", mask)):
        check_plane("find_tone", name, view)
        if not view.is_packed or view.shape != image.shape:
            raise refuse("find_tone", name, f"contiguous, of shape {image.shape}", f"shape {view.shape}")
    rows, columns = image.shape
    counts, table = call.scratch((VALUES,), numpy.uint32), call.scratch((VALUES,), numpy.float32)
    curve = call.scratch((2,), numpy.float64)
    by_value = (VALUES // TABLE_THREADS,), (TABLE_THREADS,)
    call.launch(SOURCE, "clear_counts", *by_value, counts)
    grid = -(-columns // (STRIDE * COLUMNS)), -(-rows // (STRIDE * ROWS))
    sides = numpy.int32(rows), numpy.int32(columns)
    call.launch(SOURCE, "count_values", grid, (COLUMNS, ROWS), image, mask, counts, *sides)
    call.launch(SOURCE, "find_tone", (1,), (FIND_THREADS,), counts, numpy.float64(max_value), curve)
    scale = numpy.float32(1) / numpy.float32(max_value)
    call.launch(SOURCE, "tone_table", *by_value, curve, scale, table)
    return DeviceTone(curve, table)
