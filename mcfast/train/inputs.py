"""What a patch classifier may be given to see: the image as it is, after CLAHE, or dehazed (Bria et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.errors import DependencyError
from mcfast.ops import dehaze

__all__ = ["CLAHE_TILE_PX", "INPUTS", "PLAIN", "clahe", "dehazed", "equalizer"]

Image = NDArray[numpy.uint16]
Shape = tuple[int, int] | None
PLAIN = "unprocessed"
CLAHE_TILE_PX = (291, 224)
"""An eighth of a mammogram of 233 x 179 mm at 0.1 mm: the tile for images that show a part of one."""


def equalizer() -> Any:
    """`skimage.exposure.equalize_adapthist`. Raises `DependencyError` if scikit-image is not installed."""
    try:
        return import_module("skimage.exposure").equalize_adapthist
    except ImportError as error:
        raise DependencyError(
            f"CLAHE: {error}; install what it needs with pip install mcfast[train] (scikit-image)"
        ) from error


def clahe(image: Image, white: float, tile: Shape = None) -> Image:
    """Contrast-limited adaptive histogram equalisation by scikit-image: clip limit 0.01, 256 bins, 8 x 8 tiles.

    Parameters
    ----------
    image, white
        (H, W) uint16 and its intensity of white, which is that of the result too. scikit-image stretches both what
        comes in and what goes out to the full range.
    tile
        Rows and columns of a tile where the image shows a part of a mammogram; `None` is an eighth of the image.

    Raises `DependencyError` without scikit-image.
    """
    kernel = None if tile is None else [min(side, length) for side, length in zip(tile, image.shape, strict=True)]
    equal = equalizer()(numpy.minimum(image / white, 1.0), kernel_size=kernel, clip_limit=0.01)
    counts: Image = numpy.rint(equal * white).astype(numpy.uint16)
    return counts


def dehazed(image: Image, white: float, tile: Shape = None) -> Image:
    """`mcfast.dehaze` of an image at 0.1 mm, by the windows of the paper; `tile` has no say in it."""
    clear: Image = dehaze(image, size=11, radius=22, max_value=white)
    return clear


INPUTS: dict[str, Callable[[Image, float, Shape], Image]] = {
    PLAIN: lambda image, white, tile: image,
    "CLAHE": clahe,
    "dehazed": dehazed,
}
"""By name: image at 0.1 mm, its white, tile of CLAHE -> what is cut into patches."""
