"""From logits to probabilities (Platt 1999)."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["calibrate"]


def calibrate(logits: NDArray[Any], positive: NDArray[Any]) -> tuple[float, float]:
    """Slope and offset of the (N,) logits that make them the log-odds of (N,) bool truth.

    Without samples (1, 0). Newton's method on the two parameters of a logistic regression.
    """
    if len(logits) == 0:
        return 1.0, 0.0
    design = numpy.column_stack([numpy.asarray(logits, numpy.float64), numpy.ones(len(logits))])
    weights = numpy.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + numpy.exp(-numpy.clip(design @ weights, -40, 40)))
        # The small ridge keeps the step finite where the two classes are separated perfectly.
        curvature = (design * (p * (1 - p))[:, None]).T @ design + 1e-3 * numpy.eye(2)
        gradient = design.T @ (positive - p) - 1e-3 * (weights - [1.0, 0.0])
        weights += numpy.clip(numpy.linalg.solve(curvature, gradient), -1, 1)
    return float(weights[0]), float(weights[1])
