"""The marks picture: the whole mammogram with circled findings, and its best clusters at full resolution beside it."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.ops import resample
from mcfast.result import NOTICE, Cluster, Result

__all__ = ["marks_picture"]

HEIGHT, WIDEST = 1400, 4000  # pixels of the mammogram in the picture: a screen's
CROP, CROPS, GAP = 340, 4, 12
CALCIFICATION, CLUSTER, SINGLE, TEXT = (255, 214, 64), (80, 220, 255), (255, 140, 90), (235, 235, 235)
BACKGROUND = (24, 24, 28)


def marks_picture(result: Result) -> NDArray[numpy.uint8]:
    """(H, W, 3) uint8 picture of a result that did not fail.

    Left the mammogram, about 1400 pixels high, with a circle around every calcification and the outline and number of
    every cluster; right the four best clusters, each filling a square, windowed to its own contrast.
    """
    from PIL import Image, ImageDraw

    assert result.image is not None
    assert result.mammogram is not None
    scale = picture_scale(result.image.shape)
    whole = _gray(resample(result.image, scale), 0.0, float((1 << result.mammogram.bits) - 1))
    panel = CROP + 2 * GAP if result.clusters else 0
    canvas = Image.new("RGB", (whole.shape[1] + panel, whole.shape[0] + 64), BACKGROUND)
    canvas.paste(Image.fromarray(whole).convert("RGB"), (0, 0))
    draw = ImageDraw.Draw(canvas)
    _draw_findings(draw, result, scale)
    for place, cluster in enumerate(result.clusters[:CROPS]):
        crop = _cluster_crop(result, cluster)
        top = GAP + place * (CROP + GAP)
        canvas.paste(crop, (whole.shape[1] + GAP, top))
    _draw_caption(draw, result, whole.shape[0])
    picture: NDArray[numpy.uint8] = numpy.asarray(canvas)
    return picture


def picture_scale(shape: tuple[int, ...]) -> float:
    """Pixels of the picture for one of the image: `HEIGHT` high, but at most 16 times as large and `WIDEST` wide."""
    rows, columns = shape
    return max(min(HEIGHT / rows, WIDEST / columns, 16.0), 1 / 64)


def _gray(image: NDArray[Any], low: float, high: float) -> NDArray[numpy.uint8]:
    unit = (image.astype(numpy.float32) - low) / max(high - low, 1.0)
    gray: NDArray[numpy.uint8] = (numpy.clip(unit, 0, 1) * 255 + 0.5).astype(numpy.uint8)
    return gray


def _draw_findings(draw: Any, result: Result, scale: float) -> None:
    for one in result.calcifications:
        colour = SINGLE if one.cluster is None else CALCIFICATION
        _circle(draw, (one.row + 0.5) * scale, (one.col + 0.5) * scale, 6, colour, 1)
    for cluster in result.clusters:
        corners = numpy.array(cluster.outline) * scale
        top, left = corners.min(axis=0) - 14
        bottom, right = corners.max(axis=0) + 14
        draw.rounded_rectangle((left, top, right, bottom), 12, outline=CLUSTER, width=2)
        above = top - 26 if top >= 26 else bottom + 2
        draw.text((max(2.0, left + 2), above), str(cluster.id), fill=CLUSTER, font=_font(22))


def _cluster_crop(result: Result, cluster: Cluster) -> Any:
    """A square around a cluster, magnified to the panel, with its calcifications circled."""
    from PIL import Image, ImageDraw

    assert result.image is not None
    corners = numpy.array(cluster.outline)
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    side = int(max(96, 1.3 * (corners.max(axis=0) - corners.min(axis=0)).max() + 24))
    side = min(side, *result.image.shape)
    row0, col0 = (
        int(numpy.clip(round(middle - side / 2), 0, length - side))
        for middle, length in zip(centre, result.image.shape, strict=True)
    )
    pixels = result.image[row0 : row0 + side, col0 : col0 + side]
    low, high = numpy.quantile(pixels, (0.01, 0.999))
    crop = Image.fromarray(_gray(pixels, float(low), float(high))).convert("RGB")
    crop = crop.resize((CROP, CROP), Image.Resampling.BICUBIC)
    draw, zoom = ImageDraw.Draw(crop), CROP / side
    for one in result.calcifications:
        row, col = (one.row - row0 + 0.5) * zoom, (one.col - col0 + 0.5) * zoom
        if 0 <= row < CROP and 0 <= col < CROP:
            _circle(draw, row, col, max(7.0, 10 * zoom), CALCIFICATION if one.cluster is not None else SINGLE, 1)
    spacing = result.mammogram.spacing_mm[1] if result.mammogram is not None else 0.0
    draw.rectangle((0, CROP - 24, CROP, CROP), fill=BACKGROUND)
    found = f"{cluster.count} calcifications, score {cluster.score:.2f}"
    caption = f"{cluster.id}:  {found}, {side * spacing:.0f} mm wide"
    draw.text((6, CROP - 21), caption, fill=TEXT, font=_font(14))
    return crop


def _draw_caption(draw: Any, result: Result, top: int) -> None:
    assert result.mammogram is not None
    side = " ".join(word for word in (result.mammogram.laterality, result.mammogram.view) if word)
    found = (
        f"{len(result.calcifications)} calcifications, {len(result.clusters)} clusters, image score {result.score:.2f}"
    )
    draw.text((10, top + 8), f"{side or 'unknown view'}   {found}", fill=TEXT, font=_font(20))
    draw.text((10, top + 38), NOTICE, fill=SINGLE, font=_font(15))


def _circle(draw: Any, row: float, col: float, radius: float, colour: tuple[int, int, int], width: int) -> None:
    draw.ellipse((col - radius, row - radius, col + radius, row + radius), outline=colour, width=width)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
