"""What a patch classifier is worth: its answers about whole patches held against patch-level marks."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.binary import MEASURES, confusion
from mcfast.evaluate.bootstrap import DRAWS, bootstrap
from mcfast.evaluate.calibration import reliability
from mcfast.evaluate.plain import plain
from mcfast.evaluate.roc import auc, operating_point, roc

__all__ = ["evaluate_patches"]


def evaluate_patches(
    scores: NDArray[Any],
    positive: NDArray[Any],
    patients: Sequence[Hashable],
    *,
    threshold: float = 0.5,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """Every measure of (N,) probabilities with (N,) bool truth, with intervals by patient.

    Parameters
    ----------
    scores, positive
        Of the patches; 0 .. 1.
    patients
        Whose patches they are, (N,).
    threshold
        From which probability on a patch counts as a positive.
    draws, seed
        Of the bootstrap.

    Returns
    -------
    For JSON: `"patches"`, `"positives"`, `"patients"`, `"threshold"`, `"confusion"` (counts and measures), `"measures"`
    (each of `mcfast.evaluate.binary.MEASURES` and `"auc"`, with its 95 % interval), `"operating_point"` (Youden's),
    `"calibration"`.

    Raises
    ------
    ValueError
        Without positives or negatives, for lengths that differ, or scores outside 0 .. 1.
    """
    values, truth = numpy.asarray(scores, numpy.float64).ravel(), numpy.asarray(positive, bool).ravel()
    if len(patients) != len(values):
        raise ValueError(f"evaluate_patches(patients): expected {len(values)} as there are scores, got {len(patients)}")
    curve = roc(values, truth)
    found = reliability(values, truth)

    def measure(some: NDArray[numpy.int64]) -> list[float]:
        answers, marks = values[some], truth[some]
        counted = confusion(answers >= threshold, marks)
        both = marks.any() and not marks.all()
        return [*(getattr(counted, name) for name in MEASURES), auc(answers, marks) if both else float("nan")]

    intervals, _ = bootstrap(measure, patients, draws=draws, seed=seed)
    limit, sensitivity, specificity = operating_point(curve)
    report: dict[str, Any] = plain(
        {
            "patches": len(values),
            "positives": int(truth.sum()),
            "patients": len(set(patients)),
            "threshold": threshold,
            "confusion": confusion(values >= threshold, truth).as_dict(),
            "measures": {name: asdict(one) for name, one in zip((*MEASURES, "auc"), intervals, strict=True)},
            "operating_point": {"threshold": limit, "sensitivity": sensitivity, "specificity": specificity},
            "calibration": {"expected_calibration_error": found.error, "brier": found.brier},
        }
    )
    return report
