"""What fools detectors and is no calcification to report: crossing lines, metal, specks on film, hot pixels."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from mcfast.phantom.texture import bezier_curves, draw_points

__all__ = ["add_crossings", "add_film_marks", "add_hot_pixels", "add_metal"]

Field = NDArray[numpy.float32]


def add_crossings(signal: Field, spacing_mm: float, peak: float, rng: numpy.random.Generator) -> None:
    """Thin lines through one place, in place: where two vessels or septa cross it is bright as a speck."""
    for _ in range(int(rng.integers(1, 8))):
        middle = rng.uniform(0, 1, 2) * signal.shape
        lines = int(rng.integers(2, 4))
        directions = rng.uniform(0, 2 * numpy.pi, lines)
        lengths = rng.uniform(3, 15, lines) / spacing_mm
        ahead = numpy.column_stack([numpy.sin(directions), numpy.cos(directions)])
        starts = middle - ahead * lengths[:, None] * rng.uniform(0.2, 0.8, (lines, 1)) + rng.normal(0, 1, (lines, 2))
        curves = bezier_curves(starts, directions, lengths, 0.05, rng)
        weights = [numpy.full(len(one), peak * rng.uniform(0.3, 1.0)) for one in curves]
        width = rng.uniform(0.06, 0.2) / spacing_mm
        signal += draw_points(signal.shape, numpy.concatenate(curves), numpy.concatenate(weights), width)


def add_metal(signal: Field, depth: Field, spacing_mm: float, rng: numpy.random.Generator) -> None:
    """A ball on the skin, a clip, a ring or a wire of metal, in place: bright to white, sharp, and no calcification.

    `depth` is the distance to the skin in mm. Balls mark nipples and moles: half of them lie where the skin is seen
    from the side, if it is.
    """
    kind = rng.choice(["ball", "ball", "ball", "clip", "ring", "wire"])
    place = rng.uniform(0.05, 0.95, 2) * signal.shape
    rim = numpy.argwhere(numpy.abs(depth) < 2)
    if kind == "ball" and len(rim) and rng.random() < 0.5:
        place = rim[rng.integers(len(rim))].astype(float)
    down = ((numpy.arange(signal.shape[0]) - place[0]) * spacing_mm).astype(numpy.float32)[:, None]
    right = ((numpy.arange(signal.shape[1]) - place[1]) * spacing_mm).astype(numpy.float32)[None, :]
    turn = rng.uniform(0, numpy.pi)
    along = right * numpy.cos(turn) + down * numpy.sin(turn)
    across = down * numpy.cos(turn) - right * numpy.sin(turn)
    inside = numpy.clip(_metal_depth(str(kind), along, across, rng) / numpy.float32(spacing_mm) + 0.5, 0, 1)
    white = rng.uniform(0.6, 1.05)
    signal += inside * numpy.maximum(white - signal, 0)


def _metal_depth(kind: str, along: Field, across: Field, rng: numpy.random.Generator) -> Field:
    """How far inside the metal a place lies, in mm; negative outside."""
    if kind == "ball":
        ball: Field = numpy.float32(rng.uniform(0.5, 1.5)) - numpy.hypot(along, across)
        return ball
    if kind == "ring":
        radius = numpy.hypot(along, across)
        ring: Field = numpy.float32(rng.uniform(0.2, 0.5)) - numpy.abs(radius - numpy.float32(rng.uniform(1, 8)))
        return ring
    length, thick, bend = (
        (rng.uniform(0.5, 2.5), rng.uniform(0.12, 0.5), rng.uniform(-0.3, 0.3))
        if kind == "clip"
        else (rng.uniform(8, 40), rng.uniform(0.08, 0.3), rng.uniform(-0.03, 0.03))
    )
    rod: Field = numpy.minimum(length - numpy.abs(along), thick - numpy.abs(across + bend * along**2))
    return rod


def add_hot_pixels(image: Field, deviation: float, rng: numpy.random.Generator) -> None:
    """Single pixels that the detector reads too high, in place; 1 to 8 of them, 5 to 60 deviations."""
    count = int(rng.integers(1, 9))
    rows, columns = (rng.integers(0, length, count) for length in image.shape)
    heights = deviation * numpy.exp(rng.uniform(numpy.log(5), numpy.log(60), count))
    image[rows, columns] += heights.astype(numpy.float32)


def add_film_marks(image: Field, deviation: float, rng: numpy.random.Generator) -> None:
    """Dust and scratches of a film, in place: bright, sharper than anything that came through the breast."""
    for _ in range(int(rng.integers(2, 30))):
        row, column = (int(rng.integers(0, length - 3)) for length in image.shape)
        height = deviation * numpy.exp(rng.uniform(numpy.log(5), numpy.log(40)))
        shape = rng.random((int(rng.integers(1, 3)), int(rng.integers(1, 3)))) < 0.8
        image[row : row + shape.shape[0], column : column + shape.shape[1]] += (height * shape).astype(numpy.float32)
    for _ in range(int(rng.integers(0, 3))):
        start, length = rng.uniform(0, 1, 2) * image.shape, rng.uniform(10, 200)
        turn = rng.uniform(0, 2 * numpy.pi)
        steps = start + numpy.arange(0, length, 1.0)[:, None] * [numpy.sin(turn), numpy.cos(turn)]
        rows, columns = numpy.rint(steps).astype(int).T
        inside = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
        image[rows[inside], columns[inside]] += numpy.float32(deviation * rng.uniform(3, 15))
