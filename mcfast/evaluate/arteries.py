"""Calcified arteries in real mammograms: what a detector of microcalcifications should not mark."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.insertion import fine_noise
from mcfast.evaluate.truth import Mark, point
from mcfast.phantom.vascular import add_tracks

__all__ = ["draw_arteries"]

FIELD_MM = 60.0  # of one artery
APART_MM = 0.4  # of the points that tell where its walls are
WALL = 0.3  # of its peak: what is brighter belongs to a wall
TRIES = 40


def draw_arteries(
    image: NDArray[numpy.uint16],
    mask: NDArray[numpy.bool_],
    spacing_mm: float,
    *,
    max_value: float,
    seed: int,
    count: int = 6,
) -> tuple[NDArray[numpy.uint16], tuple[Mark, ...]]:
    """Draw calcified arteries into a copy of an image, as training tiles have them.

    Parameters
    ----------
    image, mask
        (H, W) uint16, and the breast as (H, W) bool.
    spacing_mm, max_value
        Distance of pixel centres, and intensity of white.
    seed
        Decides places, courses and heights: 4 to 16 deviations of the noise at their middle.
    count
        How many; fewer where there is no room.

    Returns
    -------
    The image, and points on what is brighter than 0.3 of an artery's peak, about 0.4 mm apart.
    """
    rng = numpy.random.default_rng([seed, 0xA27E])
    values = image.astype(numpy.float32) / numpy.float32(max_value)
    noise = fine_noise(values, mask, spacing_mm)
    inside = numpy.argwhere(mask[::8, ::8]) * 8
    side = round(FIELD_MM / spacing_mm)
    step = max(1, round(APART_MM / spacing_mm))
    marks: list[Mark] = []
    for _ in range(count if len(inside) else 0):
        field = numpy.zeros((side, side), numpy.float32)
        add_tracks(field, spacing_mm, 1.0, rng)
        height = float(numpy.exp(rng.uniform(numpy.log(4.0), numpy.log(16.0))))
        walls = numpy.argwhere(field > WALL)
        corner = _room(walls, inside, mask, rng)
        if corner is None:
            continue
        middle = numpy.rint(walls.mean(axis=0)).astype(int) + corner
        there, here = _overlap(corner, side, mask.shape)
        values[there] += height * noise[tuple(middle.clip(0, numpy.array(mask.shape) - 1))] * field[here]
        cells = numpy.unique(walls // step, axis=0, return_index=True)[1]
        marks += [point(float(row), float(column)) for row, column in walls[cells] + corner]
    counts = numpy.clip(numpy.rint(values * numpy.float32(max_value)), 0, max_value).astype(numpy.uint16)
    return counts, tuple(marks)


def _room(
    walls: NDArray[Any], inside: NDArray[Any], mask: NDArray[numpy.bool_], rng: numpy.random.Generator
) -> NDArray[Any] | None:
    """(2,) where in the image a field's first pixel lies so that all walls are in the breast, or `None`."""
    if len(walls) == 0:
        return None
    middle = numpy.rint(walls.mean(axis=0)).astype(int)
    for _ in range(TRIES):
        corner: NDArray[Any] = inside[rng.integers(len(inside))] - middle
        rows, columns = (walls + corner).T
        within = (rows >= 0) & (columns >= 0) & (rows < mask.shape[0]) & (columns < mask.shape[1])
        if within.all() and mask[rows, columns].all():
            return corner
    return None


def _overlap(corner: NDArray[Any], side: int, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The part of the image that a field lies on, and that part of the field."""
    first = numpy.maximum(corner, 0)
    last = numpy.minimum(corner + side, shape)
    there = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    here = tuple(slice(int(a - c), int(b - c)) for a, b, c in zip(first, last, corner, strict=True))
    return there, here
