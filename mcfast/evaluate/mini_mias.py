"""Clusters found in the mini-MIAS database: digitised film at 0.2 mm, circles around clusters as the truth.

Suckling et al., "The Mammographic Image Analysis Society digital mammogram database", Excerpta Medica ICS 1069, 1994.
The images have half the resolution that the detector was made for, 8 bits, and film grain, and a circle says neither
how many calcifications there are nor where: a coarse test of clusters, and a hard one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy

from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate.bootstrap import DRAWS
from mcfast.evaluate.detection import Findings, evaluate_detection, findings_of
from mcfast.evaluate.patch_files import read_patch
from mcfast.evaluate.truth import ImageTruth, Mark
from mcfast.mammogram import Mammogram
from mcfast.result import Result

__all__ = ["SPACING_MM", "circles_truth", "evaluate_mini_mias"]

SPACING_MM = 0.2
ROWS = 1024
CORNERS = 64  # of a circle as an outline: a thousandth of its radius off
SUFFIXES = (".pgm", ".png", ".tif", ".tiff")


def circles_truth(information: str) -> list[ImageTruth]:
    """The circles in the text of `Info.txt`, lines such as `mdb209 G CALC M 647 503 87` (x, y, radius in pixels).

    The file counts y from the bottom. Two films that follow each other, the second with an even number, are of one
    woman. Images with calcifications that have no numbers, being everywhere, are left out: what is false in them is not
    known.
    """
    circles: dict[str, list[Mark]] = {}
    everywhere: set[str] = set()
    for line in information.splitlines():
        words = line.split()
        if len(words) < 4 or words[2] != "CALC" or not words[0][3:].isdigit():
            continue
        if len(words) >= 7 and all(word.isdigit() for word in words[4:7]):
            x, y, radius = (float(word) for word in words[4:7])
            circles.setdefault(words[0], []).append(_circle(ROWS - 1 - y, x, radius))
        else:
            everywhere.add(words[0])
    return [
        ImageTruth(name, (), tuple(marks), f"films {(int(name[3:]) + 1) // 2}", (SPACING_MM, SPACING_MM))
        for name, marks in sorted(circles.items())
        if name not in everywhere
    ]


def evaluate_mini_mias(
    folder: str | Path,
    engine: Callable[[Mammogram], Result],
    *,
    draws: int = DRAWS,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Find clusters in every image that has circles, and hold them against these.

    Parameters
    ----------
    folder
        With `Info.txt` and the images that it names, as PGM, PNG or TIFF.
    engine
        An `Engine`: its scores of clusters make the curve, which ends at its `cluster_score`.
    draws
        Of the bootstrap by woman.
    progress
        Called with how many images are done and to do.

    Returns
    -------
    The report of `evaluate_detection`; a circle is hit by a cluster with two members in it or within 1 mm of it.

    Raises
    ------
    InputError
        If the folder holds no `Info.txt` with circles, or an image that it names is missing or cannot be read.
    """
    folder = Path(folder)
    try:
        truth = circles_truth((folder / "Info.txt").read_text("ascii", errors="replace"))
    except OSError as error:
        raise UnreadableError(
            f"{folder / 'Info.txt'}: cannot be read ({error.strerror}); give the folder of mini-MIAS"
        ) from error
    if not truth:
        raise InputError(f"{folder / 'Info.txt'}: no circle there; give the folder of mini-MIAS")
    files = [_file(folder, image.name) for image in truth]
    found: list[Findings] = []
    for image, file in zip(truth, files, strict=True):
        result = engine(read_patch(file, SPACING_MM))
        found.append(replace(findings_of(result.as_dict()), name=image.name))
        if progress is not None:
            progress(len(found), len(files))
    return evaluate_detection(found, truth, draws=draws)


def _circle(row: float, column: float, radius: float) -> Mark:
    angle = numpy.linspace(0, 2 * numpy.pi, CORNERS, endpoint=False)
    return Mark(numpy.stack([row + radius * numpy.sin(angle), column + radius * numpy.cos(angle)], axis=1))


def _file(folder: Path, name: str) -> Path:
    for suffix in SUFFIXES:
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    raise InputError(f"{folder / name}.pgm: missing; give the folder of mini-MIAS with all images of calcifications")
