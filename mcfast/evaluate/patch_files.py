"""Patches that were cut and labelled before: a table of pictures, or pictures in folders called 0 and 1."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray

from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate.sr_report import read_image
from mcfast.mammogram import Mammogram
from mcfast.rasters import read_array
from mcfast.reading import read
from mcfast.result import Result

__all__ = ["LabelledFile", "patch_files", "read_patch", "score_patches"]

POSITIVE, NEGATIVE = ("1", "true", "yes"), ("0", "false", "no")


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A picture of a patch, whether it holds calcifications, and whose it is (its own name where nobody tells)."""

    file: Path
    positive: bool
    patient: str


def patch_files(path: str | Path) -> list[LabelledFile]:
    """The patches of a table or folder.

    Parameters
    ----------
    path
        A CSV file with a header and a line for each patch: `image` (a path, from the file's folder), `label` (1 with
        calcifications, 0 without) and, if there is, `patient`; or a folder with pictures in folders called 0 and 1, at
        any depth.

    Raises
    ------
    InputError
        If there is no such table, a line is malformed, or no patch is there.
    """
    path = Path(path)
    try:
        rows = _of_folder(path) if path.is_dir() else _of_csv(path)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read ({error.strerror}); give a table of patches") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{path}: is no CSV file in UTF-8 ({error}); give a table of patches") from error
    if not rows:
        raise InputError(f"{path}: no patch there; give a CSV file, or a folder of pictures in folders called 0 and 1")
    return rows


def read_patch(file: Path, spacing_mm: float | None) -> Mammogram:
    """The picture of a patch: PGM, or what `mcfast.read` takes. Raises `InputError` if it cannot be read."""
    if file.suffix.lower() != ".pgm":
        return read(file, spacing_mm=spacing_mm, any_modality=True)
    try:
        image, _ = read_image(file)
    except FileNotFoundError as error:
        raise UnreadableError(f"{file}: cannot be read ({error.strerror}); mend the table") from error
    return read_array(image, str(file), spacing_mm=spacing_mm)


def score_patches(
    files: Sequence[LabelledFile],
    engine: Callable[[Mammogram], Result],
    *,
    spacing_mm: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[numpy.float64]:
    """(N,) image scores, 0 .. 1, that an `Engine` gives to patches, each as an image of its own.

    `spacing_mm` is that of pictures whose header tells none; `progress` is called with how many are done and to do.

    Raises
    ------
    InputError
        If a picture cannot be read or used, or all are of one kind.
    """
    positives = sum(one.positive for one in files)
    if not 0 < positives < len(files):
        raise InputError(
            f"score_patches(files): expected patches with and without calcifications, got {positives} and "
            f"{len(files) - positives}; give both"
        )
    scores = numpy.zeros(len(files))
    for index, one in enumerate(files):
        scores[index] = engine(read_patch(one.file, spacing_mm)).score or 0.0
        if progress is not None:
            progress(index + 1, len(files))
    return scores


def _of_folder(path: Path) -> list[LabelledFile]:
    files = sorted(file for file in path.rglob("*") if file.parent.name in ("0", "1") and file.is_file())
    shown = [file for file in files if not file.name.startswith(".")]
    return [LabelledFile(file, file.parent.name == "1", str(file.relative_to(path))) for file in shown]


def _of_csv(path: Path) -> list[LabelledFile]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns, lines = reader.fieldnames or (), list(reader)
    if not {"image", "label"} <= set(columns):
        raise InputError(f"{path}: expected columns image and label, got {', '.join(columns)}")
    rows = []
    for number, line in enumerate(lines, start=2):
        image, label = (line["image"] or "").strip(), (line["label"] or "").strip().lower()
        if not image or label not in POSITIVE + NEGATIVE:
            raise InputError(
                f"{path}: line {number}: expected an image and a label of 0 or 1, got {image!r}, {label!r}"
            )
        rows.append(LabelledFile(path.parent / image, label in POSITIVE, line.get("patient") or image))
    return rows
