"""How restless an image is: where much looks like calcifications, a mark that looks so says less.

Networks look at one patch. In another vendor's processing, in a noisy exposure or in a breast full of fine lines a
hundred patches look half like calcifications, which no phantom shows; then all marks of the image lose so much of their
log-odds. The order of an image's marks stays, their order among images gets better: one limit then serves them all.
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["discount", "discounted"]

SPARE = 50  # marks that may be calcifications
PER_CM2 = 1.0  # marks of nothing, besides
USUAL = -4.4  # log-odds of the mark after these, the median of twelve phantoms; on phantoms scores are calibrated
MOST = 3.0  # a breast full of calcifications must not lose them: 0.99 becomes 0.83
SURE = 1e-7  # probabilities closer than this to 0 and 1 count as this far from them


def discount(scores: NDArray[Any], area_cm2: float, *, share: float) -> float:
    """Log-odds that each mark of an image loses, 0 .. 3.

    Parameters
    ----------
    scores
        (N,) probabilities after non-maximum suppression, best first.
    area_cm2
        Of the breast in the image.
    share
        How much of what the image is more restless than phantoms is taken off, 0 .. 1.

    Returns
    -------
    `share` times the log-odds of the mark that has 50, and one for each square centimetre, before it, less those of
    that mark in phantoms; 0 if there are not so many marks. O(1).
    """
    rank = round(SPARE + PER_CM2 * area_cm2)
    if rank >= len(scores):
        return 0.0
    p = numpy.clip(float(scores[rank]), SURE, 1 - SURE)
    return float(numpy.clip(share * (numpy.log(p / (1 - p)) - USUAL), 0, MOST))


def discounted(scores: NDArray[Any], loss: float) -> NDArray[numpy.float32]:
    """(N,) probabilities with so many log-odds less: p / (p + (1 - p) e^loss)."""
    p = numpy.asarray(scores, numpy.float64)
    less: NDArray[numpy.float32] = (p / (p + (1 - p) * numpy.exp(loss))).astype(numpy.float32)
    return less
