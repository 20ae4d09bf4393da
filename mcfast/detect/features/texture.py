"""Texture of windows: grey-level co-occurrence (Haralick et al. 1973). All windows at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

__all__ = ["LEVELS", "Textures", "levels", "textures"]

LEVELS = 16

Values = NDArray[numpy.float64]
Levels = NDArray[numpy.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Textures:
    """Properties of N windows' co-occurrence matrices, each (N,) float64, the mean over four directions.

    NaN where one direction has no pairs: there is one row or column of pixels only.

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
    found = numpy.mean([_properties(matrices) for matrices in _matrices(sorted_in)], axis=0)
    return Textures(*found)


def _matrices(sorted_in: Levels) -> Iterator[Values]:
    """(N, 256) shares of pairs of level i at one pixel and j at the next, at 16 i + j, in each of four directions.

    A last row and column of "no pixel" ends every line of pixels: one shift of the flat array makes all pairs of a
    direction, and those with no pixel fall into a seventeenth row or column.
    """
    count, side, _ = sorted_in.shape
    wide = LEVELS + 1
    padded = numpy.full((count, side + 1, side + 1), LEVELS, numpy.int16)
    padded[:, :-1, :-1] = sorted_in
    flat = padded.ravel()
    first = (flat * numpy.int16(wide)).reshape(count, -1) + (numpy.arange(count) * wide**2)[:, None]
    for step in (1, side, side + 1, side + 2):
        cells = first.ravel()[:-step] + flat[step:]
        counts = numpy.bincount(cells, minlength=count * wide**2).reshape(count, wide, wide)
        known = counts[:, :LEVELS, :LEVELS].reshape(count, -1)
        yield known / numpy.maximum(known.sum(axis=1), 1)[:, None]


def _properties(matrices: Values) -> Values:
    """(4, N) contrast, correlation, energy, homogeneity of matrices made symmetric."""
    level = numpy.arange(LEVELS, dtype=float)
    first, second = (each.ravel() for each in numpy.broadcast_arrays(level[:, None], level[None, :]))
    squares = (first - second) ** 2
    one = numpy.ones_like(squares)
    weights = [one, squares, 1 / (1 + squares), (first + second) / 2, (first**2 + second**2) / 2, first * second]
    total, contrast, homogeneity, mean, square, product = (matrices @ numpy.stack(weights, axis=1)).T
    turned = matrices.reshape(-1, LEVELS, LEVELS).transpose(0, 2, 1).reshape(-1, LEVELS**2)
    both = (matrices + turned) / 2
    energy = numpy.sqrt(numpy.einsum("ni,ni->n", both, both))
    variance = square - mean**2
    flat = variance < 1e-12
    correlation = numpy.where(flat, numpy.nan, (product - mean**2) / numpy.where(flat, 1.0, variance))
    found = numpy.array([contrast, correlation, energy, homogeneity])
    found[:, total < 0.5] = numpy.nan  # no pairs at all
    return found
