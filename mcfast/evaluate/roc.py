"""ROC curves: sensitivity against the share of false alarms, the area under it, and two numbers that sum it up.

NumPy only. Ties are treated as one step: of equal scores none is above the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Roc", "auc", "mean_sensitivity", "operating_point", "roc"]

Values = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """A ROC curve from (0, 0) to (1, 1).

    `thresholds` (N,) falls from +inf; a sample counts as positive if its score is at least that. `sensitivity` and
    `false_positive_rate` (N,) are the shares of positives and negatives that do.
    """

    thresholds: Values
    sensitivity: Values
    false_positive_rate: Values


def roc(scores: NDArray[Any], positive: NDArray[Any], *, negatives: float | None = None) -> Roc:
    """The curve of (N,) scores with (N,) bool truth.

    Parameters
    ----------
    scores
        Higher is more positive; finite.
    positive
        Which samples are positive.
    negatives
        How many negatives there are in all, where the list holds only those that were scored (of a detector: every
        pixel or patch it could have marked); `None` counts those in the list. The curve then ends below a rate of 1.

    Returns
    -------
    `Roc`. O(N log N).

    Raises
    ------
    ValueError
        Without positives, without negatives, for lengths that differ, or fewer `negatives` than the list holds.
    """
    values = numpy.asarray(scores, numpy.float64).ravel()
    truth = numpy.asarray(positive, bool).ravel()
    if len(values) != len(truth):
        raise ValueError(f"roc(positive): expected {len(values)} entries as there are scores, got {len(truth)}")
    if not numpy.isfinite(values).all():
        raise ValueError("roc(scores): expected finite numbers, got NaN or infinity; drop those samples")
    listed = int((~truth).sum())
    total = float(listed if negatives is None else negatives)
    if not truth.any() or total < 1 or total < listed:
        raise ValueError(
            f"roc(positive): expected positives and negatives, got {int(truth.sum())} and {total:g} ({listed} listed)"
        )
    order = numpy.argsort(-values, kind="stable")
    ranked, hit = values[order], truth[order]
    last = numpy.flatnonzero(numpy.r_[numpy.diff(ranked) != 0, True])
    hits, false = numpy.cumsum(hit)[last], numpy.cumsum(~hit)[last]
    return Roc(
        numpy.r_[numpy.inf, ranked[last]],
        numpy.r_[0, hits] / truth.sum(),
        numpy.r_[0, false] / total,
    )


def auc(scores: NDArray[Any], positive: NDArray[Any]) -> float:
    """Area under the ROC curve by trapezoids: the chance that a positive scores higher, ties counting half.

    Raises as `roc`. O(N log N).
    """
    curve = roc(scores, positive)
    widths = numpy.diff(curve.false_positive_rate)
    return float((widths * (curve.sensitivity[1:] + curve.sensitivity[:-1]) / 2).sum())


def operating_point(curve: Roc) -> tuple[float, float, float]:
    """Threshold, sensitivity and specificity where their sum is greatest (Youden 1950); of equals the strictest."""
    # Rounded, so that equals are equal whatever the order of additions made of their last digits.
    best = int(numpy.argmax(numpy.round(curve.sensitivity - curve.false_positive_rate, 12)))
    rate = float(curve.false_positive_rate[best])
    return float(curve.thresholds[best]), float(curve.sensitivity[best]), 1 - rate


def mean_sensitivity(curve: Roc, low: float = 1e-6, high: float = 1e-1) -> float:
    """S(low, high): the sensitivity averaged over the logarithm of the false-positive rate.

    Bria et al. (2018), equation 16: S(a, b) = 1 / (ln b - ln a) * integral from a to b of s(f) / f df. Between the
    measured points the curve is a staircase, as it is for a finite sample: s(f) is the highest sensitivity reached
    without more than f false positives, so the integral is exact. O(points).

    Raises `ValueError` unless 0 < low < high <= 1.
    """
    if not 0 < low < high <= 1:
        raise ValueError(f"mean_sensitivity(low, high): expected 0 < low < high <= 1, got {low}, {high}")
    inner = curve.false_positive_rate[(curve.false_positive_rate > low) & (curve.false_positive_rate < high)]
    edges = numpy.unique(numpy.r_[low, inner, high])
    index = numpy.searchsorted(curve.false_positive_rate, edges[:-1], side="right") - 1
    widths = numpy.diff(numpy.log(edges))
    return float((curve.sensitivity[index] * widths).sum() / widths.sum())
