"""Structuring elements: built once, used on many images."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy
from numpy.typing import ArrayLike, NDArray

__all__ = ["Footprint", "disk", "rectangle"]


class Footprint:
    """A flat structuring element: the set of pixels over which a minimum or maximum is taken.

    Its origin is the pixel (rows // 2, columns // 2). The chord decomposition that the native kernels work from
    (Urbach and Wilkinson 2008) is computed once, when it is first needed.

    Parameters
    ----------
    mask
        (rows, columns), anything that NumPy turns into booleans; at least one pixel must be set.

    Raises
    ------
    ValueError
        If the mask is not two-dimensional or has no pixel set.
    """

    def __init__(self, mask: ArrayLike) -> None:
        array = numpy.array(mask, dtype=bool, order="C")  # a copy: what the caller does to the mask later is not seen
        if array.ndim != 2:
            raise ValueError(f"Footprint(mask): expected a 2-D array, got {array.ndim}-D; give rows and columns")
        if not array.any():
            raise ValueError(f"Footprint(mask): expected at least one pixel set, got none in {array.shape}")
        array.flags.writeable = False
        self.mask: NDArray[numpy.bool_] = array

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the bounding box."""
        rows, columns = self.mask.shape
        return rows, columns

    @cached_property
    def is_rectangle(self) -> bool:
        """True if every pixel of an odd-sized box is set, for which a faster kernel exists."""
        return bool(self.mask.all()) and self.shape[0] % 2 == 1 and self.shape[1] % 2 == 1

    @cached_property
    def chords(self) -> NDArray[numpy.int32]:
        """(n, 3) int32 rows (row offset, first column offset, length) of horizontal runs, relative to the origin."""
        edges = numpy.diff(numpy.pad(self.mask.astype(numpy.int8), ((0, 0), (1, 1))), axis=1)
        starts, ends = numpy.argwhere(edges == 1), numpy.argwhere(edges == -1)
        origin_row, origin_column = self.shape[0] // 2, self.shape[1] // 2
        return numpy.column_stack(
            [starts[:, 0] - origin_row, starts[:, 1] - origin_column, ends[:, 1] - starts[:, 1]]
        ).astype(numpy.int32)

    @cached_property
    def chord_list(self) -> list[tuple[int, int, int]]:
        """The chords as the native core takes them; empty for a rectangle of odd sides."""
        return [] if self.is_rectangle else [(int(y), int(x), int(n)) for y, x, n in self.chords]

    @cached_property
    def reflected(self) -> Footprint:
        """The footprint mirrored at its origin: the one a dilation visits."""
        rows, columns = self.shape
        # An even side has its origin right of the middle; a row or column of zeros keeps it there after the mirror.
        grown = numpy.pad(self.mask, ((0, 1 - rows % 2), (0, 1 - columns % 2)))
        return Footprint(grown[::-1, ::-1])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Footprint) and numpy.array_equal(self.mask, other.mask)

    def __hash__(self) -> int:
        return hash((self.shape, self.mask.tobytes()))

    def __repr__(self) -> str:
        return f"Footprint({self.shape[0]} x {self.shape[1]}, {int(self.mask.sum())} pixels)"


def rectangle(height: int, width: int) -> Footprint:
    """A full box of `height` x `width` pixels. Raises `ValueError` unless both are at least 1."""
    if height < 1 or width < 1:
        raise ValueError(f"rectangle(height, width): expected at least 1 x 1, got {height} x {width}")
    return Footprint(numpy.ones((height, width), bool))


def disk(radius: float) -> Footprint:
    """The digital disk {x^2 + y^2 <= radius^2}, of side 2 floor(radius) + 1.

    It differs from OpenCV's `MORPH_ELLIPSE`, which rounds every chord, and equals `skimage.morphology.disk` for
    integer radii. Raises `ValueError` if the radius is negative or not finite.
    """
    if not 0 <= radius < float("inf"):
        raise ValueError(f"disk(radius): expected a finite radius of at least 0, got {radius}")
    reach = int(radius)
    offset: Any = numpy.arange(-reach, reach + 1)
    return Footprint(offset[:, None] ** 2 + offset[None, :] ** 2 <= radius**2)
