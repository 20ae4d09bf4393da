"""How vendors and archives make one exposure look: spacing, sharpness, noise, window, 8 bits.

A detector that knows one look fails on the next. So what is measured on one detector's images is measured again on
exports of them that look as others' do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.truth import Mark
from mcfast.ops import gaussian_blur, resample

__all__ = ["LOOKS", "Look", "exported", "moved"]

Field = NDArray[numpy.float32]
EDGE_MM = 0.2  # standard deviation of the blur that unsharp masking takes off


@dataclass(frozen=True, slots=True)
class Look:
    """One way to export a mammogram with 8 bits.

    Attributes
    ----------
    name
        For tables.
    spacing_mm
        Distance of the export's pixel centres.
    blur_mm
        Standard deviation of a Gaussian blur before resampling, millimetres.
    sharpening
        Times that what is finer than 0.2 mm is added once more.
    noise
        Standard deviation of white noise added to the export, in counts of 255.
    low, high
        Percentiles of the breast's values that become `black` and white.
    black
        Count of the lower end; what is darker goes on down to 0.
    gamma
        Exponent of the values between black and white.
    """

    name: str
    spacing_mm: float
    blur_mm: float = 0.0
    sharpening: float = 0.0
    noise: float = 0.0
    low: float | None = None
    high: float = 99.95
    black: float = 0.0
    gamma: float = 1.0


LOOKS = (
    Look("0.11 mm", 0.11),
    Look("0.14 mm", 0.14),
    Look("0.12 mm, sharpened", 0.12, sharpening=1.0),
    Look("0.14 mm, soft", 0.14, blur_mm=0.1),
    Look("0.125 mm, noisy", 0.125, noise=2.5),
    Look("0.13 mm, low contrast", 0.13, high=100.0, black=90.0),
    Look("0.11 mm, hard window", 0.11, low=5.0, high=99.0, sharpening=0.5),
    Look("0.14 mm, dark fat", 0.14, gamma=1.6),
    Look("0.12 mm, black fat", 0.12, low=10.0, high=99.5),
    Look("0.12 mm, steep curve", 0.12, gamma=2.2),
)
"""Five spacings between 0.11 and 0.14 mm, and what else differs between vendors, one thing at a time."""


def exported(
    image: NDArray[Any], mask: NDArray[numpy.bool_], spacing_mm: float, look: Look, *, seed: int
) -> NDArray[numpy.uint8]:
    """An image as it looks elsewhere.

    Parameters
    ----------
    image, mask
        (H, W) uint16 or float32, bright = dense, and the breast, whose values decide the window, as (H, W) bool.
    spacing_mm
        Distance of its pixel centres.
    look
        What it becomes.
    seed
        Decides the noise.

    Returns
    -------
    (h, w) uint8.
    """
    values = image.astype(numpy.float32)
    inside = values[mask] if mask.any() else values.ravel()
    high = float(numpy.percentile(inside, look.high))
    low = 0.0 if look.low is None else float(numpy.percentile(inside, look.low))
    if look.blur_mm:
        values = gaussian_blur(values, look.blur_mm / spacing_mm)
    if look.sharpening:
        values = values + numpy.float32(look.sharpening) * (values - gaussian_blur(values, EDGE_MM / spacing_mm))
    share = numpy.clip((values - low) / max(high - low, 1e-6), -1.0, 1.0)
    share = numpy.sign(share) * numpy.abs(share) ** look.gamma
    counts = resample(share.astype(numpy.float32), spacing_mm / look.spacing_mm)
    counts = look.black + (255 - look.black) * counts
    if look.noise:
        rng = numpy.random.default_rng([seed, 0x100C])
        counts = counts + look.noise * rng.standard_normal(counts.shape, numpy.float32)
    eight: NDArray[numpy.uint8] = numpy.rint(numpy.clip(counts, 0, 255)).astype(numpy.uint8)
    return eight


def moved(mark: Mark, spacing_mm: float, look: Look) -> Mark:
    """A mark of an image of some spacing in pixels of its export."""
    factor = spacing_mm / look.spacing_mm
    return Mark((mark.corners + 0.5) * factor - 0.5, mark.cluster)
