"""S(1e-6, 1e-1) of a classifier asked at millions of places, quick to take anew on images drawn with repetition.

Between its points a ROC curve is a staircase: s(f) is the share of positives that at most a share f of the negatives
outscore. So the integral of Bria et al., equation 16, is a mean over the positives: a positive above all but a share f
of the negatives counts (ln b - ln max(f, a)) / (ln b - ln a), and nothing if f > b. What is needed of millions of
negatives is how many of each image score at least as high as each positive.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.bootstrap import DRAWS, bootstrap, paired_p_value

__all__ = ["Ranks", "compare_inputs", "rank"]

Values = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Positives among the negatives of M images.

    `above` (P, M): how many negatives of each image score at least as high as each positive; `owner` (P,): the image of
    each positive; `negatives` (M,): how many each image has.
    """

    above: NDArray[numpy.int64]
    owner: NDArray[numpy.int64]
    negatives: NDArray[numpy.int64]

    def mean_sensitivity(
        self, images: NDArray[numpy.int64] | None = None, low: float = 1e-6, high: float = 1e-1
    ) -> float:
        """S(low, high) over (N,) indices of images, some of them several times; `None` takes each once.

        Equal to `mcfast.evaluate.roc.mean_sensitivity` of all their scores. NaN without a positive or a negative. With
        fewer than 1 / low negatives a positive above all of them counts in full, although no such low rate was seen.
        O(P M).

        Raises `ValueError` unless 0 < low < high <= 1.
        """
        if not 0 < low < high <= 1:
            raise ValueError(f"mean_sensitivity(low, high): expected 0 < low < high <= 1, got {low}, {high}")
        count = len(self.negatives)
        drawn = numpy.ones(count) if images is None else numpy.bincount(images, minlength=count).astype(float)
        weight, total = drawn[self.owner], float(drawn @ self.negatives)
        if weight.sum() == 0 or total == 0:
            return float("nan")
        rate = numpy.clip(self.above @ drawn / total, low, high)
        return float(weight @ (numpy.log(high / rate) / numpy.log(high / low)) / weight.sum())


def rank(positives: Sequence[Values], negatives: Sequence[Values]) -> Ranks:
    """Ranks of the scores of positives and negatives, a list for each image. O(N log N + P M log N).

    Raises `ValueError` for lists of other lengths and for scores that are not finite.
    """
    if len(positives) != len(negatives):
        raise ValueError(f"rank(negatives): expected {len(positives)} images as of positives, got {len(negatives)}")
    scores = numpy.concatenate([numpy.asarray(one, float).ravel() for one in positives] or [numpy.empty(0)])
    if not all(numpy.isfinite(one).all() for one in (scores, *negatives)):
        raise ValueError("rank(positives, negatives): expected finite numbers, got NaN or infinity")
    columns = [len(one) - numpy.searchsorted(numpy.sort(numpy.ravel(one)), scores) for one in negatives]
    above = numpy.array(columns, numpy.int64).reshape(len(negatives), len(scores)).T
    owner = numpy.repeat(numpy.arange(len(positives)), [len(one) for one in positives])
    return Ranks(above, owner, numpy.array([len(one) for one in negatives], numpy.int64))


def compare_inputs(
    ranks: Mapping[str, Ranks], patients: Sequence[Hashable], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Any]:
    """S(1e-6, 1e-1) of the same images seen through different inputs, with intervals, and p-values of each pair.

    Parameters
    ----------
    ranks
        By input; of the same images.
    patients
        The patient of each image.
    draws, seed
        Of the bootstrap; every input sees the same draws.

    Returns
    -------
    For JSON: `"inputs"` by name with `value`, `low` and `high`; `"p_values"`: by `"first, second"`, two-sided, of no
    difference.
    """
    report: dict[str, Any] = {"inputs": {}, "p_values": {}}
    samples: dict[str, NDArray[numpy.float64]] = {}
    for name, one in ranks.items():
        measure = one.mean_sensitivity
        (interval,), drawn = bootstrap(lambda images, of=measure: [of(images)], patients, draws=draws, seed=seed)  # type: ignore[misc]
        report["inputs"][name], samples[name] = asdict(interval), drawn[:, 0]
    for first, second in combinations(ranks, 2):
        report["p_values"][f"{first}, {second}"] = paired_p_value(samples[first], samples[second])
    return report
