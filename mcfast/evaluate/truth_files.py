"""Truth from files: JSON and CSV of one's own, INbreast's XML, DDSM's overlays."""

from __future__ import annotations

import csv
import json
import plistlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import numpy

from mcfast.errors import UnreadableError
from mcfast.evaluate.truth import ImageTruth, Mark, point

__all__ = ["read_truth"]

CLUSTER_WORDS = ("cluster", "distribution")
_MALFORMED = (ValueError, KeyError, TypeError, IndexError, AttributeError, ExpatError)
DDSM_STEPS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""(row, column) of the chain code's directions 0 to 7, clockwise from up."""


def read_truth(path: str | Path) -> list[ImageTruth]:
    """The marks in a file, or in every file of these kinds in a folder, sorted by the images' names.

    * `.json`: `{"images": [{"name", "patient", "spacing_mm", "calcifications", "clusters"}]}`, where a calcification is
      `{"row", "column", "cluster"}` or `{"outline": [[row, column], ...]}` and a cluster `{"outline": ...}`; or one
      such image alone, as `mcfast demo` writes it. All but the marks' places may be missing.
    * `.csv`: a header and one line for each point: `image`, `row`, `column`, and if there are, `patient`, `cluster`,
      `spacing_mm`. A line without row and column names an image without calcifications.
    * `.xml`: INbreast (Moreira et al. 2012), a property list of regions of interest named by type, x before y. Only
      calcifications and clusters are taken.
    * `.overlay`: DDSM (Heath et al. 2001): outlines as chain codes; lesions of type CALCIFICATION are clusters.

    An image's name is that of its file without suffix, which for the last two is the marks' own.

    Raises
    ------
    UnreadableError
        If a file cannot be read as what its suffix says, or a folder holds none.
    """
    path = Path(path)
    files = sorted(one for one in path.iterdir() if one.suffix.lower() in _READERS) if path.is_dir() else [path]
    if not files:
        raise UnreadableError(f"{path}: no {', '.join(_READERS)} file in this folder; name the folder of the truth")
    found: list[ImageTruth] = []
    for file in files:
        reader = _READERS.get(file.suffix.lower())
        if reader is None:
            raise UnreadableError(f"{file}: expected one of {', '.join(_READERS)}; convert the marks to JSON or CSV")
        try:
            found += reader(file)
        except OSError as error:
            raise UnreadableError(f"{file}: cannot be read ({error.strerror}); give the file of the truth") from error
        except (*_MALFORMED, plistlib.InvalidFileException) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
            raise UnreadableError(
                f"{file}: is no truth that this version can read ({reason}); docs/evaluation.md shows the forms"
            ) from error
    return sorted(found, key=lambda image: image.name)


def _json(path: Path) -> list[ImageTruth]:
    content = json.loads(path.read_text("utf-8"))
    return [_json_image(image, path) for image in content.get("images", [content])]


def _json_image(image: dict[str, Any], path: Path) -> ImageTruth:
    name = Path(str(image.get("name", path.stem))).stem
    return ImageTruth(
        name,
        tuple(_json_mark(one) for one in image.get("calcifications", [])),
        tuple(_json_mark(one) for one in image.get("clusters", [])),
        str(image.get("patient", name)),
        _spacing(image.get("spacing_mm")),
    )


def _json_mark(one: dict[str, Any]) -> Mark:
    cluster = None if one.get("cluster") is None else int(one["cluster"])
    if "outline" in one:
        return _checked(one["outline"], cluster)
    return _checked([(one["row"], one["column"] if "column" in one else one["col"])], cluster)


def _checked(corners: Any, cluster: int | None = None) -> Mark:
    array = numpy.asarray(corners, numpy.float64)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) == 0 or not numpy.isfinite(array).all():
        raise ValueError(f"expected finite [row, column] corners, got {str(corners)[:60]}")
    return Mark(array, cluster)


def _spacing(value: Any) -> tuple[float, float] | None:
    if value is None or value == "":
        return None
    row, column = value if isinstance(value, (list, tuple)) else (value, value)
    if not (0 < float(row) < 10 and 0 < float(column) < 10):
        raise ValueError(f"expected a spacing_mm above 0 and below 10, got {value}")
    return float(row), float(column)


def _csv(path: Path) -> list[ImageTruth]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns, rows = reader.fieldnames or (), list(reader)
    if not {"image", "row", "column"} <= set(columns):
        raise ValueError(f"expected columns image, row and column, got {', '.join(columns)}")
    if not rows:
        raise ValueError("no line below the header")
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(Path(row["image"]).stem, []).append(row)
    return [_csv_image(name, lines) for name, lines in groups.items()]


def _csv_image(name: str, lines: list[dict[str, str]]) -> ImageTruth:
    marks = tuple(
        _checked([(line["row"], line["column"])], int(line["cluster"]) if line.get("cluster") else None)
        for line in lines
        if line["row"] or line["column"]
    )
    first = lines[0]
    return ImageTruth(name, marks, (), first.get("patient") or name, _spacing(first.get("spacing_mm")))


def _inbreast(path: Path) -> list[ImageTruth]:
    content = plistlib.loads(path.read_bytes(), fmt=plistlib.FMT_XML)
    calcifications, clusters = [], []
    for image in content["Images"]:
        for region in image["ROIs"]:
            kind = str(region.get("Name", "")).lower()
            corners = [_xy(text) for text in region["Point_px"]]
            if any(word in kind for word in CLUSTER_WORDS):
                clusters.append(_checked(corners))
            elif "calc" in kind:
                calcifications.append(point(*corners[0]) if len(corners) < 3 else _checked(corners))
    return [ImageTruth(path.stem, tuple(calcifications), tuple(clusters), path.stem)]


def _xy(text: str) -> tuple[float, float]:
    """`(x, y)` -> (row, column)."""
    x, y = re.findall(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text)
    return float(y), float(x)


def _ddsm(path: Path) -> list[ImageTruth]:
    words = path.read_text("ascii", errors="replace").split()
    if "TOTAL_ABNORMALITIES" not in words:
        raise ValueError("no TOTAL_ABNORMALITIES")
    clusters, lesion = [], ""
    for index, word in enumerate(words):
        if word == "LESION_TYPE":
            lesion = words[index + 1]
        elif word == "BOUNDARY" and lesion == "CALCIFICATION":
            column, row = int(words[index + 1]), int(words[index + 2])
            end = words.index("#", index)
            steps = numpy.array([DDSM_STEPS[int(code)] for code in words[index + 3 : end]]).reshape(-1, 2)
            clusters.append(_checked(numpy.vstack([[row, column], numpy.array([row, column]) + steps.cumsum(axis=0)])))
    patient = re.sub(r"\.(LEFT|RIGHT)_(CC|MLO)$", "", path.stem)
    return [ImageTruth(path.stem, (), tuple(clusters), patient)]


_READERS: dict[str, Callable[[Path], list[ImageTruth]]] = {
    ".json": _json,
    ".csv": _csv,
    ".xml": _inbreast,
    ".overlay": _ddsm,
}
