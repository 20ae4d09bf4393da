"""Files of a probability map: the numbers for programs, and a picture of them over the mammogram."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.ops import resample
from mcfast.probability import ProbabilityMap
from mcfast.report.marks import picture_scale
from mcfast.report.png import encode_png
from mcfast.report.write import write_file
from mcfast.result import NOTICE

__all__ = ["map_picture", "write_map"]

COLOURS = numpy.array([(60, 0, 110), (200, 40, 90), (250, 130, 30), (255, 240, 90)], numpy.float32)
"""Of probabilities 0, 1/3, 2/3 and 1; what is less probable is more transparent too."""
OPAQUE, BAR, BAND, BACKGROUND, TEXT = 0.8, 256, 64, (24, 24, 28), (235, 235, 235)


def write_map(found: ProbabilityMap, folder: str | os.PathLike[str]) -> list[Path]:
    """Write map.npy and map.tif (float32, NaN where there is no breast), map.png and map.json into a folder.

    The folder is made if it is not there. Returns the files. Raises `OSError` if one cannot be written.
    """
    from PIL import Image

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    array, tiff = io.BytesIO(), io.BytesIO()
    numpy.save(array, found.values)
    Image.fromarray(found.values).save(tiff, "TIFF")
    told = {"name": found.mammogram.source.name, "notice": NOTICE} | found.as_dict()
    files = {
        "map.npy": array.getvalue(),
        "map.tif": tiff.getvalue(),
        "map.png": encode_png(map_picture(found)),
        "map.json": (json.dumps(told, indent=2) + "\n").encode(),
    }
    return [write_file(target / name, content) for name, content in files.items()]


def map_picture(found: ProbabilityMap) -> NDArray[numpy.uint8]:
    """(H, W, 3) uint8: the mammogram, about 1400 pixels high, under the probabilities in colour; a scale below."""
    from PIL import Image, ImageDraw, ImageFont

    scale = picture_scale(found.image.shape)
    small = resample(found.image, scale)
    gray = small.astype(numpy.float32) * numpy.float32(255 / ((1 << found.mammogram.bits) - 1))
    picture = _coloured(numpy.repeat(gray[..., None], 3, axis=2), _at_pixels(found, small.shape, scale))
    canvas = Image.new("RGB", (max(small.shape[1], BAR + 20), small.shape[0] + BAND), BACKGROUND)
    canvas.paste(Image.fromarray(picture), (0, 0))
    share = numpy.tile(numpy.linspace(0, 1, BAR, dtype=numpy.float32), (12, 1))
    bar = _coloured(numpy.full((12, BAR, 3), 90, numpy.float32), share)
    canvas.paste(Image.fromarray(bar), (10, small.shape[0] + 10))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    draw.text((BAR + 20, small.shape[0] + 6), f"0 to 1, {found.network}", fill=TEXT, font=font)
    draw.text((10, small.shape[0] + 38), NOTICE, fill=TEXT, font=font)
    pixels: NDArray[numpy.uint8] = numpy.asarray(canvas)
    return pixels


def _at_pixels(found: ProbabilityMap, shape: tuple[int, ...], scale: float) -> NDArray[numpy.float32]:
    """The cell that each pixel of the picture lies in, without a breast 0."""
    places = []
    for length, cell, cells in zip(shape, found.pixels, found.values.shape, strict=True):
        places.append(((numpy.arange(length) + 0.5) / scale / cell).astype(numpy.intp).clip(max=max(cells - 1, 0)))
    if 0 in found.values.shape:
        return numpy.zeros(shape, numpy.float32)
    shares: NDArray[numpy.float32] = numpy.nan_to_num(found.values[numpy.ix_(*places)])
    return shares


def _coloured(picture: NDArray[numpy.float32], share: NDArray[numpy.float32]) -> NDArray[numpy.uint8]:
    stops = numpy.linspace(0, 1, len(COLOURS))
    colour = numpy.stack([numpy.interp(share, stops, one) for one in COLOURS.T], axis=-1)
    weight: Any = (OPAQUE * share)[..., None]
    mixed: NDArray[numpy.uint8] = numpy.rint(picture * (1 - weight) + colour * weight).astype(numpy.uint8)
    return mixed
