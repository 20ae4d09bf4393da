"""What is measured of a calcification: place, diameter, contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Features", "measure"]

REACH_MM = 1.5  # half side of the window that is looked at
RING_MM = (1.0, 1.5)  # the background; what is larger than its inside is no calcification of interest

Values = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Measured features of N calcifications.

    Attributes
    ----------
    rows, columns
        (N,) centre of gravity of the part brighter than half the contrast, pixels.
    diameter_mm
        (N,) diameter of the disk that has this part's area.
    contrast
        (N,) peak minus the ring's median, in the image's counts.
    """

    rows: Values
    columns: Values
    diameter_mm: Values
    contrast: Values


def measure(image: NDArray[Any], positions: NDArray[numpy.int32], spacing_mm: float) -> Features:
    """Measure the bright spots at given pixels.

    The peak is the brightest of the 3x3 pixels at the position; the background is the median of a ring of 1 to
    1.5 mm around it; the spot is what is connected to the peak and brighter than their mean.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32.
    positions
        (N, 2) int32 rows and columns.
    spacing_mm
        Distance of pixel centres.

    Returns
    -------
    `Features`. O(N).
    """
    from scipy import ndimage

    reach = max(3, round(REACH_MM / spacing_mm))
    peaks = _brightest(image, positions)
    windows, down, right = _windows(image, peaks, reach)
    distance = numpy.hypot(down, right) * spacing_mm
    ring = (distance >= RING_MM[0]) & (distance <= RING_MM[1])
    background = _background(windows, ring)
    contrast = windows[:, reach, reach] - background
    above = windows - background[:, None, None] - contrast[:, None, None] / 2
    bright = (above >= 0) & (distance < RING_MM[0])
    bright[:, reach, reach] = True
    links = numpy.zeros((3, 3, 3), bool)
    links[1] = True  # neighbours within a window only
    labels, _ = ndimage.label(bright, structure=links)
    spot = labels == labels[:, reach, reach][:, None, None]
    weight = numpy.where(spot, numpy.maximum(numpy.nan_to_num(windows - background[:, None, None]), 1e-12), 0.0)
    total = weight.sum(axis=(1, 2))
    area = spot.sum(axis=(1, 2)) * spacing_mm**2
    return Features(
        peaks[:, 0] + (weight * down).sum(axis=(1, 2)) / total,
        peaks[:, 1] + (weight * right).sum(axis=(1, 2)) / total,
        2 * numpy.sqrt(area / numpy.pi),
        contrast,
    )


def _background(windows: Values, ring: NDArray[numpy.bool_]) -> Values:
    """(N,) median over the ring; where none of it is in the image, the darkest pixel that is."""
    values = windows[:, ring]
    outside = numpy.isnan(values).all(axis=1)
    values[outside] = numpy.nanmin(windows[outside].reshape(-1, ring.size), axis=1, initial=numpy.inf)[:, None]
    median: Values = numpy.nanmedian(values, axis=1)
    return median


def _brightest(image: NDArray[Any], positions: NDArray[numpy.int32]) -> NDArray[numpy.int64]:
    """The brightest of the 3x3 pixels at each position; the first of equals."""
    offsets = numpy.stack(numpy.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij"), axis=-1).reshape(9, 2)
    around = numpy.clip(positions[:, None] + offsets, 0, numpy.array(image.shape) - 1)
    best = image[around[..., 0], around[..., 1]].argmax(axis=1)
    brightest: NDArray[numpy.int64] = around[numpy.arange(len(positions)), best].astype(numpy.int64)
    return brightest


def _windows(image: NDArray[Any], centres: NDArray[numpy.int64], reach: int) -> tuple[Values, Values, Values]:
    """(N, side, side) float64 windows, NaN outside the image, and the offsets of their pixels."""
    offset = numpy.arange(-reach, reach + 1)
    rows = centres[:, 0, None, None] + offset[:, None]
    columns = centres[:, 1, None, None] + offset[None, :]
    inside = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
    clipped = image[numpy.clip(rows, 0, image.shape[0] - 1), numpy.clip(columns, 0, image.shape[1] - 1)]
    windows = numpy.where(inside, clipped.astype(numpy.float64), numpy.nan)
    down, right = numpy.broadcast_arrays(offset[:, None].astype(float), offset[None, :].astype(float))
    return windows, down, right
