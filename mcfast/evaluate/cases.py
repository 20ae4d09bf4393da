"""Images whose calcifications are known exactly, each made when it is asked for: phantoms, and real backgrounds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mcfast.errors import InputError
from mcfast.evaluate.comparison import EXPORTS_MM, phantom_truth, with_inserted
from mcfast.evaluate.truth import ImageTruth, Mark
from mcfast.mammogram import Mammogram
from mcfast.phantom import mammogram
from mcfast.rasters import read_array
from mcfast.reading import read

__all__ = ["Case", "inserted_cases", "phantom_cases"]

Known = tuple[Mammogram, ImageTruth, Sequence[Mark]]
SUFFIXES = (".png", ".tif", ".tiff", ".dcm", "")
FIRST_PHANTOM = 7_000_000  # no training draws phantoms of these seeds


@dataclass(frozen=True, slots=True)
class Case:
    """One image. `name` tells it from all others; `load()` makes mammogram, truth, and what else is known in it.

    `patient` is whose image it is; `None` where only the truth tells.
    """

    name: str
    load: Callable[[], Known]
    patient: str | None = None


def phantom_cases(count: int, seed: int = 0) -> list[Case]:
    """Phantoms of full size that no training has seen, both views and sides in turn; 100 for each seed."""
    first = FIRST_PHANTOM + 100 * seed
    return [Case(f"phantom {number}", partial(_phantom, number)) for number in range(first, first + count)]


def inserted_cases(
    files: Sequence[Path],
    *,
    spacing_mm: float | None = None,
    known: Mapping[str, Sequence[Mark]] | None = None,
    patients: Mapping[str, str] | None = None,
    seed: int = 0,
) -> list[Case]:
    """Mammograms with calcifications drawn in, as 8-bit exports at each of `EXPORTS_MM`.

    Parameters
    ----------
    files
        Mammograms; what is neither PNG, TIFF nor DICOM by its suffix is left out.
    spacing_mm
        For files whose header tells none.
    known
        By file name without suffix: marks of what is in the images already.
    patients
        By file name without suffix: whose images they are; a file that is not there is a patient of its own.
    seed
        Decides what is drawn where.

    Raises `InputError` if no file is left.
    """
    some = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not some:
        named = ", ".join(str(file) for file in files[:3]) or "inserted_cases(files)"
        raise InputError(f"{named}: no mammogram there; give PNG, TIFF or DICOM files")
    cases = []
    for index, file in enumerate(some):
        marks = tuple((known or {}).get(file.stem, ()))
        patient = (patients or {}).get(file.stem, str(file))
        told = hashlib.sha256(b"".join(mark.corners.tobytes() for mark in marks)).hexdigest()[:8]
        for number, export_mm in enumerate(EXPORTS_MM):
            drawn = 1000 * seed + 10 * index + number
            name = f"{file.stem} {spacing_mm} {export_mm} {drawn} {told}"
            cases.append(Case(name, partial(_inserted, file, spacing_mm, export_mm, drawn, marks, patient), patient))
    return cases


def _phantom(number: int) -> Known:
    drawn = mammogram(number, view=("CC", "MLO")[number % 2], laterality=("L", "R")[number // 2 % 2])
    truth = phantom_truth(drawn)
    return read_array(drawn.image, truth.name, spacing_mm=drawn.spacing_mm, bits=drawn.bits), truth, ()


def _inserted(
    file: Path,
    spacing_mm: float | None,
    export_mm: float,
    seed: int,
    known: Sequence[Mark],
    patient: str,
) -> Known:
    image, truth, moved = with_inserted(read(file, spacing_mm=spacing_mm), export_mm, seed, known)
    return image, replace(truth, patient=patient), moved
