"""Everything that is measured of a calcification: size, shape, contrast, texture, intensities, detail."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.features.intensity import intensities
from mcfast.detect.features.measure import centres
from mcfast.detect.features.shape import shapes
from mcfast.detect.features.spot import Spots, medians, spots
from mcfast.detect.features.texture import levels, textures

__all__ = ["CalcificationFeatures", "calcification_features"]

DEVIATION = 1.4826  # of normal noise, in median absolute deviations (Rousseeuw and Croux, JASA 88(424), 1993)
SPACING_MM = (0.01, 1.0)  # what is taken for a mammogram's; windows are 301 and 7 pixels wide there

Values = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CalcificationFeatures:
    """Features of N calcifications, each (N,) float64.

    They describe, and diagnose nothing. `mcfast.detect.features.FEATURES` has every one's unit, meaning and reference.
    A feature that is not defined is NaN: skewness, kurtosis, wavelet energy ratio and co-occurrence's correlation in a
    window of one value (the correlation also where the pairs of one direction are of one level), all co-occurrence in
    an image one pixel wide, contrast-to-noise where the noise is 0 or, not being given, nothing of the ring is in the
    image.

    Attributes
    ----------
    rows, columns
        Centre of gravity, pixels.
    area_mm2, equivalent_diameter_mm, feret_diameter_mm, perimeter_mm
        Size of the spot.
    circularity, eccentricity, convexity
        Shape of the spot, 0 .. 1.
    contrast, contrast_to_noise
        Peak minus background, in counts and in deviations of the noise.
    glcm_contrast, glcm_correlation, glcm_energy, glcm_homogeneity
        Texture of the window.
    mean, standard_deviation, skewness, kurtosis, entropy
        First-order statistics of the window.
    wavelet_energy_ratio
        Share of fine detail in the window's energy, 0 .. 1.
    """

    rows: Values
    columns: Values
    area_mm2: Values
    equivalent_diameter_mm: Values
    feret_diameter_mm: Values
    perimeter_mm: Values
    circularity: Values
    eccentricity: Values
    convexity: Values
    contrast: Values
    contrast_to_noise: Values
    glcm_contrast: Values
    glcm_correlation: Values
    glcm_energy: Values
    glcm_homogeneity: Values
    mean: Values
    standard_deviation: Values
    skewness: Values
    kurtosis: Values
    entropy: Values
    wavelet_energy_ratio: Values


def calcification_features(
    image: NDArray[Any],
    positions: NDArray[numpy.int32],
    spacing_mm: float,
    noise: NDArray[Any] | None = None,
) -> CalcificationFeatures:
    """Measure the calcifications at given pixels.

    The spot is what `mcfast.detect.features.measure` takes: the peak is the brightest of the 3x3 pixels at the
    position, the background the median of a ring of 1 to 1.5 mm around it, the spot what is at least as bright as their
    mean, connected to the peak and within 1 mm. Size and shape are the spot's; texture, statistics and detail are those
    of the window around the peak, 31 pixels or 3.1 mm wide at 0.1 mm, as a spot of a few pixels has none.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, bright = dense.
    positions
        (N, 2) integer rows and columns of peaks, pixels.
    spacing_mm
        Distance of pixel centres, 0.01 .. 1 mm. Texture is that of neighbouring pixels: compare it at one spacing only.
    noise
        (N,) standard deviation of the noise around each, counts, at least 0; `None` takes 1.4826 times the median
        absolute deviation of the ring, in which the tissue's own slope counts as noise.

    Returns
    -------
    `CalcificationFeatures`, in the order of the positions. O(pixels of the windows).

    Raises
    ------
    TypeError
        If the image has another dtype, or the positions are no integers.
    ValueError
        If a shape or value is none of these, a position is outside the image, or its brightest pixel is not finite.
    """
    _check(image, positions, spacing_mm)
    positions = numpy.asarray(positions)
    deviations = None if noise is None else _checked_noise(noise, len(positions))
    found, done = [numpy.empty((len(fields(CalcificationFeatures)), 0))], 0
    for some in spots(image, positions, float(spacing_mm)):
        if not numpy.isfinite(some.contrast).all():
            index = done + int(numpy.isfinite(some.contrast).argmin())
            raise ValueError(
                "calcification_features(image): expected finite pixels at the positions, got "
                f"{image[tuple(some.peaks[index - done])]} at {positions[index].tolist()}; replace what is not finite"
            )
        given = None if deviations is None else deviations[done : done + len(some.peaks)]
        found.append(numpy.array([*_features(some, float(spacing_mm), given)]))
        done += len(some.peaks)
    return CalcificationFeatures(*numpy.concatenate(found, axis=1))


def _features(some: Spots, spacing: float, noise: Values | None) -> Iterator[Values]:
    """The features of some spots, in the order of `CalcificationFeatures`."""
    yield from centres(some)
    shape = shapes(some.masks)
    area = shape.area * spacing**2
    yield area
    yield 2 * numpy.sqrt(area / math.pi)
    yield shape.feret_diameter * spacing
    yield shape.perimeter * spacing
    # Four directions see too little of the outline of a few pixels: theirs come out too round.
    yield numpy.minimum(4 * math.pi * shape.area / shape.perimeter**2, 1.0)
    yield shape.eccentricity
    yield shape.area / shape.convex_area
    yield some.contrast
    deviation = _ring_noise(some) if noise is None else noise
    yield some.contrast / numpy.where(deviation > 0, deviation, numpy.nan)
    sorted_in = levels(some.windows, some.whole)
    texture = textures(sorted_in)
    yield from (texture.contrast, texture.correlation, texture.energy, texture.homogeneity)
    intensity = intensities(some.windows, sorted_in)
    yield from (intensity.mean, intensity.standard_deviation, intensity.skewness, intensity.kurtosis)
    yield from (intensity.entropy, intensity.wavelet_energy_ratio)


def _ring_noise(some: Spots) -> Values:
    """(N,) robust deviation of the ring's values; NaN where there are none."""
    return DEVIATION * medians(numpy.abs(some.ring - some.background[:, None]))


def _check(image: Any, positions: Any, spacing: Any) -> None:
    """Refuse arguments that cannot be measured."""
    if not isinstance(image, numpy.ndarray) or image.dtype not in ("uint8", "uint16", "float32"):
        kind = image.dtype if isinstance(image, numpy.ndarray) else type(image).__name__
        raise TypeError(f"calcification_features(image): expected an array of uint8, uint16 or float32, got {kind}")
    if image.ndim != 2 or not image.size:
        raise ValueError(f"calcification_features(image): expected (rows, columns), got shape {image.shape}")
    places = numpy.asarray(positions)
    if places.ndim != 2 or places.shape[1] != 2:
        raise ValueError(f"calcification_features(positions): expected shape (N, 2), got {places.shape}")
    if places.dtype.kind not in "iu":
        raise TypeError(f"calcification_features(positions): expected integers, got {places.dtype}; round them")
    outside = ((places < 0) | (places >= numpy.array(image.shape))).any(axis=1)
    if outside.any():
        raise ValueError(
            f"calcification_features(positions): expected pixels of the image of shape {image.shape}, got "
            f"{places[outside.argmax()].tolist()}"
        )
    least, most = SPACING_MM
    if not isinstance(spacing, Real) or isinstance(spacing, bool) or not least <= float(spacing) <= most:
        raise ValueError(f"calcification_features(spacing_mm): expected {least:g} .. {most:g}, got {spacing!r}")


def _checked_noise(noise: Any, count: int) -> Values:
    """The given noise as float64."""
    values = numpy.asarray(noise)
    if values.shape != (count,) or values.dtype.kind not in "iuf":
        raise ValueError(
            f"calcification_features(noise): expected one number per position, shape ({count},), got {values.dtype} of "
            f"shape {values.shape}"
        )
    if not (numpy.isfinite(values) & (values >= 0)).all():
        raise ValueError("calcification_features(noise): expected finite deviations of at least 0")
    return values.astype(numpy.float64)
