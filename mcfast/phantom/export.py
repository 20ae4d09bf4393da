"""What happens to an image between the detector and a file: processing for presentation, another grid, fewer bits."""

from __future__ import annotations

from io import BytesIO

import numpy
from numpy.typing import NDArray

from mcfast.ops import gaussian_blur, resample

__all__ = ["as_exported"]

Field = NDArray[numpy.float32]
AIR = 0.02  # what is darker is no tissue
BLACK = 0.3  # of the tissue, at most, below the lower end of a window


def as_exported(image: Field, rng: numpy.random.Generator, *, windows: bool = True) -> NDArray[numpy.uint16]:
    """A (side, side) image of 0 .. 1 as another vendor's file brings it back to its own grid.

    Tone curve, a window that leaves the darkest tissue black (unless not `windows`), noise reduction, enhancement of
    fine or coarse detail, a coarser grid (which `mcfast.resample` brings back, as it does in the engine), 8 bits or 12,
    JPEG; each only sometimes. Returns 0 .. 65535.
    """
    values = _processed(numpy.clip(image, 0, 1), rng, windows)
    side = len(values)
    coarser = float(rng.choice([1.0, 1.0, 1.2, 1.2, 1.4, 1.4, 2.0])) * rng.uniform(0.9, 1.1)
    if coarser > 1.05:
        values = _on_grid(values, round(side / coarser), rng)
    if rng.random() < 0.25:  # sharpened after resampling: what viewers and converters do
        values = values + rng.uniform(0.2, 1.2) * (values - gaussian_blur(values, rng.uniform(0.6, 1.6)))
    levels = 255 if rng.random() < 0.65 else 4095
    stored = numpy.rint(numpy.clip(values, 0, 1) * levels)
    if levels == 255 and rng.random() < 0.1:
        stored = _through_jpeg(stored, rng)
    wide = (stored * (65535 / levels)).astype(numpy.uint16)
    if len(wide) == side:
        return wide
    scale = side / len(wide)
    back = resample(wide, scale)
    assert back.shape == (side, side)
    result: NDArray[numpy.uint16] = back
    return result


def _processed(values: Field, rng: numpy.random.Generator, windows: bool) -> Field:
    if rng.random() < 0.35:
        values = values ** numpy.float32(numpy.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.15:
        share, tissue = rng.uniform(0, BLACK), values[values > AIR]
        if windows and tissue.size:
            low = numpy.quantile(tissue, share).astype(numpy.float32)
            values = numpy.clip((values - low) / (1 - low), 0, 1)
    if rng.random() < 0.12:
        values = gaussian_blur(values, rng.uniform(0.4, 0.8))
    if rng.random() < 0.25:
        values = values + rng.uniform(-0.3, 1.0) * (values - gaussian_blur(values, rng.uniform(1.0, 3.0)))
    if rng.random() < 0.25:
        values = values + rng.uniform(-0.3, 1.0) * (values - gaussian_blur(values, rng.uniform(6.0, 15.0)))
    return values


def _on_grid(values: Field, side: int, rng: numpy.random.Generator) -> Field:
    from PIL import Image

    kernels = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    kernel = kernels[int(rng.integers(len(kernels)))]
    small: Field = numpy.array(Image.fromarray(values).resize((side, side), kernel), numpy.float32)
    return small


def _through_jpeg(stored: Field, rng: numpy.random.Generator) -> Field:
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(stored.astype(numpy.uint8)).save(buffer, "JPEG", quality=int(rng.integers(70, 98)))
    with Image.open(buffer) as picture:
        return numpy.array(picture, numpy.float32)
