"""An image that leaves the breast mask and the tone something to do, of NumPy alone: `make gpu` may find no more."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["dark_breast"]


def dark_breast(rows: int, columns: int, white: float = 4095.0, seed: int = 5) -> NDArray[Any]:
    """(rows, columns) uint16: half an ellipse at the left border, over air; its fat is nearly as dark, its centre not.

    Fat varies over 1.2 mm at 0.1 mm a pixel, so that its structure tells it from air.
    """
    rng = numpy.random.default_rng(seed)
    y, x = numpy.ogrid[:rows, :columns]
    distance = numpy.hypot((y - rows / 2) / (0.45 * rows), x / (0.8 * columns))
    blocks = rng.random((-(-rows // 12), -(-columns // 12)))
    structure = blocks.repeat(12, axis=0)[:rows].repeat(12, axis=1)[:, :columns]
    share = numpy.where(distance < 1, 0.015 + 0.085 * structure, 0.004)
    share = numpy.where(distance < 0.5, 0.5 + 0.1 * structure, share) + rng.normal(0, 0.001, (rows, columns))
    pixels: NDArray[Any] = (white * share.clip(0, 1)).astype(numpy.uint16)
    return pixels
