"""A whole image in units of its noise: every pixel by the noise around itself, or every patch by that at its centre."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.classify import RANGE
from mcfast.detect.propose import BORDER_MM, MEAN_MM, NOISE_MM, SKIN_MM, Candidates
from mcfast.detect.residual import FLOOR, STRIDE, Residual, flatten, local_statistics
from mcfast.detect.tone import Tone, tone_of

__all__ = ["candidates_at", "flattened", "in_noise"]

SPACING_MM = 0.1
Image = NDArray[Any]
Mask = NDArray[numpy.bool_]


def in_noise(image: Image, mask: Mask, white: float, *, spacing_mm: float = SPACING_MM) -> NDArray[numpy.float32]:
    """The (H, W) image with its local mean taken off, each pixel in deviations of the noise around it.

    What patch classifiers of `mcfast train patch-classifier` see. As it does not depend on where a patch is cut, every
    patch of the result is a plain part of it.

    (H, W) float32, clipped to -8 .. 24, 0 outside the breast and in its skin. O(pixels).
    """
    result = numpy.zeros(image.shape, numpy.float32)
    residual = flattened(image, mask, white, spacing_mm=spacing_mm)
    if residual is None:
        return result
    rows, columns = residual.values.shape
    deviation = local_statistics(residual.values, residual.inner, _pixels(NOISE_MM, spacing_mm)).deviation
    around = deviation.repeat(STRIDE, axis=0).repeat(STRIDE, axis=1)[:rows, :columns]
    top, left = residual.origin
    part = result[top : top + rows, left : left + columns]
    numpy.clip(residual.values / numpy.maximum(around, numpy.float32(FLOOR)), *RANGE, out=part)
    return result


def candidates_at(
    image: Image,
    mask: Mask,
    places: NDArray[numpy.int32],
    white: float,
    *,
    spacing_mm: float = SPACING_MM,
    threads: int | None = None,
) -> Candidates:
    """Given (N, 2) places as `classify` takes candidates: each patch in deviations of the noise at its centre.

    Tone, flattening and noise are those of `propose`; places that are no breast below the skin are left out. `response`
    is not looked for: it is 0. O(pixels + N).
    """
    residual = flattened(image, mask, white, spacing_mm=spacing_mm, tone=tone_of(image, mask, white), threads=threads)
    if residual is None:
        empty = numpy.empty(0, numpy.float32)
        return Candidates(numpy.empty((0, 2), numpy.int32), empty, empty, None)
    inside = places - numpy.array(residual.origin, numpy.int32)
    inside = inside[((inside >= 0) & (inside < residual.inner.shape)).all(axis=1)]
    inside = inside[residual.inner[tuple(inside.T)]]
    statistics = local_statistics(residual.values, residual.inner, _pixels(NOISE_MM, spacing_mm), threads)
    noise = numpy.maximum(statistics.at(inside)[1], numpy.float32(FLOOR))
    kept = inside + numpy.array(residual.origin, numpy.int32)
    return Candidates(kept, numpy.zeros_like(noise), noise, residual, residual.tone)


def flattened(
    image: Image,
    mask: Mask,
    white: float,
    *,
    spacing_mm: float = SPACING_MM,
    tone: Tone | None = None,
    threads: int | None = None,
) -> Residual | None:
    """`flatten` by the lengths of `propose`."""
    skin, border, mean = (_pixels(length, spacing_mm) for length in (SKIN_MM, BORDER_MM, MEAN_MM))
    return flatten(
        image,
        mask,
        max_value=white,
        skin_px=skin,
        border_px=border,
        window_px=mean,
        tone=tone,
        threads=threads,
    )


def _pixels(length_mm: float, spacing_mm: float) -> int:
    return max(1, round(length_mm / spacing_mm))
