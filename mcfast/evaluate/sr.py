"""How close a 2x image comes to the truth: PSNR after 2x2 binning, beside the interpolations everybody has.

The protocol of Honjo et al.: the truth is binned by 2x2 (the mean of each block, rounded to the image's own integers),
magnified again by each method, and compared pixel by pixel. Needs no torch. `mcfast evaluate sr` prints tables for
images of your own; see `mcfast.evaluate.sr_report`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["METHODS", "bin2x2", "compare", "interpolate", "psnr", "psnr_table"]

Array = NDArray[Any]

BORDER = 2
"""Pixels of the 2x image that do not count at its border, where the methods differ in what they assume outside."""


def _cubic(a: float) -> Callable[[Array], Array]:
    def kernel(x: Array) -> Array:
        x = numpy.abs(x)
        near = (a + 2) * x**3 - (a + 3) * x**2 + 1
        far = a * (x**3 - 5 * x**2 + 8 * x - 4)
        value: Array = numpy.where(x <= 1, near, numpy.where(x < 2, far, 0.0))
        return value

    return kernel


def _lanczos3(x: Array) -> Array:
    return numpy.where(numpy.abs(x) < 3, numpy.sinc(x) * numpy.sinc(x / 3), 0.0)


METHODS: dict[str, Callable[[Array], Array]] = {
    "bicubic (Keys, a = -0.5)": _cubic(-0.5),
    "bicubic (OpenCV, a = -0.75)": _cubic(-0.75),
    "Lanczos-3": _lanczos3,
}
"""Interpolation kernels by name: Pillow's BICUBIC, OpenCV's INTER_CUBIC, Pillow's LANCZOS."""


def bin2x2(image: Array) -> Array:
    """Mean of each 2x2 block, of the image's dtype; integers are rounded to nearest even. An odd last line is dropped.

    (H, W) uint8, uint16 or float32 -> (H // 2, W // 2).
    """
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    blocks = image[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2)
    mean = blocks.mean(axis=(1, 3), dtype=numpy.float64)
    rounded: Array = (numpy.rint(mean) if image.dtype.kind == "u" else mean).astype(image.dtype)
    return rounded


def interpolate(image: Array, method: str) -> NDArray[numpy.float32]:
    """The image at twice the size by one of `METHODS`; pixel centres where 2x2 binning has them, edges repeated.

    (H, W) of any real dtype -> (2 H, 2 W) float32, not clipped. O(taps) per pixel. Raises `ValueError`, which lists the
    names, for another method.
    """
    from scipy import ndimage

    if method not in METHODS:
        raise ValueError(f"interpolate(method): expected one of {', '.join(METHODS)}, got {method!r}")
    offsets = numpy.arange(-3, 4)
    result = numpy.asarray(image, numpy.float32)
    for axis in (0, 1):
        halves = []
        for shift in (-0.25, 0.25):  # centres of the two new pixels, in old pixels from the old centre
            taps = METHODS[method](offsets - shift)
            halves.append(ndimage.correlate1d(result, taps / taps.sum(), axis, mode="nearest"))
        shape = list(result.shape)
        shape[axis] *= 2
        result = numpy.stack(halves, axis=axis + 1).reshape(shape)
    return result


def psnr(truth: Array, estimate: Array, *, peak: float, mask: NDArray[numpy.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(peak^2 / mean squared difference); infinite if there is none.

    Parameters
    ----------
    truth, estimate
        (H, W), in the same units. `BORDER` pixels on every side do not count.
    peak
        The largest value the images could have, in their units; > 0.
    mask
        (H, W) bool: only these pixels count.

    Raises
    ------
    ValueError
        If the shapes differ, the peak is not positive, or no pixel counts.
    """
    if truth.shape != estimate.shape or (mask is not None and mask.shape != truth.shape):
        raise ValueError(f"psnr(estimate, mask): expected the truth's shape {truth.shape}, got {estimate.shape}")
    if not peak > 0:
        raise ValueError(f"psnr(peak): expected a positive number, got {peak}")
    inner = (slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    error = truth[inner].astype(numpy.float64) - estimate[inner]
    if mask is not None:
        error = error[mask[inner]]
    if error.size == 0:
        raise ValueError("psnr(truth): expected pixels inside the border and the mask, got none")
    mean_square = float(numpy.mean(error**2))
    return float("inf") if mean_square == 0 else float(10 * numpy.log10(peak**2 / mean_square))


def compare(
    image: Array,
    restore: Callable[[Array], Array],
    *,
    peak: float,
    mask: NDArray[numpy.bool_] | None = None,
    name: str = "fsrcnn",
) -> dict[str, dict[str, float]]:
    """PSNR of a method and of every interpolation on one image, binned and restored.

    Parameters
    ----------
    image
        (H, W) uint8 or uint16: the truth. An odd last row or column is dropped.
    restore
        The method under the name `name`: binned image -> image of twice its size and the same dtype.
    peak
        As in `psnr`, and the value at which interpolations are clipped.
    mask
        (H, W) bool: the breast.

    Returns
    -------
    `{method: {"frame": dB}}`, with a mask `{method: {"frame": dB, "breast": dB}}`.
    """
    truth = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    small = bin2x2(truth)
    estimates = {name: restore(small)}
    for method in METHODS:
        estimates[method] = numpy.rint(numpy.clip(interpolate(small, method), 0, peak)).astype(image.dtype)
    scores: dict[str, dict[str, float]] = {}
    for method, estimate in estimates.items():
        scores[method] = {"frame": psnr(truth, estimate, peak=peak)}
        if mask is not None:
            inside = mask[: truth.shape[0], : truth.shape[1]]
            scores[method]["breast"] = psnr(truth, estimate, peak=peak, mask=inside)
    return scores


def psnr_table(scores: dict[str, dict[str, dict[str, float]]]) -> str:
    """`{image: {method: {"frame": dB, "breast": dB}}}` as a Markdown table, one row per image."""
    methods = list(next(iter(scores.values())))
    lines = ["| | " + " | ".join(methods) + " |", "|---" * (len(methods) + 1) + "|"]
    for image, row in scores.items():
        cells = [" / ".join(f"{value:.2f}" for value in row[method].values()) for method in methods]
        lines.append(f"| {image} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
