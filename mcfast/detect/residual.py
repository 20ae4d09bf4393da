"""The flattened image and its local noise: what candidates and patches are measured in.

Skin, muscle and thickness make steps hundreds of times larger than a calcification. So the mean of what is breast
around a pixel is taken off, the skin is left out of every mean, and the noise is measured where neither the skin nor
bright calcifications inflate it. In these units a calcification near the skin looks like one in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.tone import Tone
from mcfast.footprints import disk
from mcfast.ops import box_mean, erode

__all__ = ["LocalStatistics", "Residual", "flatten", "local_statistics"]

Field = NDArray[numpy.float32]
Mask = NDArray[numpy.bool_]

STRIDE = 2  # statistics of a window this wide need not see every pixel
CLIP = 3.0  # standard deviations beyond which a pixel is no noise
FLOOR = 1e-3  # of full scale: below it, quantisation passes for noise


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """The part of an image that holds breast, flattened.

    Attributes
    ----------
    values
        (h, w) float32: image / max_value in its tone, minus its local mean, 0 outside `inner`.
    inner
        (h, w) bool: breast below the skin and away from the image border.
    origin
        (row, column) in the image of the part's first pixel.
    tone
        What was done to the values before anything else.
    """

    values: Field
    inner: Mask
    origin: tuple[int, int]
    tone: Tone = field(default_factory=Tone)


@dataclass(frozen=True, slots=True, eq=False)
class LocalStatistics:
    """Mean and standard deviation over a window around a pixel, kept at every `STRIDE`-th pixel."""

    mean: Field
    deviation: Field

    def at(self, positions: NDArray[numpy.int32]) -> tuple[Field, Field]:
        """(N,) mean and (N,) deviation at (N, 2) positions."""
        rows, columns = (positions // STRIDE).T
        return self.mean[rows, columns], self.deviation[rows, columns]


def flatten(
    image: NDArray[Any],
    mask: Mask,
    *,
    max_value: float,
    skin_px: int,
    border_px: int,
    window_px: int,
    tone: Tone | None = None,
    threads: int | None = None,
) -> Residual | None:
    """Take the local mean off the breast.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, bright = dense.
    mask
        (H, W) bool, the breast.
    max_value
        Intensity of white.
    skin_px
        Thickness of the skin, which is left out.
    border_px
        Width of the image border that is left out.
    window_px
        Half side of the window of the mean.
    tone
        `None` leaves the values as they are.

    Returns
    -------
    `Residual`, or `None` if nothing is left below the skin.
    """
    around = _box_of(mask)
    if around is None:
        return None
    # Beyond the box's edge there is air, which must take part in the erosion; beyond the image's there is breast.
    rows, columns = (slice(max(side.start - skin_px, 0), side.stop + skin_px) for side in around)
    part = (rows, columns)
    inner = erode(mask[part].view(numpy.uint8), disk(skin_px), threads=threads).view(bool)
    inner &= _inside_border(image.shape, border_px)[part]
    box = _box_of(inner)
    if box is None:
        return None
    inner = numpy.ascontiguousarray(inner[box])
    top, left = part[0].start + box[0].start, part[1].start + box[1].start
    part = (slice(top, top + inner.shape[0]), slice(left, left + inner.shape[1]))
    weight = inner.astype(numpy.float32)
    share = box_mean(inner.view(numpy.uint8), window_px, threads=threads)
    numpy.maximum(share, numpy.float32(1e-6), out=share)
    tone = tone or Tone()
    values = image[part].astype(numpy.float32)
    values *= weight / numpy.float32(max_value)
    values = tone(values)
    # The window's centre of gravity lies inwards of a pixel at the edge; the second pass takes off what that leaves.
    for _ in range(2):
        values -= box_mean(values, window_px, threads=threads) / share
        values *= weight
    return Residual(values, inner, (top, left), tone)


def _box_of(mask: Mask) -> tuple[slice, slice] | None:
    """The smallest box around the pixels set, or `None` if there are none."""
    rows, columns = numpy.flatnonzero(mask.any(axis=1)), numpy.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _inside_border(shape: tuple[int, ...], width: int) -> Mask:
    inside = numpy.zeros(shape, bool)
    inside[width : shape[0] - width, width : shape[1] - width] = True
    return inside


def local_statistics(values: Field, inner: Mask, window_px: int, threads: int | None = None) -> LocalStatistics:
    """Mean and deviation over the part of the window that is inside `inner`, robust to rare bright pixels.

    Values farther than three deviations from the mean are drawn in and both are taken anew, so that the few pixels of
    a cluster of calcifications do not raise the noise that they are measured against.
    """
    inside = numpy.ascontiguousarray(inner[::STRIDE, ::STRIDE])
    weight = inside.astype(numpy.float32)
    sparse = numpy.ascontiguousarray(values[::STRIDE, ::STRIDE])
    radius = max(1, window_px // STRIDE)
    share = numpy.maximum(box_mean(inside.view(numpy.uint8), radius, threads=threads), numpy.float32(1e-6))
    mean, deviation = _moments(sparse * weight, share, radius, threads)
    clipped = numpy.clip(sparse, mean - CLIP * deviation, mean + CLIP * deviation)
    return LocalStatistics(*_moments(clipped * weight, share, radius, threads))


def _moments(values: Field, share: Field, radius: int, threads: int | None) -> tuple[Field, Field]:
    mean = box_mean(values, radius, threads=threads) / share
    square = box_mean(values * values, radius, threads=threads) / share
    deviation = numpy.sqrt(numpy.maximum(square - mean * mean, 0))
    return mean, deviation
