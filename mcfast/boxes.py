"""Boxes of an image: cut into tiles, and drawn around points."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy
from numpy.typing import ArrayLike

from mcfast.windows import pair

__all__ = ["Box", "regions_around", "tiles"]


class Box(NamedTuple):
    """Rows row0 .. row1 - 1 and columns column0 .. column1 - 1 of an image."""

    row0: int
    column0: int
    row1: int
    column1: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.row1 - self.row0, self.column1 - self.column0

    @property
    def slices(self) -> tuple[slice, slice]:
        """`image[box.slices]` is the box's part of the image."""
        return slice(self.row0, self.row1), slice(self.column0, self.column1)

    def overlaps(self, other: Box) -> bool:
        """Whether the two have a pixel in common."""
        rows = self.row0 < other.row1 and other.row0 < self.row1
        return rows and self.column0 < other.column1 and other.column0 < self.column1

    def joined(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.row0, other.row0),
            min(self.column0, other.column0),
            max(self.row1, other.row1),
            max(self.column1, other.column1),
        )


def tiles(box: Box, side: int) -> list[Box]:
    """Tiles of nearly equal sizes, at most `side` on a side, that together are the box; in raster order."""
    rows, columns = _cuts(box.row0, box.row1, side), _cuts(box.column0, box.column1, side)
    return [
        Box(row0, column0, row1, column1) for row0, row1 in pairwise(rows) for column0, column1 in pairwise(columns)
    ]


def regions_around(points: ArrayLike, margin: int | tuple[int, int], shape: tuple[int, int]) -> list[Box]:
    """Boxes that hold every point with a margin around it, joined as long as any two overlap; in raster order.

    For the regions of `mcfast.super_resolve`: give it the calcifications, or the corners of the clusters' outlines.

    Parameters
    ----------
    points
        (N, 2) rows and columns in pixels, whole or not; N may be 0. A point belongs to the pixel it is rounded to.
    margin
        Pixels on every side of a point, >= 0, one number or (rows, columns). Cut off at the image's border.
    shape
        (H, W) of the image.

    Returns
    -------
    Boxes that do not overlap; O(N^2).

    Raises
    ------
    TypeError
        If the margin is neither an int nor two.
    ValueError
        If the points are not (N, 2), lie outside the image, or the margin is negative.
    """
    places: Any = numpy.asarray(points, numpy.float64)
    if places.size == 0:
        return []
    if places.ndim != 2 or places.shape[1] != 2:
        raise ValueError(f"regions_around(points): expected (N, 2) rows and columns, got shape {places.shape}")
    down, right = pair("regions_around", "margin", margin)
    if min(down, right) < 0:
        raise ValueError(f"regions_around(margin): expected at least 0, got {margin}")
    whole = numpy.rint(places)
    if not ((whole >= 0) & (whole < shape)).all():  # not a number fails both comparisons
        raise ValueError(f"regions_around(points): expected points inside the image's {tuple(shape)}, got one outside")
    boxes: list[Box] = []
    for row, column in whole.astype(int).tolist():
        box = Box(
            max(0, row - down), max(0, column - right), min(shape[0], row + down + 1), min(shape[1], column + right + 1)
        )
        boxes = _with(boxes, box)
    return sorted(boxes)


def _with(boxes: list[Box], box: Box) -> list[Box]:
    """The boxes and one more, which swallows those that it overlaps and, grown by them, those that it then overlaps."""
    while touched := [other for other in boxes if other.overlaps(box)]:
        boxes = [other for other in boxes if other not in touched]
        for other in touched:
            box = box.joined(other)
    return [*boxes, box]


def _cuts(first: int, last: int, side: int) -> list[int]:
    pieces = -(-(last - first) // side)
    return [first + (last - first) * index // pieces for index in range(pieces + 1)]
