"""What is lost with a part left out: the same measures of networks trained with and without it, in pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.bootstrap import DRAWS, bootstrap, paired_p_value
from mcfast.evaluate.distractors import DISTRACTORS
from mcfast.evaluate.froc import Froc
from mcfast.evaluate.gallery import FOUR_LOOKS, PATCHES, PHANTOMS, SHAPES, Exhibit, image_score, marks_on, matched
from mcfast.evaluate.plain import plain
from mcfast.evaluate.roc import auc

__all__ = ["RATES", "Standing", "difference", "standing"]

RATES = (1.0, 5.0, 20.0)

Values = NDArray[numpy.float64]
Logits = Sequence[NDArray[Any]]
"""(N,) calibrated log-odds for the N candidates of all images together, one for each start."""


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How good networks are, the mean over their starts.

    Attributes
    ----------
    rates
        By set of images (`"looks"`, `SHAPES`, `"phantoms"`, those that there are): the sensitivities at 1, 5 and 20
        false marks per image, and their mean.
    starts
        That mean for each start.
    auc
        Of labelled patches; `None` without any.
    marks
        By what should not be marked: marks on it per image, above the limit that gives the first look one false mark
        per image.
    drawn
        By set, by what should not be marked, and for `"patches"`: (draws,) the mean, the marks, or the AUC, on images
        drawn again, the same for all networks.
    """

    rates: dict[str, list[float]]
    starts: dict[str, list[float]]
    auc: float | None
    marks: dict[str, float]
    drawn: dict[str, Values]


def standing(exhibits: Sequence[Exhibit], logits: Logits, *, draws: int = DRAWS) -> Standing:
    """Measure networks of several starts on the same candidates. In sensitivities looks count alike, each with limits
    of its own."""
    lengths = numpy.cumsum([len(one.places) for one in exhibits])[:-1]
    scores = [numpy.split(1 / (1 + numpy.exp(-numpy.asarray(one, numpy.float64))), lengths) for one in logits]
    rates: dict[str, list[float]] = {}
    starts: dict[str, list[float]] = {}
    drawn: dict[str, Values] = {}
    for name, groups in _sets(exhibits).items():
        curves = [
            [Froc([matched(exhibits[index], start[index]) for index in group]) for group in groups] for start in scores
        ]
        patients = [exhibits[index].patient for index in groups[0]]
        intervals, samples = bootstrap(_sensitivity(curves), patients, draws=draws)
        rates[name], drawn[name] = [one.value for one in intervals], samples[:, -1]
        starts[name] = [_sensitivity([one])(numpy.arange(len(patients)))[-1] for one in curves]
    some = [index for index, one in enumerate(exhibits) if one.group == PATCHES]
    area = None
    if some:
        positive = numpy.array([exhibits[index].positive for index in some])
        found = [numpy.array([image_score(exhibits[index], start[index]) for index in some]) for start in scores]
        patients = [exhibits[index].patient for index in some]
        (interval,), samples = bootstrap(_area(found, positive), patients, draws=draws)
        area, drawn[PATCHES] = interval.value, samples[:, 0]
    marks: dict[str, float] = {}
    for name, some, on in _on_distractors(exhibits, scores):
        patients = [exhibits[index].patient for index in some]
        (interval,), samples = bootstrap(_marks_per_image(on), patients, draws=draws)
        marks[name], drawn[name] = interval.value, samples[:, 0]
    return Standing(rates, starts, area, marks, drawn)


def _sets(exhibits: Sequence[Exhibit]) -> dict[str, list[list[int]]]:
    """By set of images, the indices of each of its groups; of the looks, the k-th of all groups is the k-th image's."""
    groups: dict[str, list[int]] = {}
    for index, one in enumerate(exhibits):
        groups.setdefault(one.group, []).append(index)
    for name in (PATCHES, *DISTRACTORS):
        groups.pop(name, None)
    others = {name: [groups.pop(name)] for name in (SHAPES, PHANTOMS) if name in groups}
    return {"looks": list(groups.values()), **others} if groups else others


def _sensitivity(curves: Sequence[Sequence[Froc]]) -> Callable[[NDArray[numpy.int64]], list[float]]:
    def measure(images: NDArray[numpy.int64]) -> list[float]:
        each = numpy.array([curve.at(RATES, images) for start in curves for curve in start])
        mean = each.mean(axis=0)
        return [*mean.tolist(), float(mean.mean())]

    return measure


def _on_distractors(
    exhibits: Sequence[Exhibit], scores: Sequence[Sequence[Values]]
) -> list[tuple[str, list[int], Values]]:
    """Name, images, and marks on it in each of them, the mean over starts."""
    named: dict[str, list[int]] = {name: [] for name in (FOUR_LOOKS[0].name, *DISTRACTORS)}
    for index, one in enumerate(exhibits):
        if one.group in named:
            named[one.group].append(index)
    first = named.pop(FOUR_LOOKS[0].name)
    if not first:
        return []
    on: dict[str, list[list[int]]] = {name: [] for name, some in named.items() if some}
    for start in scores:
        false = numpy.concatenate([matched(exhibits[index], start[index]).false for index in first])
        limit = numpy.sort(numpy.r_[numpy.zeros(len(first) + 1), false])[-len(first) - 1]  # one per image lies above it
        for name, each in on.items():
            each.append([marks_on(exhibits[index], start[index], float(limit)) for index in named[name]])
    return [(name, named[name], numpy.mean(each, axis=0)) for name, each in on.items()]


def _marks_per_image(on: Values) -> Callable[[NDArray[numpy.int64]], list[float]]:
    return lambda images: [float(on[images].mean())]


def _area(found: Sequence[Values], positive: NDArray[numpy.bool_]) -> Callable[[NDArray[numpy.int64]], list[float]]:
    def measure(images: NDArray[numpy.int64]) -> list[float]:
        marks = positive[images]
        if marks.all() or not marks.any():
            return [float("nan")]
        return [float(numpy.mean([auc(one[images], marks) for one in found]))]

    return measure


def difference(part: Standing, whole: Standing) -> dict[str, Mapping[str, Any]]:
    """For JSON, by set of images: the part's mean of the three sensitivities (of patches its AUC, of what should not be
    marked its marks) less the whole's, with the middle 95 % of it over the same draws, and the p-value of none."""
    values = {name: rates[-1] - whole.rates[name][-1] for name, rates in part.rates.items()}
    if part.auc is not None and whole.auc is not None:
        values[PATCHES] = part.auc - whole.auc
    values.update({name: marks - whole.marks[name] for name, marks in part.marks.items()})
    report = {}
    for name, value in values.items():
        between = part.drawn[name] - whole.drawn[name]
        between = between[~numpy.isnan(between)]
        low, high = numpy.quantile(between, [0.025, 0.975]) if len(between) else (numpy.nan, numpy.nan)
        p_value = paired_p_value(part.drawn[name], whole.drawn[name])
        report[name] = {"value": value, "low": float(low), "high": float(high), "p_value": p_value}
    result: dict[str, Mapping[str, Any]] = plain(report)
    return result
