"""How restless an image is: where much looks like calcifications, a mark that looks so says less.

Networks look at one patch. In another vendor's processing, in a noisy exposure or in a breast full of fine lines a
hundred patches look half like calcifications, which no phantom shows; then all marks of the image lose so much of their
log-odds. The order of an image's marks stays, their order among images gets better: one limit then serves them all.
What is restless is so nearly everywhere, and calcifications lie in groups: so each square centimetre counts with its
best three marks alone, and rich groups do not pass for restlessness.
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["discount", "discounted"]

SIDE_MM, EACH = 10.0, 3  # of each square of a grid the best marks count
SPARE = 50  # marks that may be calcifications
PER_CM2 = 1.0  # marks of nothing, besides
USUAL = -4.4  # log-odds of the mark after these, hardly more in any of twelve phantoms, where scores are calibrated
MOST = 3.0  # a breast full of calcifications must not lose them: 0.99 becomes 0.83
SURE = 1e-7  # probabilities closer than this to 0 and 1 count as this far from them


def discount(
    scores: NDArray[Any], positions: NDArray[Any], area_cm2: float, *, spacing_mm: float, share: float
) -> float:
    """Log-odds that each mark of an image loses, 0 .. 3.

    Parameters
    ----------
    scores, positions
        (N,) probabilities after non-maximum suppression, best first, and the marks' (N, 2) rows and columns in pixels.
    area_cm2
        Of the breast in the image.
    spacing_mm
        Distance of pixel centres.
    share
        How much of what the image is more restless than phantoms is taken off, 0 .. 1.

    Returns
    -------
    `share` times the log-odds of the mark that has 50, and one for each square centimetre, before it, less those of
    that mark in phantoms; 0 if there are not so many marks. Of each 10 x 10 mm only the best three are counted.
    O(N log N).
    """
    counted = scores[_first_of_each(positions * (spacing_mm / SIDE_MM))]
    rank = round(SPARE + PER_CM2 * area_cm2)
    if rank >= len(counted):
        return 0.0
    p = numpy.clip(float(counted[rank]), SURE, 1 - SURE)
    return float(numpy.clip(share * (numpy.log(p / (1 - p)) - USUAL), 0, MOST))


def _first_of_each(places: NDArray[Any]) -> NDArray[numpy.bool_]:
    """(N,) whether one is among the first `EACH` in its unit square, of (N, 2) places."""
    rows, columns = numpy.floor(places).astype(numpy.int64).T
    square = rows << 32 | columns
    order = numpy.argsort(square, kind="stable")
    begins = numpy.searchsorted(square[order], square[order])
    first = numpy.empty(len(places), bool)
    first[order] = numpy.arange(len(places)) - begins < EACH
    return first


def discounted(scores: NDArray[Any], loss: float) -> NDArray[numpy.float32]:
    """(N,) probabilities with so many log-odds less: p / (p + (1 - p) e^loss)."""
    p = numpy.asarray(scores, numpy.float64)
    less: NDArray[numpy.float32] = (p / (p + (1 - p) * numpy.exp(loss))).astype(numpy.float32)
    return less
