"""What a detector of microcalcifications should not mark, drawn into real mammograms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.insertion import fine_noise
from mcfast.evaluate.truth import Mark, point
from mcfast.phantom.distractors import add_crossings, add_film_marks, add_hot_pixels, add_metal
from mcfast.phantom.tiles import soft_edge
from mcfast.phantom.tissue import add_specks
from mcfast.phantom.vascular import add_tracks

__all__ = ["DISTRACTORS", "draw_distractors"]

Field = NDArray[numpy.float32]
Drawn = tuple[Field, NDArray[numpy.bool_]]
APART_MM = 0.4  # of the points that tell where they are
TRIES = 40


@dataclass(frozen=True, slots=True)
class _Kind:
    """`count` fields of `side_mm`, each with what `draw` gives: values, and where it is. `heights` are log-uniform, in
    deviations of the noise there; without, values are fractions of white: what is less is raised to them."""

    count: int
    side_mm: float
    draw: Callable[[int, float, numpy.random.Generator], Drawn]
    heights: tuple[float, float] | None


def _tracks(side: int, spacing_mm: float, rng: numpy.random.Generator) -> Drawn:
    field = numpy.zeros((side, side), numpy.float32)
    add_tracks(field, spacing_mm, 1.0, rng)
    return field, field > 0.3


def _metal(side: int, spacing_mm: float, rng: numpy.random.Generator) -> Drawn:
    field = numpy.zeros((side, side), numpy.float32)
    add_metal(field, numpy.full((side, side), 1e3, numpy.float32), spacing_mm, rng)
    return field, field > 0.5


def _film(side: int, spacing_mm: float, rng: numpy.random.Generator) -> Drawn:
    field = numpy.zeros((side, side), numpy.float32)
    (add_hot_pixels if rng.random() < 0.5 else add_film_marks)(field, 1.0, rng)
    return field, field > 3.0


def _crossing(side: int, spacing_mm: float, rng: numpy.random.Generator) -> Drawn:
    field = numpy.zeros((side, side), numpy.float32)
    add_crossings(field, spacing_mm, 1.0, rng)
    return field, field > 0.7 * max(float(field.max()), 1e-6)


def _specks(side: int, spacing_mm: float, rng: numpy.random.Generator) -> Drawn:
    field = numpy.zeros((side, side), numpy.float32)
    add_specks(field, numpy.ones((side, side), bool), spacing_mm, 3, 1.0, rng)
    return field, field > 0.8 * max(float(field.max()), 1e-6)


def _step(side: int, spacing_mm: float, rng: numpy.random.Generator) -> Drawn:
    """A soft step, faded out towards the field's border."""
    step = soft_edge(side, rng.uniform(0.2, 1.0), rng) - numpy.float32(0.5)
    down, right = numpy.mgrid[:side, :side] - side / 2
    fade = numpy.clip(4 - 8 * numpy.hypot(down, right) / side, 0, 1).astype(numpy.float32)
    return step * fade, (numpy.abs(step) < 0.4) & (fade >= 1)


_KINDS = {
    "calcified arteries": _Kind(6, 60.0, _tracks, (4.0, 16.0)),
    "metal": _Kind(10, 20.0, _metal, None),
    "film marks": _Kind(12, 20.0, _film, (0.5, 1.5)),
    "line crossings": _Kind(16, 30.0, _crossing, (1.0, 8.0)),
    "soft specks": _Kind(60, 8.0, _specks, (2.5, 2.5)),
    "soft edges": _Kind(12, 25.0, _step, (5.0, 15.0)),
}
DISTRACTORS = tuple(_KINDS)


def draw_distractors(
    name: str,
    image: NDArray[numpy.uint16],
    mask: NDArray[numpy.bool_],
    spacing_mm: float,
    *,
    max_value: float,
    seed: int,
) -> tuple[NDArray[numpy.uint16], tuple[Mark, ...]]:
    """Draw what should not be marked into a copy of an image, as training tiles have it.

    Parameters
    ----------
    name
        One of `DISTRACTORS`.
    image, mask
        (H, W) uint16, and the breast as (H, W) bool.
    spacing_mm, max_value
        Distance of pixel centres, and intensity of white.
    seed
        Decides places, courses and heights.

    Returns
    -------
    The image, and points on what was drawn, about 0.4 mm apart. All of it lies in the breast; there is less of it where
    there is no room. O(pixels).

    Raises `ValueError` for another name.
    """
    if name not in _KINDS:
        raise ValueError(f"draw_distractors(name): expected one of {', '.join(DISTRACTORS)}, got {name!r}")
    kind = _KINDS[name]
    rng = numpy.random.default_rng([seed, 0xD157, DISTRACTORS.index(name)])
    values = image.astype(numpy.float32) / numpy.float32(max_value)
    noise = fine_noise(values, mask, spacing_mm)
    inside = numpy.argwhere(mask[::8, ::8]) * 8
    side, step = round(kind.side_mm / spacing_mm), max(1, round(APART_MM / spacing_mm))
    marks: list[Mark] = []
    for _ in range(kind.count if len(inside) else 0):
        field, there_is = kind.draw(side, spacing_mm, rng)
        places = numpy.argwhere(there_is)
        corner = _room(places, inside, mask, rng)
        if corner is None:
            continue
        middle = (numpy.rint(places.mean(axis=0)).astype(int) + corner).clip(0, numpy.array(mask.shape) - 1)
        there, here = _overlap(corner, side, mask.shape)
        if kind.heights is None:
            values[there] = numpy.maximum(values[there], field[here])
        else:
            height = float(numpy.exp(rng.uniform(*numpy.log(kind.heights))))
            values[there] += height * noise[tuple(middle)] * field[here]
        cells = numpy.unique(places // step, axis=0, return_index=True)[1]
        marks += [point(float(row), float(column)) for row, column in places[cells] + corner]
    counts = numpy.clip(numpy.rint(values * numpy.float32(max_value)), 0, max_value).astype(numpy.uint16)
    return counts, tuple(marks)


def _room(
    places: NDArray[Any], inside: NDArray[Any], mask: NDArray[numpy.bool_], rng: numpy.random.Generator
) -> NDArray[Any] | None:
    """(2,) where in the image a field's first pixel lies so that all places are in the breast, or `None`."""
    if len(places) == 0:
        return None
    middle = numpy.rint(places.mean(axis=0)).astype(int)
    for _ in range(TRIES):
        corner: NDArray[Any] = inside[rng.integers(len(inside))] - middle
        rows, columns = (places + corner).T
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
