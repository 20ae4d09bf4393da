"""`report.html`: a viewer and a result in one file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import html
import json
import zlib
from importlib import resources
from string import Template
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.result import NOTICE, Result
from mcfast.spot_map import CELL_MM, spot_map

__all__ = ["html_report", "pack"]


def html_report(result: Result) -> str:
    """The HTML of a result that did not fail.

    Holds the mammogram, its enhanced form and the magnified regions with all their bits, losslessly; about 12 MB for
    3328 x 2560 pixels; and the probability map, which is made here (`mcfast.spot_map`). It opens no connection, and
    its content security policy forbids that.
    """
    assert result.image is not None
    rows, columns = result.image.shape
    whole = [0, 0, rows, columns]
    images: list[tuple[str, list[int], NDArray[numpy.uint16]]] = [("original", whole, result.image)]
    if result.enhanced is not None:
        images.append(("enhanced", whole, result.enhanced))
    for region in result.magnified:
        box = region.box
        images.append(("magnified", [box.row0, box.column0, box.row1, box.column1], region.pixels))
    layers = [
        {"name": name, "box": box, "rows": image.shape[0], "columns": image.shape[1], "pixels": f"pixels-{number}"}
        for number, (name, box, image) in enumerate(images)
    ]
    pixels = [
        f'<script type="application/octet-stream" id="pixels-{number}">{pack(image)}</script>'
        for number, (_, _, image) in enumerate(images)
    ]
    return Template(_source("viewer.html")).substitute(
        title=html.escape(result.name),
        notice=html.escape(NOTICE),
        cell_mm=f"{CELL_MM:g}",
        result=_embedded(result.as_dict()),
        layers=_embedded(layers),
        probability=_embedded(_probability(result)),
        pixels="\n".join(pixels),
        script="".join(_source(name) for name in ("viewer.js", "viewer_map.js", "viewer_page.js")),
    )


def _probability(result: Result) -> dict[str, Any] | None:
    """The map as bytes, 1 .. 255 for probabilities 0 .. 1 and 0 where there is none."""
    found = spot_map(result)
    if found is None:
        return None
    known = numpy.isfinite(found.cells)
    values = numpy.where(known, 1 + numpy.rint(254 * numpy.where(known, found.cells, 0)), 0).astype(numpy.uint8)
    rows, columns = values.shape
    packed = base64.b64encode(values.tobytes()).decode("ascii")
    return {"rows": rows, "columns": columns, "pixels": list(found.pixels), "cell_mm": CELL_MM, "cells": packed}


def pack(image: NDArray[numpy.uint16]) -> str:
    """(H, W) uint16 as base64 of deflated differences along the rows, all high bytes before all low ones.

    Neighbours differ little, so the high bytes are nearly all alike.
    """
    differences = numpy.diff(image, axis=1, prepend=numpy.uint16(0))
    planes = numpy.stack((differences >> 8, differences & 0xFF)).astype(numpy.uint8)
    return base64.b64encode(zlib.compress(planes.tobytes(), 4)).decode("ascii")


def _embedded(values: Any) -> str:
    """JSON that cannot end the script element it stands in, whatever names it holds."""
    text = json.dumps(values, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _source(name: str) -> str:
    return resources.files("mcfast.report").joinpath(name).read_text("utf-8")
