"""Pairs for FSRCNN: crops of phantom mammograms (the truth) and their 2x2-binned selves (the input).

A network that shall magnify mammograms of every vendor must not learn one detector's blur and noise. So every phantom
comes with a spacing, a blur, a noise level, a gain and a background of its own, drawn from its seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.sr import bin2x2

__all__ = ["Pairs", "crop_pairs", "draw_frame", "draw_pairs", "join_pairs"]

Array = NDArray[Any]

SPACINGS_MM = (0.05, 0.07, 0.085, 0.1)
HEIGHT_MM, WIDTH_MM = 116.0, 90.0
"""Half a large detector's field: every tissue is there, in a quarter of the time."""


@dataclass(frozen=True)
class Pairs:
    """`small` (N, 1, c, c) and `large` (N, 1, 2 c, 2 c) float32 in [0, 1]: `small` is `large` binned by 2x2."""

    small: NDArray[numpy.float32]
    large: NDArray[numpy.float32]


def draw_frame(seed: int, *, scale: float = 1.0) -> tuple[NDArray[numpy.uint16], NDArray[numpy.bool_]]:
    """One 12-bit phantom as a detector of random kind would deliver it, and its breast mask; the same for one seed.

    `scale` shrinks the field of view (for tests).
    """
    from mcfast import phantom

    generator = numpy.random.default_rng([seed, 0xF5])
    spacing = float(generator.choice(SPACINGS_MM))
    shape = (round(scale * HEIGHT_MM / spacing), round(scale * WIDTH_MM / spacing))
    drawn = phantom.mammogram(seed, shape=shape, spacing_mm=spacing, bits=12)
    image = as_another_detector(drawn.image.astype(numpy.float32) / 4095, drawn.mask, generator)
    return numpy.rint(image * 4095).astype(numpy.uint16), drawn.mask


def as_another_detector(
    image: Array, mask: NDArray[numpy.bool_], generator: numpy.random.Generator
) -> NDArray[numpy.float32]:
    """Blur, noise, gain and background drawn anew. (H, W) float32 in [0, 1] -> the same shape and range."""
    from scipy import ndimage

    blur = float(generator.choice([0.0, 0.5, 0.8, 1.1]))
    if blur:
        image = ndimage.gaussian_filter(image, blur)
    noise = generator.standard_normal(image.shape, numpy.float32)
    grain = float(generator.choice([0.0, 0.5, 0.8]))
    if grain:  # a scintillator correlates the noise of neighbouring pixels
        noise = ndimage.gaussian_filter(noise, grain)
        noise /= noise.std()
    level = float(numpy.exp(generator.uniform(numpy.log(0.0005), numpy.log(0.04))))
    image = image + level * noise * numpy.sqrt(numpy.clip(image, 0.05, 1))
    image = image * float(generator.uniform(0.4, 1.0))
    if generator.random() < 0.6:  # processed images have a background of exactly zero
        image = image * mask
    return numpy.clip(image, 0, 1).astype(numpy.float32)


def draw_pairs(seeds: list[int], crops: int, side: int, *, scale: float = 1.0) -> Pairs:
    """`crops` crops of `side` small pixels out of the phantom of each seed, four of five centred in the breast."""
    pairs = []
    for seed in seeds:
        image, mask = draw_frame(seed, scale=scale)
        pairs.append(crop_pairs(image, mask, 4095, crops, side, numpy.random.default_rng([seed, 0xC2])))
    return join_pairs(pairs)


def crop_pairs(
    image: Array,
    mask: NDArray[numpy.bool_],
    peak: float,
    crops: int,
    side: int,
    generator: numpy.random.Generator,
) -> Pairs:
    """`crops` crops of `side` small pixels out of an image of values 0 .. peak, four of five centred in the mask."""
    large = []
    inside = numpy.argwhere(mask)
    for index in range(crops):
        place = inside[generator.integers(len(inside))] if index % 5 else generator.integers(0, image.shape)
        row, column = (
            int(numpy.clip(centre - side, 0, length - 2 * side))
            for centre, length in zip(place, image.shape, strict=True)
        )
        large.append(image[row : row + 2 * side, column : column + 2 * side])
    small = [bin2x2(crop) for crop in large]
    return Pairs(small=_batch(small, peak), large=_batch(large, peak))


def join_pairs(pairs: list[Pairs]) -> Pairs:
    """All pairs in one, in order."""
    small, large = (numpy.concatenate([getattr(one, name) for one in pairs]) for name in ("small", "large"))
    return Pairs(small=small, large=large)


def _batch(crops: list[Array], peak: float) -> NDArray[numpy.float32]:
    return (numpy.stack(crops)[:, None] / numpy.float32(peak)).astype(numpy.float32)
