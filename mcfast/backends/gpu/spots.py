"""Launch plan of the response to bright spots: Gaussians, their differences, deviations, the maximum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.launch import Call, by_pixel
from mcfast.backends.gpu.residual import DevicePart
from mcfast.backends.gpu.views import View

__all__ = ["spot_response"]

MOMENT_THREADS, MOMENT_LINES, MOMENT_STEP = 128, 16, 3  # as in csrc/spots/spots.cuh
CLIP = 3.0
SOURCE = "spots/spots.cuh"


def spot_response(call: Call, part: DevicePart, sigmas: Sequence[float], *, floor: float) -> View:
    """As `mcfast.detect.propose.spot_response`: (H, W) float32 in scratch memory, -inf beyond the part.

    `sigmas` ascend, in pixels; a scale's deviation is at least `floor`.
    """
    rows, columns = part.values.shape
    shape, width = (rows, columns), numpy.int32(columns)
    finer, coarser, sums, response = (call.scratch(shape, numpy.float32) for _ in range(4))
    blocks = -(-rows // (MOMENT_STEP * MOMENT_LINES))
    partial, deviation = call.scratch((blocks, 3), numpy.float64), call.scratch((1,), numpy.float32)
    _gaussian(call, part, sigmas[0], sums, finer)
    before: View | None = None
    for sigma in sigmas[1:]:
        _gaussian(call, part, sigma, sums, coarser)
        for known, lowest in ((None, 0.0), (deviation, floor)):
            between = (finer, coarser, part.inside, part.box, known, numpy.float32(CLIP), partial, width)
            call.launch(SOURCE, "difference_moments", (blocks,), (MOMENT_THREADS,), *between)
            call.launch(
                *(SOURCE, "moments_deviation", (1,), (32,)),
                *(partial, numpy.int32(blocks), numpy.float32(lowest), deviation),
            )
        sides = numpy.int32(rows), width
        by_pixel(call, SOURCE, "spot_response", shape, finer, coarser, part.box, deviation, before, response, *sides)
        before, finer, coarser = response, coarser, finer
    return response


def _gaussian(call: Call, part: DevicePart, sigma: float, sums: View, out: View) -> None:
    weights, weight_sums = (call.constant(array) for array in gaussian_weights(sigma))
    shape, radius, width = part.values.shape, numpy.int32(weights.shape[0] - 1), numpy.int32(part.values.shape[1])
    by_pixel(call, SOURCE, "gaussian_down", shape, part.values, part.box, weights, radius, sums, width)
    by_pixel(call, SOURCE, "gaussian_along", shape, sums, part.box, weights, weight_sums, radius, out, width)


@lru_cache(maxsize=64)
def gaussian_weights(sigma: float) -> tuple[NDArray[numpy.float32], NDArray[Any]]:
    """Weights at the distances 0, 1, ... up to four sigmas, as the core has them, and their running sums in float64."""
    distance = numpy.arange(max(1, math.ceil(4 * sigma)) + 1)
    weights = numpy.exp(-0.5 * (distance / sigma) * (distance / sigma)).astype(numpy.float32)
    return weights, numpy.cumsum(weights.astype(numpy.float64))
