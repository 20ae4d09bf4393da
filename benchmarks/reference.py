"""The guided filter in float64, to measure errors against: not rounded to float32 at the end, as the backend is."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from benchmarks.inputs import Inputs

__all__ = ["guided_error", "guided_filter"]

Field = NDArray[numpy.float64]


def guided_filter(image: NDArray[numpy.uint16], radius: int, eps: float) -> Field:
    """He, Sun and Tang (PAMI 2013), equations 5, 6 and 8, self-guided; windows clipped at the border."""
    # Sums of integers stay exact, so that the variance does not cancel.
    counts = image.astype(numpy.int64)
    pixels = _sum(numpy.ones_like(counts), radius)
    first, second = _sum(counts, radius), _sum(counts * counts, radius)
    variance = (second * pixels - first * first) / (pixels.astype(numpy.float64) ** 2)
    mean = first / pixels
    a = numpy.divide(variance, variance + eps, out=numpy.zeros_like(mean), where=variance + eps > 0)
    b = mean * (1 - a)
    return (_sum(a, radius) * counts + _sum(b, radius)) / pixels


def guided_error(inputs: Inputs, answer: NDArray[numpy.float32], *, r: int, eps: float) -> float:
    """Largest absolute error of `answer` in counts, over the whole image."""
    return float(numpy.abs(guided_filter(inputs.image, r, eps) - answer).max())


def _sum(values: NDArray[Any], radius: int) -> NDArray[Any]:
    """Sum over the part of the (2 radius + 1)^2 window that lies inside the image."""
    for axis in (0, 1):
        length = values.shape[axis]
        running = numpy.concatenate([numpy.zeros_like(values.take([0], axis)), values.cumsum(axis)], axis)
        first = numpy.maximum(numpy.arange(length) - radius, 0)
        last = numpy.minimum(numpy.arange(length) + radius + 1, length)
        values = running.take(last, axis) - running.take(first, axis)
    return values
