"""How elongated calcifications are, alone: what clusters need of their members' shapes on every image."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.features.shape import shapes
from mcfast.detect.features.spot import spots

__all__ = ["eccentricities", "nearest_pixels"]


def nearest_pixels(places: NDArray[numpy.float64], shape: tuple[int, ...]) -> NDArray[numpy.int32]:
    """(N, 2) int32 pixels of an image of this shape nearest to (N, 2) rows and columns."""
    pixels: NDArray[numpy.int32] = numpy.clip(numpy.rint(places), 0, numpy.array(shape) - 1).astype(numpy.int32)
    return pixels


def eccentricities(image: NDArray[Any], places: NDArray[numpy.float64], spacing_mm: float) -> NDArray[numpy.float64]:
    """The `eccentricity` of `mcfast.detect.features.calcification_features` without the other features.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32.
    places
        (N, 2) rows and columns of centres, pixels.
    spacing_mm
        Distance of pixel centres.

    Returns
    -------
    (N,) 0 (round) .. 1. O(N).
    """
    some = spots(image, nearest_pixels(places, image.shape), spacing_mm)
    return numpy.concatenate([numpy.empty(0), *(shapes(one.masks).eccentricity for one in some)])
