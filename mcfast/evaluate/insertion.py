"""Phantom calcifications in real mammograms: backgrounds that nobody drew, with a truth that is known exactly.

For testing only. What was in the images before is not known: calcifications of their own count as false positives, or
are left out where they are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.truth import ImageTruth, Mark, point
from mcfast.ops import box_mean, gaussian_blur
from mcfast.phantom.distribution import distribute
from mcfast.phantom.morphology import Shape, calcification

__all__ = ["fine_noise", "insert"]

NOISE_SIGMA_MM, NOISE_WINDOW_MM = 0.2, 5.0
EDGE_MM = 0.8  # of the breast without calcifications: the skin itself
SHAPES: dict[Shape, float] = {"irregular": 0.8, "rod": 0.08, "soft": 0.07, "rim": 0.05}


def insert(
    image: NDArray[numpy.uint16],
    mask: NDArray[numpy.bool_],
    spacing_mm: float,
    *,
    max_value: float,
    name: str,
    seed: int,
    clusters: int = 3,
    singles: int = 12,
    shapes: Mapping[Shape, float] = SHAPES,
) -> tuple[NDArray[numpy.uint16], ImageTruth]:
    """Draw calcifications into a copy of an image.

    Parameters
    ----------
    image, mask
        (H, W) uint16, and the breast as (H, W) bool.
    spacing_mm, max_value
        Distance of pixel centres, and intensity of white.
    name
        Of the image, for the truth.
    seed
        Decides places, shapes and contrasts.
    clusters, singles
        How many; fewer where there is no room.
    shapes
        The share of each shape; together 1.

    Returns
    -------
    The image with calcifications of 0.15 to 1 mm, 4 to 40 deviations of the noise around them in a matched filter's
    terms for each 0.15 mm of their diameter's root, and the truth.
    """
    rng = numpy.random.default_rng([seed, 0x1A5E])
    values = image.astype(numpy.float32) / numpy.float32(max_value)
    noise = fine_noise(values, mask, spacing_mm)
    allowed = _deeper(mask, round(EDGE_MM / spacing_mm))
    blur_mm = rng.uniform(0.05, 0.1)
    marks: list[Mark] = []
    taken: list[tuple[float, float, float]] = []
    typical: dict[int | None, tuple[Shape, float, float]] = {}
    for row, column, cluster in distribute(allowed, clusters, singles, spacing_mm, rng, apart_mm=0.6):
        if cluster is None or cluster not in typical:
            shape = list(shapes)[int(rng.choice(len(shapes), p=list(shapes.values())))]
            size = float(numpy.exp(rng.uniform(numpy.log(0.5 if shape != "irregular" else 0.16), numpy.log(1.0))))
            typical[cluster] = shape, size, float(numpy.exp(rng.uniform(numpy.log(5.0), numpy.log(40.0))))
        shape, size, strength = typical[cluster]
        diameter = float(numpy.clip(size * numpy.exp(rng.normal(0, 0.25)), 0.14, 1.2))
        drawn = calcification(shape, diameter, spacing_mm, blur_mm, rng)
        half = drawn.profile.shape[0] // 2
        if min(row, column) < half or row + half >= image.shape[0] or column + half >= image.shape[1]:
            continue
        # What touches is one calcification to the eye, and no mark can tell it from its neighbour.
        if any(numpy.hypot(row - r, column - c) * spacing_mm < 0.7 * (diameter + d) for r, c, d in taken):
            continue
        taken.append((row, column, diameter))
        detectability = strength * (diameter / 0.15) ** 0.5 * float(numpy.exp(rng.normal(0, 0.2)))
        peak = drawn.peak(detectability) * noise[row, column]
        values[row - half : row + half + 1, column - half : column + half + 1] += peak * drawn.profile
        marks.append(point(row + drawn.row_offset, column + drawn.column_offset, cluster))
    counts = numpy.clip(numpy.rint(values * numpy.float32(max_value)), 0, max_value).astype(numpy.uint16)
    return counts, ImageTruth(name, tuple(marks), (), name, (spacing_mm, spacing_mm))


def fine_noise(values: NDArray[numpy.float32], mask: NDArray[numpy.bool_], spacing_mm: float) -> NDArray[numpy.float32]:
    """Deviation of what is finer than 0.2 mm, from the mean size over 5 mm of breast: (H, W)."""
    fine = numpy.abs(values - gaussian_blur(values, NOISE_SIGMA_MM / spacing_mm)) * mask
    radius = round(NOISE_WINDOW_MM / spacing_mm / 2)
    share = numpy.maximum(box_mean(mask.astype(numpy.float32), radius), 1e-3)
    # Of Gaussian noise the mean size is sqrt(2 / pi) deviations.
    deviation: NDArray[numpy.float32] = box_mean(fine.astype(numpy.float32), radius) / share * numpy.sqrt(numpy.pi / 2)
    return deviation


def _deeper(mask: NDArray[numpy.bool_], pixels: int) -> NDArray[Any]:
    from mcfast.footprints import disk
    from mcfast.ops import erode

    inner: NDArray[Any] = erode(mask.view(numpy.uint8), disk(pixels)).view(bool)
    inner[:pixels] = inner[-pixels:] = inner[:, :pixels] = inner[:, -pixels:] = False
    return inner
