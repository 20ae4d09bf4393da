"""Whether a score of 0.8 comes true eight times in ten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Reliability", "reliability"]

Values = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Scores in bins of equal width over 0 .. 1.

    `counts` (B,) how many scores; `predicted` and `observed` (B,) their mean and the share that came true, NaN in empty
    bins; `error` the expected calibration error (mean of |predicted - observed| weighted by count; Naeini et al.,
    AAAI 2015); `brier` the mean squared difference of score and truth (Brier 1950).
    """

    counts: NDArray[numpy.int64]
    predicted: Values
    observed: Values
    error: float
    brier: float


def reliability(scores: NDArray[Any], positive: NDArray[Any], *, bins: int = 10) -> Reliability:
    """Compare (N,) scores in 0 .. 1 with (N,) bool truth.

    Raises `ValueError` without samples, for lengths that differ, scores outside 0 .. 1, or fewer than 1 bin.
    """
    values = numpy.asarray(scores, numpy.float64).ravel()
    truth = numpy.asarray(positive, bool).ravel()
    if len(values) != len(truth) or len(values) == 0:
        raise ValueError(f"reliability(positive): expected as many as scores, at least 1, got {len(truth)}")
    if bins < 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("reliability(scores, bins): expected scores of 0 .. 1 and at least 1 bin")
    index = numpy.minimum((values * bins).astype(numpy.int64), bins - 1)
    counts = numpy.bincount(index, minlength=bins)
    with numpy.errstate(invalid="ignore"):
        predicted = numpy.bincount(index, values, bins) / counts
        observed = numpy.bincount(index, truth, bins) / counts
    gap = numpy.nan_to_num(numpy.abs(predicted - observed))
    return Reliability(
        counts,
        predicted,
        observed,
        float((gap * counts).sum() / len(values)),
        float(numpy.mean((values - truth) ** 2)),
    )
