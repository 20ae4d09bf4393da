"""Launch plan of the residual: the part of an image that holds breast, its local mean taken off, on the device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy

from mcfast.backends.gpu.launch import Call, by_pixel
from mcfast.backends.gpu.morphology import extremum
from mcfast.backends.gpu.tone import DeviceTone
from mcfast.backends.gpu.views import View, check_plane, refuse
from mcfast.backends.gpu.windows import box_mean
from mcfast.footprints import disk

__all__ = ["DevicePart", "flatten"]

MARK_ROWS, BOUND_THREADS, PASSES = 4, 256, 2
SOURCE = "residual/residual.cuh"


@dataclass(frozen=True, slots=True)
class DevicePart:
    """`mcfast.detect.residual.Residual` on the device, in the scratch memory of a call.

    Attributes
    ----------
    values, inside
        (H, W) float32 and uint8, the image's size; the part begins at (0, 0), beyond it both are 0.
    box
        (4,) int32: first row and column in the image, rows, columns; all 0 if nothing is left below the skin.
    """

    values: View
    inside: View
    box: View


def flatten(
    call: Call,
    image: View,
    mask: View,
    *,
    max_value: float,
    skin_px: int,
    border_px: int,
    window_px: int,
    tone: DeviceTone | None = None,
) -> DevicePart:
    """As `mcfast.detect.residual.flatten` of packed (H, W) uint16 and bool; the host learns nothing of it."""
    if image.dtype != numpy.uint16 or mask.dtype != numpy.bool_:
        raise TypeError(f"flatten(image): expected uint16 and a bool mask, got {image.dtype} and {mask.dtype}")
    for name, view in (("image", image), ("mask", mask)):
        check_plane("flatten", name, view)
        if not view.is_packed or view.shape != image.shape:
            raise refuse("flatten", name, f"contiguous, of shape {image.shape}", f"shape {view.shape}")
    rows, columns = image.shape
    sides = numpy.int32(rows), numpy.int32(columns)
    below, inner, inside = (call.scratch((rows, columns), numpy.uint8) for _ in range(3))
    ends, box = call.scratch((rows, 2), numpy.int32), call.scratch((4,), numpy.int32)
    values, mean, share = (call.scratch((rows, columns), numpy.float32) for _ in range(3))
    extremum(call, "Minimum", replace(mask, dtype=numpy.dtype(numpy.uint8)), disk(skin_px), below)
    by_row = (-(-rows // MARK_ROWS),)
    call.launch(SOURCE, "mark_part", by_row, (32, MARK_ROWS), below, inner, ends, *sides, numpy.int32(border_px))
    call.launch(SOURCE, "bound_part", (1,), (BOUND_THREADS,), ends, *sides, box)
    scale = numpy.float32(1) / numpy.float32(max_value)
    curve = (None, None) if tone is None else (tone.curve, tone.table)
    by_pixel(call, SOURCE, "take_part", (rows, columns), image, inner, box, scale, *curve, values, inside, *sides)
    box_mean(call, inside, window_px, out=share)
    for _ in range(PASSES):
        box_mean(call, values, window_px, out=mean)
        by_pixel(call, SOURCE, "take_off_mean", (rows, columns), values, mean, share, inside, *sides)
    return DevicePart(values, inside, box)
