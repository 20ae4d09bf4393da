"""Intensity of windows: first-order statistics and the share of fine detail in their energy. All windows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from mcfast.detect.features.texture import LEVELS, Levels

__all__ = ["Intensities", "intensities"]

Values = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Intensities:
    """Statistics of N windows, each (N,) float64, over the pixels that there are.

    Attributes
    ----------
    mean, standard_deviation
        In the image's counts; the deviation of the window itself (divided by the number of pixels).
    skewness, kurtosis
        Third and fourth standardised moment, 3 subtracted of the latter; NaN in a window of one value.
    entropy
        Of the 16 levels' shares, bits, 0 .. 4.
    wavelet_energy_ratio
        Energy of the details of a Haar decomposition in two levels over all energy about the mean, 0 .. 1; NaN in a
        window of one value.
    """

    mean: Values
    standard_deviation: Values
    skewness: Values
    kurtosis: Values
    entropy: Values
    wavelet_energy_ratio: Values


def intensities(windows: Values, sorted_in: Levels) -> Intensities:
    """Measure the intensities of windows.

    Parameters
    ----------
    windows
        (N, side, side) float64, an odd side of at least 5, NaN where there is no pixel.
    sorted_in
        (N, side, side) uint8, the levels of these pixels (`mcfast.detect.features.texture.levels`).

    Returns
    -------
    `Intensities`. O(pixels).
    """
    count = len(windows)
    values = windows.reshape(count, -1)
    missing = numpy.isnan(values)
    known = values.shape[1] - missing.sum(axis=1)
    mean = numpy.nanmean(values, axis=1) if missing.any() else values.mean(axis=1)
    above = values - mean[:, None]
    above[missing] = 0
    squares = above * above
    variance = squares.sum(axis=1) / known
    # The brightest pixel has the last level, but where all are equal; there the mean's own rounding is no spread.
    flat = ~(sorted_in == LEVELS - 1).any(axis=(1, 2))
    spread = numpy.where(flat, numpy.nan, variance)
    return Intensities(
        mean,
        numpy.where(flat, 0.0, numpy.sqrt(variance)),
        numpy.einsum("ni,ni->n", squares, above) / known / spread**1.5,
        numpy.einsum("ni,ni->n", squares, squares) / known / spread**2 - 3,
        _entropy(sorted_in, known),
        _detail(above.reshape(windows.shape), flat),
    )


def _entropy(sorted_in: Levels, known: NDArray[numpy.int64]) -> Values:
    """(N,) Shannon's entropy of the levels, bits."""
    count = len(sorted_in)
    cells = sorted_in.reshape(count, -1) + (numpy.arange(count) * (LEVELS + 1))[:, None]
    counts = numpy.bincount(cells.ravel(), minlength=count * (LEVELS + 1)).reshape(count, LEVELS + 1)[:, :LEVELS]
    shares = counts / known[:, None]
    entropy: Values = -(shares * numpy.log2(numpy.where(shares > 0, shares, 1.0))).sum(axis=1)
    return entropy + 0.0  # no -0


def _detail(above: Values, flat: NDArray[numpy.bool_]) -> Values:
    """(N,) share of the energy about the mean that two levels of the orthonormal Haar transform hold as details.

    The transform keeps energy (Mallat, IEEE Trans. Pattern Analysis 11(7), 1989), and its second approximation is the
    sum over 4x4 pixels divided by 4: the details are what these leave. As many blocks as fit, an odd number each way,
    with the window's middle pixel third of four in the middle one, so that a small spot is not cut by their borders.
    """
    side = above.shape[1]
    blocks = (side // 4 - 1) // 2 * 2 + 1
    first = side // 2 - 2 * blocks
    part = numpy.ascontiguousarray(above[:, first : first + 4 * blocks, first : first + 4 * blocks])
    part -= part.mean(axis=(1, 2), keepdims=True)
    energy = numpy.einsum("nij,nij->n", part, part)
    strips = numpy.add.reduceat(part, numpy.arange(0, 4 * blocks, 4), axis=1)
    sums = numpy.add.reduceat(strips, numpy.arange(0, 4 * blocks, 4), axis=2) / 4
    coarse = numpy.einsum("nij,nij->n", sums, sums)
    energy = numpy.where(flat | (energy <= 0), numpy.nan, energy)
    ratio: Values = numpy.clip(1 - coarse / energy, 0, 1)
    return ratio
