"""SSIM: structural similarity of two images (Wang, Bovik, Sheikh and Simoncelli 2004)."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["BORDER", "ssim"]

Array = NDArray[Any]

BORDER = 5
"""Pixels on every side that do not count: the window reaches beyond the image there."""
_SIGMA = 1.5
_BAND = 512  # rows that are worked on at a time, to keep the memory small


def ssim(truth: Array, estimate: Array, *, peak: float, mask: NDArray[numpy.bool_] | None = None) -> float:
    """Mean structural similarity, -1 .. 1; 1 for equal images.

    Gaussian window of sigma 1.5 and 11 x 11 pixels, K1 = 0.01, K2 = 0.03, as in the paper (section III.B).

    Parameters
    ----------
    truth, estimate
        (H, W) of the same shape, more than 10 on a side, in the same units.
    peak
        The largest value the images could have.
    mask
        (H, W) bool: only these pixels count.

    Raises
    ------
    ValueError
        If the shapes differ, the peak is not positive, or no pixel counts.
    """
    if truth.ndim != 2 or truth.shape != estimate.shape or (mask is not None and mask.shape != truth.shape):
        raise ValueError(f"ssim(estimate, mask): expected the truth's shape {truth.shape}, got {estimate.shape}")
    if not peak > 0:
        raise ValueError(f"ssim(peak): expected a positive number, got {peak}")
    rows, columns = truth.shape
    total, count = 0.0, 0
    for top in range(BORDER, rows - BORDER, _BAND):
        bottom = min(rows - BORDER, top + _BAND)
        around = slice(top - BORDER, bottom + BORDER)
        similar = _map(truth[around].astype(numpy.float64), estimate[around].astype(numpy.float64), peak)
        inner = similar[BORDER:-BORDER, BORDER : columns - BORDER]
        if mask is not None:
            inner = inner[mask[top:bottom, BORDER : columns - BORDER]]
        total += float(inner.sum())
        count += inner.size
    if count == 0:
        raise ValueError("ssim(truth): expected pixels inside the border and the mask, got none")
    return total / count


def _map(a: NDArray[numpy.float64], b: NDArray[numpy.float64], peak: float) -> NDArray[numpy.float64]:
    """Equation 13 of the paper."""
    from scipy import ndimage

    def mean(plane: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
        blurred: NDArray[numpy.float64] = ndimage.gaussian_filter(plane, _SIGMA, radius=BORDER)
        return blurred

    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    result: NDArray[numpy.float64] = luminance * (2 * covariance + c2) / (variance_a + variance_b + c2)
    return result
