"""What is measured of a calcification: place, diameter, contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.features.spot import Spots, spots

__all__ = ["Features", "measure"]

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
    found = [
        (*centres(some), some.masks.sum(axis=(1, 2)), some.contrast) for some in spots(image, positions, spacing_mm)
    ]
    rows, columns, pixels, contrast = (
        (numpy.concatenate(parts) for parts in zip(*found, strict=True))
        if found
        else (numpy.empty(0) for _ in range(4))
    )
    return Features(rows, columns, 2 * numpy.sqrt(pixels * spacing_mm**2 / numpy.pi), contrast)


def centres(some: Spots) -> tuple[Values, Values]:
    """(N,) rows and columns of the spots' centres of gravity, each pixel weighing what it is above the background."""
    above = numpy.nan_to_num(some.crops - some.background[:, None, None])
    weight = numpy.where(some.masks, numpy.maximum(above, 1e-12), 0.0)
    offset = numpy.arange(weight.shape[1]) - weight.shape[1] // 2
    total = weight.sum(axis=(1, 2))
    rows = some.peaks[:, 0] + (weight.sum(axis=2) * offset).sum(axis=1) / total
    columns = some.peaks[:, 1] + (weight.sum(axis=1) * offset).sum(axis=1) / total
    return rows, columns
