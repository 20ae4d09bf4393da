"""What the cases work on: synthetic mammograms, and what is derived from them, the same on every machine."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy
from numpy.typing import NDArray

import mcfast

__all__ = ["LARGE", "QUICK", "SMALL", "WHITE", "Inputs", "inputs"]

SMALL, LARGE, QUICK = (3328, 2560), (4096, 3328), (416, 320)
WHITE = 4095
SEED = 7
PATCHES = 2500


class Inputs:
    """One image and everything that some case needs beside it. Nothing here is ever inside a clock.

    Attributes
    ----------
    image
        (H, W) uint16 presentation values, 0 .. 4095.
    """

    def __init__(self, image: NDArray[numpy.uint16]) -> None:
        self.image = image

    @cached_property
    def real(self) -> NDArray[numpy.float32]:
        """The image in float32 counts, for libraries that take no uint16."""
        return self.image.astype(numpy.float32)

    @cached_property
    def response(self) -> NDArray[numpy.float32]:
        """A difference of Gaussians, as the detector searches for maxima."""
        fine, coarse = mcfast.gaussian_blur(self.image, 1.13), mcfast.gaussian_blur(self.image, 1.6)
        return numpy.subtract(fine, coarse, out=fine)

    def first_of_equals(self, positions: NDArray[Any], radius: int) -> NDArray[Any]:
        """Of (N, 2) maxima of `response`, those that no earlier pixel of their window equals: our rule for ties.

        Other libraries report every pixel of a tie. What they say besides is not changed.
        """
        rows, columns = numpy.asarray(positions).T.astype(numpy.intp)
        padded = numpy.pad(self.response, radius, constant_values=-numpy.inf)
        height, side = self.response[rows, columns], 2 * radius + 1
        first = numpy.ones(len(rows), bool)
        for down, right in numpy.ndindex(side, side):
            if down * side + right < side * side // 2:
                first &= padded[rows + down, columns + right] != height
        return numpy.column_stack([rows, columns])[first]

    @cached_property
    def centres(self) -> NDArray[numpy.int32]:
        """(2500, 2) pixels at random, at least 16 from the border, in raster order as candidates come."""
        random = numpy.random.default_rng(SEED)
        rows, columns = (random.integers(16, side - 16, PATCHES) for side in self.image.shape)
        order = numpy.lexsort((columns, rows))
        return numpy.column_stack([rows, columns])[order].astype(numpy.int32)

    @cached_property
    def table(self) -> NDArray[numpy.uint16]:
        """(65536,) a sigmoid VOI function, 12 bit: what OpenCV's LUT asks for and ours takes too."""
        counts = numpy.minimum(numpy.arange(65536), WHITE)
        return numpy.rint(WHITE / (1 + numpy.exp(-4 * (counts - 2048) / 2048))).astype(numpy.uint16)


@lru_cache(maxsize=2)
def inputs(shape: tuple[int, int], drawn: tuple[int, int] | None = None) -> Inputs:
    """A mammogram of `shape`; with `drawn`, one of that shape repeated or cut to `shape` (large ones take long)."""
    from mcfast import phantom

    image: Any = _drawn(drawn) if drawn else phantom.mammogram(SEED, shape=shape).image
    if image.shape != shape:
        repeats = [-(-side // have) for side, have in zip(shape, image.shape, strict=True)]
        image = numpy.tile(image, repeats)[: shape[0], : shape[1]]
    return Inputs(numpy.ascontiguousarray(image))


@lru_cache(maxsize=1)
def _drawn(shape: tuple[int, int]) -> NDArray[numpy.uint16]:
    from mcfast import phantom

    return phantom.mammogram(SEED, shape=shape).image
