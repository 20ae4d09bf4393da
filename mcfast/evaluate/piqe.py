"""PIQE: how distorted an image looks, without a reference (Venkatanath et al., NCC 2015).

Blocks of 16 x 16 of the image in units of its local contrast: of those with any activity, the ones with flat pieces of
border (blocking) or with noise in them add up to a score of 0 (good) .. 100. An image of no active block scores 100.

The score depends on how intensities map to 0 .. 255: by default the image's largest value becomes 255, as in the
published code; two images are comparable only with the same `white`. A large score is no statement about diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["BLOCK", "Piqe", "piqe"]

Array = NDArray[Any]
Mask = NDArray[numpy.bool_]

BLOCK = 16
ACTIVE = 0.1
"""Variance from which on a block counts."""
FLAT, SEGMENT = 0.1, 6
"""Standard deviation below which a segment of that many pixels of a block's border is flat."""
_SIGMA, _RADIUS = 7 / 6, 3
_BAND = 32  # rows of blocks that are worked on at a time, to keep the memory small


@dataclass(frozen=True, slots=True, eq=False)
class Piqe:
    """A score, and what was found in each block: (ceil(H / 16), ceil(W / 16)) bool.

    Attributes
    ----------
    score
        0 .. 100, less is better.
    active, blocking, noisy
        Blocks that count; of those, the ones with a flat piece of border, and with noise.
    """

    score: float
    active: Mask
    blocking: Mask
    noisy: Mask


def piqe(image: Array, *, white: float | None = None) -> Piqe:
    """The perception-based image quality evaluator.

    Parameters
    ----------
    image
        (H, W) of any real dtype, H W >= 1, values of at least 0. Sides that are no multiple of 16 are
        mirrored up to one.
    white
        Intensity that becomes 255; `None` is the image's largest value.

    Returns
    -------
    `Piqe`. O(H W) time, little memory besides the image's.

    Raises
    ------
    ValueError
        If the image is empty, not 2-D, negative or not finite, or `white` is not positive.
    """
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"piqe(image): expected (rows, columns), not empty, got shape {image.shape}")
    low, high = float(image.min()), float(image.max())  # a NaN comes out of both
    if not (low >= 0 and high < numpy.inf):
        raise ValueError(f"piqe(image): expected finite values of at least 0, got {low} .. {high}")
    if white is not None and not 0 < white < numpy.inf:
        raise ValueError(f"piqe(white): expected None or a positive number, got {white}")
    scale = high if white is None else float(white)
    rows, columns = (-(-side // BLOCK) for side in image.shape)
    active, blocking, noisy = (numpy.zeros((rows, columns), bool) for _ in range(3))
    variance = numpy.zeros((rows, columns))
    if scale > 0:
        padded = numpy.pad(
            image, ((0, rows * BLOCK - image.shape[0]), (0, columns * BLOCK - image.shape[1])), mode="symmetric"
        )
        for begin in range(0, rows, _BAND):
            band = slice(begin, min(rows, begin + _BAND))
            blocks = _blocks(_normalised(padded, scale, band.start * BLOCK, band.stop * BLOCK))
            variance[band] = blocks.var(axis=(2, 3), ddof=1)
            active[band] = variance[band] > ACTIVE
            blocking[band] = active[band] & _flat_border(blocks)
            noisy[band] = active[band] & _noise(blocks, variance[band])
    distortion = (1 - variance[blocking]).sum() + variance[noisy].sum()
    score = 100 * (distortion + 1) / (active.sum() + 1)
    return Piqe(float(score), active, blocking, noisy)


def _normalised(image: Array, scale: float, top: int, bottom: int) -> NDArray[numpy.float64]:
    """Rows top .. bottom - 1 in units of their local contrast, equation 1 of the paper."""
    from scipy import ndimage

    first, last = max(0, top - _RADIUS), min(image.shape[0], bottom + _RADIUS)
    values = numpy.rint(255 * (image[first:last] / scale))
    taps = numpy.exp(-0.5 * (numpy.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
    taps /= taps.sum()

    def blurred(plane: Array) -> Array:
        across: Array = ndimage.correlate1d(plane, taps, 1, mode="nearest")
        return numpy.asarray(ndimage.correlate1d(across, taps, 0, mode="nearest"))

    mean = blurred(values)
    deviation = numpy.sqrt(numpy.abs(blurred(values * values) - mean * mean))
    normal: NDArray[numpy.float64] = ((values - mean) / (deviation + 1))[top - first : bottom - first]
    return normal


def _blocks(plane: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
    """(16 m, 16 n) -> (m, n, 16, 16)."""
    m, n = (side // BLOCK for side in plane.shape)
    return numpy.ascontiguousarray(plane.reshape(m, BLOCK, n, BLOCK).swapaxes(1, 2))


def _flat_border(blocks: NDArray[numpy.float64]) -> Mask:
    """Whether any six neighbouring pixels on one of the four borders hardly vary."""
    flat = numpy.zeros(blocks.shape[:2], bool)
    for border in (blocks[:, :, 0], blocks[:, :, -1], blocks[:, :, :, 0], blocks[:, :, :, -1]):
        segments = numpy.lib.stride_tricks.sliding_window_view(border, SEGMENT, axis=2)
        flat |= (segments.std(axis=3, ddof=1) < FLAT).any(axis=2)
    return flat


def _noise(blocks: NDArray[numpy.float64], variance: NDArray[numpy.float64]) -> Mask:
    """Whether the middle of a block varies so much like its surroundings that the block must be noise.

    The published code takes columns 7 and 8 for the middle and all but 7 and 9 for the surroundings; so do we.
    """
    middle = blocks[..., [7, 8]].std(axis=(2, 3), ddof=1)
    around = blocks[..., [*range(7), 8, *range(10, BLOCK)]].std(axis=(2, 3), ddof=1)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        ratio = numpy.nan_to_num(middle / around, nan=0.0, posinf=numpy.inf)
        sigma = numpy.sqrt(variance)
        beta = numpy.abs(sigma - ratio) / numpy.maximum(sigma, ratio)
        noisy: Mask = sigma > 2 * beta  # a beta that is no number is no noise
    return noisy
