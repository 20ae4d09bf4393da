"""What a yes or no is worth: the measures of a confusion matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["MEASURES", "Confusion", "confusion"]

MEASURES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall (sensitivity)",
    "specificity": "specificity",
    "f1": "F1",
    "mcc": "MCC",
}
"""Of a `Confusion`, and what tables call them."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of right and wrong answers, and the measures made of them.

    A measure whose denominator is 0 is NaN: nothing was asked, so nothing is known. MCC follows scikit-learn and is 0
    where a row or column of the matrix is empty.
    """

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def accuracy(self) -> float:
        """(TP + TN) / all."""
        return _share(self.true_positive + self.true_negative, self.total)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Sensitivity: TP / (TP + FN)."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> float:
        """TN / (TN + FP)."""
        return _share(self.true_negative, self.true_negative + self.false_positive)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        return _share(2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative)

    @property
    def mcc(self) -> float:
        """Matthews (1975): (TP TN - FP FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN))."""
        tp, fp, tn, fn = self.true_positive, self.false_positive, self.true_negative, self.false_negative
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return 0.0 if product == 0 else (tp * tn - fp * fn) / math.sqrt(product)

    @property
    def total(self) -> int:
        """How many were asked."""
        return self.true_positive + self.false_positive + self.true_negative + self.false_negative

    def as_dict(self) -> dict[str, float | int | None]:
        """Counts and measures for JSON; what is NaN becomes `None`."""
        counts: dict[str, float | int | None] = {
            name: getattr(self, name) for name in ("true_positive", "false_positive", "true_negative", "false_negative")
        }
        for name in ("accuracy", "precision", "recall", "specificity", "f1", "mcc"):
            value = getattr(self, name)
            counts[name] = None if math.isnan(value) else value
        return counts


def confusion(predicted: NDArray[Any], positive: NDArray[Any]) -> Confusion:
    """Count (N,) bool answers against (N,) bool truth. Raises `ValueError` if the lengths differ."""
    yes, truth = numpy.asarray(predicted, bool).ravel(), numpy.asarray(positive, bool).ravel()
    if len(yes) != len(truth):
        raise ValueError(f"confusion(positive): expected {len(yes)} entries as there are answers, got {len(truth)}")
    return Confusion(
        int((yes & truth).sum()), int((yes & ~truth).sum()), int((~yes & ~truth).sum()), int((~yes & truth).sum())
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
