"""Intervals by drawing patients again: images of one patient stay together, for they resemble each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

__all__ = ["DRAWS", "Interval", "bootstrap", "paired_p_value"]

DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Interval:
    """A measure on all images, and the middle 95 % of what it is on patients drawn anew."""

    value: float
    low: float
    high: float


Measure = Callable[[NDArray[numpy.int64]], Sequence[float]]


def bootstrap(
    measure: Measure, patients: Sequence[Hashable], *, draws: int = DRAWS, seed: int = 0
) -> tuple[list[Interval], NDArray[numpy.float64]]:
    """Percentile intervals (Efron 1979) of one or more measures.

    Parameters
    ----------
    measure
        Given (M,) indices of images, some of them several times, returns its numbers; NaN where there is none, for
        example a sensitivity without a single calcification. It is called `draws` + 1 times.
    patients
        The patient of each image.
    draws
        How often as many patients as there are are drawn with replacement.
    seed
        Of the draws; the same seed gives the same patients for any measure, so that measures can be compared in pairs.

    Returns
    -------
    One `Interval` for each number, and (draws, numbers) their values on each draw. Draws that gave NaN are left out
    of the interval.

    Raises
    ------
    ValueError
        Without images.
    """
    if len(patients) == 0:
        raise ValueError("bootstrap(patients): expected at least one image, got none")
    groups: dict[Hashable, list[int]] = {}
    for index, patient in enumerate(patients):
        groups.setdefault(patient, []).append(index)
    members = [numpy.array(group, numpy.int64) for group in groups.values()]
    rng = numpy.random.default_rng(seed)
    whole = list(measure(numpy.arange(len(patients))))
    drawn = numpy.array(
        [
            measure(numpy.concatenate([members[pick] for pick in rng.integers(len(members), size=len(members))]))
            for _ in range(draws)
        ],
        numpy.float64,
    ).reshape(draws, len(whole))
    intervals = []
    for value, column in zip(whole, drawn.T, strict=True):
        known = column[~numpy.isnan(column)]
        low, high = numpy.quantile(known, [0.025, 0.975]) if len(known) else (numpy.nan, numpy.nan)
        intervals.append(Interval(float(value), float(low), float(high)))
    return intervals, drawn


def paired_p_value(first: NDArray[numpy.float64], second: NDArray[numpy.float64]) -> float:
    """Two-sided p-value of no difference between two measures on the same draws, (N,) each.

    Twice the smaller share of draws in which one is not above the other, ties counting for both sides; at least
    1 / (N + 1), for N draws cannot tell less.
    """
    difference = numpy.asarray(first, numpy.float64) - numpy.asarray(second, numpy.float64)
    difference = difference[~numpy.isnan(difference)]
    if len(difference) == 0:
        return float("nan")
    smaller = min(int((difference <= 0).sum()), int((difference >= 0).sum()))
    return float(min(1.0, 2 * (smaller + 1) / (len(difference) + 1)))
