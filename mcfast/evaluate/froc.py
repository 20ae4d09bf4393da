"""FROC: how many calcifications are found at how many false marks per image.

A mark hits a calcification if it lies within a distance of it; each mark and each calcification count once, the best
mark first. Further marks on a calcification that is already found are neither hits nor false. NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Matched", "match", "sensitivity_at"]

HIT_MM = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Marks of one image held against the truth.

    Attributes
    ----------
    hits
        Scores of the marks that found a calcification.
    false
        Scores of the marks that lie on none.
    total
        Number of calcifications in the image.
    found
        (total,) score of the mark that found each calcification; NaN where none did.
    """

    hits: NDArray[numpy.float64]
    false: NDArray[numpy.float64]
    total: int
    found: NDArray[numpy.float64]


def match(
    marks: NDArray[Any], scores: NDArray[Any], truth: NDArray[Any], radius: NDArray[Any] | float = HIT_MM
) -> Matched:
    """Hold the marks of one image against its calcifications.

    Parameters
    ----------
    marks
        (M, 2) positions.
    scores
        (M,); of equal scores the first mark counts as the better.
    truth
        (T, 2) positions, in the same unit.
    radius
        Distance at which a mark hits, one number or (T,), in the same unit.

    Returns
    -------
    `Matched`. The best mark takes the nearest calcification in reach that is still free. O(M T).
    """
    marks = numpy.asarray(marks, numpy.float64).reshape(-1, 2)
    truth = numpy.asarray(truth, numpy.float64).reshape(-1, 2)
    reach = numpy.broadcast_to(numpy.asarray(radius, numpy.float64), len(truth))
    found = numpy.full(len(truth), numpy.nan)
    hits, false = [], []
    for index in numpy.argsort(-numpy.asarray(scores), kind="stable"):
        distance = numpy.hypot(*(truth - marks[index]).T)
        inside = distance <= reach
        free = numpy.flatnonzero(inside & numpy.isnan(found))
        if len(free):
            found[free[numpy.argmin(distance[free])]] = scores[index]
            hits.append(scores[index])
        elif not inside.any():
            false.append(scores[index])
    return Matched(numpy.array(hits, float), numpy.array(false, float), len(truth), found)


def sensitivity_at(images: Sequence[Matched], false_per_image: Sequence[float]) -> list[float]:
    """Share of all calcifications found when the score limit allows so many false marks per image on average.

    The limit is the lowest score at which the false marks, all images together, are at most `false_per_image` times the
    number of images. Raises `ValueError` if there is no image or no calcification.
    """
    total = sum(image.total for image in images)
    if total == 0:
        raise ValueError("sensitivity_at(images): expected at least one calcification, got none")
    hits = numpy.sort(numpy.concatenate([image.hits for image in images]))
    false = numpy.sort(numpy.concatenate([image.false for image in images]))[::-1]
    result = []
    for rate in false_per_image:
        allowed = int(rate * len(images) + 1e-9)
        # Marks must score higher than the first false mark that is too many.
        limit = false[allowed] if allowed < len(false) else -numpy.inf
        result.append(float((len(hits) - numpy.searchsorted(hits, limit, side="right")) / total))
    return result
