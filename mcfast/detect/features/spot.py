"""The bright spot at a pixel, its window and its background: what all features of calcifications are taken from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Spots", "spots"]

REACH_MM = 1.5  # half side of the window that is looked at
RING_MM = (1.0, 1.5)  # the background; what is larger than its inside is no calcification of interest
TOGETHER = 1 << 17  # pixels of the windows that are worked on at once: a core's own cache holds them

Values = NDArray[numpy.float64]
Mask = NDArray[numpy.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Windows and outlines of N spots.

    Attributes
    ----------
    peaks
        (N, 2) int64 row and column of the brightest of the 3x3 pixels at each position.
    windows
        (N, side, side) float64, 3.1 mm at 0.1 mm per pixel, the peak in the middle; NaN outside the image and where
        its value is not finite.
    whole
        (N,) bool, nothing of the window is NaN.
    ring
        (N, count) the window's values from 1 to 1.5 mm around the peak.
    background
        (N,) median of the ring; where none of it is in the image, the darkest pixel of the window.
    contrast
        (N,) peak minus background.
    masks
        (N, inner, inner) bool, the peak in the middle: the pixels that are at least as bright as half the contrast,
        less than 1 mm from the peak and connected to it (eight neighbours). Their outermost rows and columns are
        empty unless `inner` is 1.
    """

    peaks: NDArray[numpy.int64]
    windows: Values
    whole: Mask
    ring: Values
    background: Values
    contrast: Values
    masks: Mask

    @property
    def crops(self) -> Values:
        """(N, inner, inner) view of the windows: the part that `masks` lie on."""
        return _crop(self.windows, self.masks.shape[1])


def spots(image: NDArray[Any], positions: NDArray[numpy.int32], spacing_mm: float) -> Iterator[Spots]:
    """Segment the bright spots at given pixels, some at a time, in order.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32.
    positions
        (N, 2) int32 rows and columns.
    spacing_mm
        Distance of pixel centres.

    Yields
    ------
    `Spots` of at most about 2^17 pixels; none for no positions. O(side^2) per position.
    """
    reach = max(3, round(REACH_MM / spacing_mm))
    inner = math.ceil(RING_MM[0] / spacing_mm)
    offset = numpy.arange(-reach, reach + 1)
    distance = numpy.hypot(offset[:, None], offset[None, :]) * spacing_mm
    ring = numpy.flatnonzero((distance >= RING_MM[0]) & (distance <= RING_MM[1]))
    near = _crop(distance, 2 * inner + 1) < RING_MM[0]
    near[[0, -1]] = near[:, [0, -1]] = False  # what rounding lets in would reach round the border when flattened
    step = max(1, TOGETHER // distance.size)
    for first in range(0, len(positions), step):
        peaks = _brightest(image, positions[first : first + step])
        windows = _windows(image, peaks, reach)
        values = windows.reshape(len(peaks), -1)
        whole = ~numpy.isnan(values.sum(axis=1))
        around = values.take(ring, axis=1)
        background = _background(values, around)
        contrast = windows[:, reach, reach] - background
        crops = _crop(windows, 2 * inner + 1)
        bright = crops >= (background + contrast / 2)[:, None, None]
        masks = _connected(bright & near)
        yield Spots(peaks, windows, whole, around, background, contrast, masks)


def medians(values: Values) -> Values:
    """(N,) median of what is not NaN in each row of (N, count) values; NaN where all is."""
    # NaN sort last. Sorts are vectorised: of some hundred values they take less time than numpy.partition.
    rows = numpy.sort(values, axis=1)
    known = values.shape[1] - numpy.isnan(rows).sum(axis=1)
    every = numpy.arange(len(rows))
    median: Values = (rows[every, (known - 1) // 2] + rows[every, numpy.minimum(known // 2, values.shape[1] - 1)]) / 2
    return median


def _crop(windows: NDArray[Any], side: int) -> NDArray[Any]:
    """The middle of the last two axes."""
    skip = (windows.shape[-1] - side) // 2
    return windows[..., skip : skip + side, skip : skip + side]


def _background(values: Values, around: Values) -> Values:
    """(N,) median over the ring; where none of it is in the image, the darkest pixel that is."""
    background = medians(around)
    alone = numpy.flatnonzero(numpy.isnan(background))
    background[alone] = numpy.nanmin(values[alone], axis=1, initial=numpy.inf)
    return background


def _connected(bright: Mask) -> Mask:
    """(N, side, side) bool, what is connected to the middle pixel, itself included, within each mask.

    Geodesic dilation (Vincent, IEEE Trans. Image Processing 2(2), 1993, section 3) of all masks at once. The outermost
    rows and columns are empty, so that a shift of the flat array moves every mask and nothing passes from one to the
    next. O(longest path) rounds.
    """
    count, side, _ = bright.shape
    middle = side // 2
    bright[:, middle, middle] = True
    flat = bright.ravel()
    grown = numpy.zeros_like(bright)
    grown[:, middle, middle] = True
    grown = grown.ravel()
    while True:
        wide = grown.copy()
        wide[1:] |= grown[:-1]
        wide[:-1] |= grown[1:]
        more = wide.copy()
        more[side:] |= wide[:-side]
        more[:-side] |= wide[side:]
        more &= flat
        if numpy.array_equal(more, grown):
            return more.reshape(count, side, side)
        grown = more


def _brightest(image: NDArray[Any], positions: NDArray[numpy.int32]) -> NDArray[numpy.int64]:
    """The brightest of the 3x3 pixels at each position; the first of equals."""
    offsets = numpy.stack(numpy.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij"), axis=-1).reshape(9, 2)
    around = numpy.clip(positions[:, None] + offsets, 0, numpy.array(image.shape) - 1)
    best = image[around[..., 0], around[..., 1]].argmax(axis=1)
    brightest: NDArray[numpy.int64] = around[numpy.arange(len(positions)), best].astype(numpy.int64)
    return brightest


def _windows(image: NDArray[Any], centres: NDArray[numpy.int64], reach: int) -> Values:
    """(N, side, side) float64 windows, NaN outside the image and where it is not finite."""
    side = 2 * reach + 1
    windows = numpy.empty((len(centres), side, side))
    within = ((centres >= reach) & (centres < numpy.array(image.shape) - reach)).all(axis=1)
    if within.any():
        every = numpy.lib.stride_tricks.sliding_window_view(image, (side, side))
        windows[within] = every[tuple((centres[within] - reach).T)]
    offset = numpy.arange(-reach, reach + 1)
    cut = numpy.flatnonzero(~within)
    rows = centres[cut, 0, None, None] + offset[:, None]
    columns = centres[cut, 1, None, None] + offset[None, :]
    inside = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
    clipped = image[numpy.clip(rows, 0, image.shape[0] - 1), numpy.clip(columns, 0, image.shape[1] - 1)]
    windows[cut] = numpy.where(inside, clipped.astype(numpy.float64), numpy.nan)
    if image.dtype.kind == "f":
        windows[~numpy.isfinite(windows)] = numpy.nan
    return windows
