"""FROC: how many calcifications are found at how many false marks per image.

The hit rule: a mark hits a calcification if it lies within 0.5 mm of a marked point, or within 0.3 mm of an outline or
inside it. Each mark and each calcification count once, the best mark first. Further marks on a calcification that is
already found are ignored: neither hits nor false. Every other mark is a false positive. NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.truth import Mark, distance_to

__all__ = [
    "FALSE_PER_IMAGE",
    "HIT_MM",
    "Froc",
    "Matched",
    "match",
    "match_clusters",
    "match_distances",
    "match_marks",
    "sensitivity_at",
]

HIT_MM = 0.5
OUTLINE_MM = 0.3
CLUSTER_MM = 1.0  # how far outside its outline a member of a cluster may lie
CLUSTER_MEMBERS = 2  # of a found cluster that must lie in the true one
FALSE_PER_IMAGE = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)

Values = NDArray[numpy.float64]


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

    hits: Values
    false: Values
    total: int
    found: Values


def match(
    marks: NDArray[Any], scores: NDArray[Any], truth: NDArray[Any], radius: NDArray[Any] | float = HIT_MM
) -> Matched:
    """Hold the marks of one image against its calcifications, all of them points.

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
    distance = numpy.hypot(*(truth[None] - marks[:, None]).transpose(2, 0, 1))
    return match_distances(distance, scores, numpy.broadcast_to(numpy.asarray(radius, float), len(truth)))


def match_marks(
    places: NDArray[Any], scores: NDArray[Any], truth: Sequence[Mark], spacing_mm: tuple[float, float]
) -> Matched:
    """The same for points and outlines: (M, 2) places in pixels, a spacing, and the hit rule above."""
    distance = numpy.stack([distance_to(mark, places, spacing_mm) for mark in truth], axis=1) if truth else None
    if distance is None:
        distance = numpy.empty((len(numpy.reshape(places, (-1, 2))), 0))
    return match_distances(distance, scores, numpy.array([HIT_MM if mark.is_point else OUTLINE_MM for mark in truth]))


def match_clusters(
    clusters: Sequence[NDArray[Any]],
    scores: Sequence[float],
    truth: Sequence[Mark],
    spacing_mm: tuple[float, float],
) -> Matched:
    """The same for clusters, each found one given by the (K, 2) places of its calcifications.

    A found cluster hits a true one if at least two of its calcifications (its only one, if it has one) lie inside the
    true outline or within 1 mm of it.
    """
    distance = numpy.full((len(clusters), len(truth)), numpy.inf)
    for row, places in enumerate(clusters):
        for column, mark in enumerate(truth):
            ranked = numpy.sort(distance_to(mark, places, spacing_mm))
            distance[row, column] = ranked[min(CLUSTER_MEMBERS, len(ranked)) - 1]
    return match_distances(distance, numpy.asarray(scores, float), numpy.full(len(truth), CLUSTER_MM))


def match_distances(distance: NDArray[Any], scores: NDArray[Any], reach: NDArray[Any]) -> Matched:
    """The rule itself, on (M, T) distances, (M,) scores and the (T,) reach of each mark of the truth. O(M T)."""
    marks, total = distance.shape
    if len(numpy.ravel(scores)) != marks or len(reach) != total:
        raise ValueError(f"match(scores): expected one for each of {marks} marks, got {len(numpy.ravel(scores))}")
    inside: NDArray[numpy.bool_] = numpy.less_equal(distance, reach)
    near: NDArray[numpy.bool_] = numpy.any(inside, axis=1).reshape(-1)
    found = numpy.full(total, numpy.nan)
    hits = []
    for index in numpy.argsort(-numpy.asarray(scores, float), kind="stable"):
        if near[index]:
            free = numpy.flatnonzero(inside[index] & numpy.isnan(found))
            if len(free):
                found[free[numpy.argmin(distance[index, free])]] = scores[index]
                hits.append(scores[index])
    false = -numpy.sort(-numpy.asarray(scores, float)[~near])
    return Matched(numpy.array(hits, float), false, total, found)


class Froc:
    """The curve of many images, quick to take anew on images drawn with repetition.

    `thresholds` (N,) fall; `sensitivity` and `false_per_image` (N,) are what marks of at least that score reach.
    Raises `ValueError` if there is no image.
    """

    def __init__(self, images: Sequence[Matched]) -> None:
        if not images:
            raise ValueError("Froc(images): expected at least one image, got none")
        self._totals = numpy.array([image.total for image in images], float)
        scores = numpy.concatenate([values for image in images for values in (image.hits, image.false)])
        hit = numpy.concatenate(
            [numpy.repeat([True, False], [len(image.hits), len(image.false)]) for image in images]
        ).astype(bool)
        owner = numpy.repeat(numpy.arange(len(images)), [len(image.hits) + len(image.false) for image in images])
        order = numpy.argsort(-scores, kind="stable")
        self._scores, self._hit, self._owner = scores[order], hit[order], owner[order]
        self._last = numpy.flatnonzero(numpy.r_[numpy.diff(self._scores) != 0, True][: len(scores)])
        self.thresholds: Values = self._scores[self._last]
        self.sensitivity, self.false_per_image = self._curve(numpy.ones(len(images)))

    def _curve(self, weights: Values) -> tuple[Values, Values]:
        total = float((weights * self._totals).sum())
        share = weights[self._owner]
        hits = numpy.cumsum(numpy.where(self._hit, share, 0))[self._last]
        false = numpy.cumsum(numpy.where(self._hit, 0, share))[self._last]
        sensitivity = hits / total if total else numpy.full(len(hits), numpy.nan)
        return sensitivity, false / weights.sum()

    def at(self, false_per_image: Sequence[float], images: NDArray[numpy.int64] | None = None) -> list[float]:
        """Sensitivity at the lowest score limit with at most so many false marks per image on average.

        `images` are indices of images, some of them several times; `None` takes each once. NaN without a single
        calcification. O(marks).
        """
        sensitivity, false = self.sensitivity, self.false_per_image
        if images is not None:
            sensitivity, false = self._curve(numpy.bincount(images, minlength=len(self._totals)).astype(float))
        known = numpy.r_[0.0, sensitivity] if self._totals[slice(None) if images is None else images].any() else None
        if known is None:
            return [float("nan")] * len(false_per_image)
        return [float(known[numpy.searchsorted(false, rate + 1e-9, side="right")]) for rate in false_per_image]


def sensitivity_at(images: Sequence[Matched], false_per_image: Sequence[float]) -> list[float]:
    """Share of all calcifications found when the score limit allows so many false marks per image on average.

    The limit is the lowest score at which the false marks, all images together, are at most `false_per_image` times the
    number of images. Raises `ValueError` if there is no image or no calcification.
    """
    if sum(image.total for image in images) == 0:
        raise ValueError("sensitivity_at(images): expected at least one calcification, got none")
    return Froc(images).at(false_per_image)
