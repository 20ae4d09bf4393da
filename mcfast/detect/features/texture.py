"""Texture of windows: grey-level co-occurrence (Haralick et al. 1973). All windows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["LEVELS", "Textures", "levels", "textures"]

LEVELS = 16

Values = NDArray[numpy.float64]
Levels = NDArray[numpy.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Textures:
    """Properties of N windows' co-occurrence matrices, each (N,) float64, the mean over four directions.

    Attributes
    ----------
    contrast
        Mean squared difference of the levels of neighbours, 0 .. 225.
    correlation
        Of the levels of neighbours, -1 .. 1; NaN where one direction's pairs have one level only.
    energy
        Root of the sum of the squared probabilities of pairs, 1/16 .. 1.
    homogeneity
        Mean of 1 / (1 + squared difference), 0 .. 1.
    """

    contrast: Values
    correlation: Values
    energy: Values
    homogeneity: Values


def levels(windows: Values, whole: NDArray[numpy.bool_]) -> Levels:
    """Sort the pixels of each window into 16 levels of equal width between its darkest and its brightest.

    Parameters
    ----------
    windows
        (N, ...) float64, NaN where there is no pixel.
    whole
        (N,) bool, nothing of the window is NaN.

    Returns
    -------
    (N, ...) uint8, 0 .. 15, and 16 where there is no pixel; 0 everywhere in windows of one value. O(pixels).
    """
    flat = windows.reshape(len(windows), -1)
    low, high = flat.min(axis=1), flat.max(axis=1)
    low[~whole], high[~whole] = numpy.nanmin(flat[~whole], axis=1), numpy.nanmax(flat[~whole], axis=1)
    span = numpy.where(high > low, high - low, 1.0)
    shares = flat - low[:, None]
    shares *= LEVELS
    shares /= span[:, None]
    if not whole.all():
        missing = numpy.isnan(shares)
        shares[missing] = 0
    sorted_in: Levels = shares.astype(numpy.uint8)
    numpy.minimum(sorted_in, LEVELS - 1, out=sorted_in)
    if not whole.all():
        sorted_in[missing] = LEVELS
    return sorted_in.reshape(windows.shape)


def textures(sorted_in: Levels) -> Textures:
    """Measure the co-occurrence of levels of pixels one pixel apart, at 0, 45, 90 and 135 degrees.

    The matrices are symmetric and normalised as `skimage.feature.graycomatrix` does; a property is the mean of those of
    the four matrices, as Haralick et al. (IEEE Trans. Systems, Man, and Cybernetics SMC-3(6), 1973) have it.

    Parameters
    ----------
    sorted_in
        (N, side, side) uint8 levels 0 .. 15; 16 where there is no pixel: its pairs do not count.

    Returns
    -------
    `Textures`. O(pixels + 4 * 256) per window.
    """
    near, far = sorted_in[:, :, :-1], sorted_in[:, :, 1:]
    directions = (
        (near, far),
        (sorted_in[:, :-1], sorted_in[:, 1:]),
        (near[:, :-1], far[:, 1:]),
        (far[:, :-1], near[:, 1:]),
    )
    found = numpy.mean([_properties(_matrices(one, other)) for one, other in directions], axis=0)
    return Textures(*found)


def _matrices(one: Levels, other: Levels) -> Values:
    """(N, 256) how often level i at one pixel goes with level j at the other, at 16 i + j, over all pairs."""
    count = len(one)
    pairs: NDArray[Any] = (one * numpy.uint8(LEVELS) + other).reshape(count, -1)
    cells = pairs + (numpy.arange(count) * LEVELS**2)[:, None]
    missing = (one == LEVELS) | (other == LEVELS)
    if missing.any():
        cells[missing.reshape(count, -1)] = count * LEVELS**2
    counts = numpy.bincount(cells.ravel(), minlength=count * LEVELS**2)[: count * LEVELS**2].reshape(count, -1)
    shares: Values = counts / numpy.maximum(counts.sum(axis=1), 1)[:, None]
    return shares


def _properties(matrices: Values) -> tuple[Values, Values, Values, Values]:
    """(N,) contrast, correlation, energy, homogeneity of matrices made symmetric."""
    level = numpy.arange(LEVELS, dtype=float)
    first, second = (each.ravel() for each in numpy.broadcast_arrays(level[:, None], level[None, :]))
    squares = (first - second) ** 2
    weights = [squares, 1 / (1 + squares), (first + second) / 2, (first**2 + second**2) / 2, first * second]
    contrast, homogeneity, mean, square, product = (matrices @ numpy.stack(weights, axis=1)).T
    turned = matrices.reshape(-1, LEVELS, LEVELS).transpose(0, 2, 1).reshape(-1, LEVELS**2)
    both = (matrices + turned) / 2
    energy = numpy.sqrt(numpy.einsum("ni,ni->n", both, both))
    variance = square - mean**2
    flat = variance < 1e-12
    correlation = numpy.where(flat, numpy.nan, (product - mean**2) / numpy.where(flat, 1.0, variance))
    return contrast, correlation, energy, homogeneity
