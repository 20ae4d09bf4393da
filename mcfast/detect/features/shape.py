"""Shape of binary spots: perimeter, eccentricity, hull, Feret diameter. In pixels, all spots at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Shapes", "shapes"]

Values = NDArray[numpy.float64]
Mask = NDArray[numpy.bool_]
FAR = 1 << 12  # a column beyond every mask


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Shape of N spots: each (N,) float64, lengths in pixels.

    Attributes
    ----------
    area
        Number of pixels.
    perimeter
        Crofton's formula with 4 directions.
    eccentricity
        0 .. 1, of the ellipse with the spot's second moments, pixels being squares.
    convex_area
        Number of pixels whose centres are in the convex hull of the edge midpoints of the spot's pixels.
    feret_diameter
        Greatest distance between edge midpoints of two pixels of that hull.
    """

    area: Values
    perimeter: Values
    eccentricity: Values
    convex_area: Values
    feret_diameter: Values


def shapes(masks: Mask) -> Shapes:
    """Measure binary spots.

    Parameters
    ----------
    masks
        (N, side, side) bool, in each a spot of pixels that are connected (eight neighbours), at least one.

    Returns
    -------
    `Shapes`. O(side^2) per spot.
    """
    first, last = _hulls(masks)
    area, eccentricity = _moments(masks)
    width = numpy.maximum(last - first + 1, 0)
    return Shapes(area, _perimeters(masks), eccentricity, width.sum(axis=1).astype(float), _feret(first, last))


def _moments(masks: Mask) -> tuple[Values, Values]:
    """(N,) area and eccentricity from moments up to the second; 1/12 is a square pixel's own."""
    count, side, _ = masks.shape
    offset = numpy.arange(side, dtype=float) - side // 2
    down, right = (each.ravel() for each in numpy.broadcast_arrays(offset[:, None], offset[None, :]))
    basis = numpy.stack([numpy.ones(side * side), down, right, down * down, right * right, down * right], axis=1)
    area, row, column, rows, columns, mixed = (masks.reshape(count, -1).astype(float) @ basis).T
    rows = rows / area - (row / area) ** 2 + 1 / 12
    columns = columns / area - (column / area) ** 2 + 1 / 12
    mixed = mixed / area - row * column / area**2
    half = numpy.hypot((rows - columns) / 2, mixed)
    large = (rows + columns) / 2 + half
    return area, numpy.sqrt(2 * half / large)


def _perimeters(masks: Mask) -> Values:
    """(N,) pi/4 times the sum over 4 directions of chords times the distance of the lines they lie on."""
    count, side, _ = masks.shape
    padded = numpy.zeros((count, side + 2, side + 2), bool)
    padded[:, 1:-1, 1:-1] = masks
    flat = padded.ravel()
    total = numpy.zeros(count)
    for step, apart in ((1, 1.0), (side + 2, 1.0), (side + 1, math.sqrt(0.5)), (side + 3, math.sqrt(0.5))):
        ends = flat.copy()  # a chord ends where the next pixel along its line is not in the spot
        ends[:-step] &= ~flat[step:]
        total += apart * numpy.count_nonzero(ends.reshape(count, -1), axis=1)
    return math.pi / 4 * total


def _hulls(masks: Mask) -> tuple[NDArray[numpy.int16], NDArray[numpy.int16]]:
    """(N, side) int16 first and last column of the convex hull in each row; in empty rows the last is the lower one."""
    count, side, _ = masks.shape
    occupied = masks.any(axis=2)
    starts = numpy.concatenate([masks.argmax(axis=2), masks[:, :, ::-1].argmax(axis=2)])
    starts[~numpy.concatenate([occupied, occupied])] = FAR
    first = _envelopes(starts)
    last = side - 1 - first[count:]
    return first[:count].astype(numpy.int16), last.astype(numpy.int16)


def _envelopes(starts: NDArray[numpy.int64]) -> NDArray[numpy.int64]:
    """(M, side) first column whose centre is in the hull, for first columns of the spots, `FAR` in empty rows.

    Edge midpoints have whole coordinates at twice the scale: a pixel's left one is at (2 row + 1, 2 column), its upper
    and lower at (2 row, 2 column + 1) and (2 row + 2, 2 column + 1). From the top one the hull goes to where the slope
    is least, and on (gift wrapping; Jarvis, Information Processing Letters 2(1), 1973), in all spots at once.
    """
    lanes, side = starts.shape
    points = numpy.full((lanes, 2 * side + 1), 2.0 * FAR)
    points[:, 1::2] = 2 * starts
    points[:, 0:-1:2] = 2 * starts + 1
    points[:, 2::2] = numpy.minimum(points[:, 2::2], 2 * starts + 1)
    known = points < FAR
    points[~known] = numpy.inf
    rows = numpy.arange(2 * side + 1, dtype=float)
    here = known.argmax(axis=1)
    end = 2 * side - known[:, ::-1].argmax(axis=1)
    hull = numpy.full((lanes, side), float(FAR))  # at the pixels' rows, which are the odd ones
    active = numpy.arange(lanes)
    while active.size:
        row, at = rows[here[active], None], points[active, here[active]][:, None]
        ahead = rows - row
        slopes = (points[active] - at) / numpy.maximum(ahead, 0.5)
        slopes[ahead <= 0] = numpy.inf
        there = slopes.argmin(axis=1)
        slope = slopes[numpy.arange(active.size), there][:, None]
        passed = (ahead[:, 1::2] >= 0) & (rows[1::2] <= there[:, None])
        hull[active] = numpy.where(passed, at + slope * ahead[:, 1::2], hull[active])
        here[active] = there
        active = active[there < end[active]]
    # Slopes are fractions of at most 2 side, 402: what is closer than 1e-6 to a whole number is one.
    first: NDArray[numpy.int64] = numpy.ceil((hull - 1) / 2 - 1e-6).astype(numpy.int64)
    first[~numpy.isfinite(points[:, 1::2])] = FAR
    return first


def _feret(first: NDArray[numpy.int16], last: NDArray[numpy.int16]) -> Values:
    """(N,) greatest distance of edge midpoints.

    Two pixels dr rows and dc columns apart have midpoints dr^2 + dc^2 + 2 max(dr, dc) + 1 apart, squared; of the
    farthest two one is the last of its row, the other the first of its own, in columns that are not before it.
    """
    side = first.shape[1]
    rows = numpy.arange(side)
    down: NDArray[Any] = numpy.abs(rows[:, None] - rows[None, :]).astype(numpy.int32)
    right = last[:, :, None].astype(numpy.int32) - first[:, None, :]
    squares = numpy.maximum(right, down)
    squares += squares
    squares += down * down + 1
    squares += right * right
    squares[right < 0] = 0
    diameter: Values = numpy.sqrt(squares.max(axis=(1, 2)).astype(float))
    return diameter
