"""The burnt-in view label: bright text between brackets, in the air beside the breast."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

__all__ = ["draw_label"]


def draw_label(breast: NDArray[numpy.bool_], text: str, spacing_mm: float) -> NDArray[numpy.bool_] | None:
    """Pixels of the label, at the first of four places where 4 mm around it are free of breast.

    Parameters
    ----------
    breast
        (H, W) bool, with the chest wall at column 0.
    text
        For example `"L CC"`.

    Returns
    -------
    (H, W) bool, or `None` if no place is free.
    """
    from PIL import Image, ImageDraw, ImageFont

    size = max(8, round(5.0 / spacing_mm))
    font = ImageFont.load_default(size)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((0, 0), text, font=font)
    pad = size // 2
    box = Image.new("L", (int(right - left) + 2 * pad, int(bottom - top) + 2 * pad))
    pen = ImageDraw.Draw(box)
    pen.text((pad - left, pad - top), text, fill=255, font=font)
    thick, arm = max(1, size // 12), pad
    for x, toward_x in ((0, 1), (box.width - 1, -1)):
        for y, toward_y in ((0, 1), (box.height - 1, -1)):
            for reach_x, reach_y in ((arm, thick), (thick, arm)):
                ends = (x, x + toward_x * reach_x), (y, y + toward_y * reach_y)
                pen.rectangle((min(ends[0]), min(ends[1]), max(ends[0]), max(ends[1])), fill=255)
    drawn = numpy.asarray(box) > 127
    return _place(breast, drawn, round(4 / spacing_mm))


def _place(breast: NDArray[numpy.bool_], drawn: NDArray[numpy.bool_], margin: int) -> NDArray[numpy.bool_] | None:
    height, width = breast.shape
    rows, columns = drawn.shape
    for part_down, part_right in ((0.1, 0.85), (0.85, 0.85), (0.03, 0.97), (0.97, 0.97)):
        row, column = int(part_down * (height - rows)), int(part_right * (width - columns))
        if row < 0 or column < 0:
            return None
        around = breast[max(row - margin, 0) : row + rows + margin, max(column - margin, 0) : column + columns + margin]
        if not around.any():
            label = numpy.zeros_like(breast)
            label[row : row + rows, column : column + columns] = drawn
            return label
    return None
