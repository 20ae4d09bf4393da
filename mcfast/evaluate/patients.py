"""Whose images they are: intervals by patient need it, and most files do not tell."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate.pairing import paired, patient_in_name
from mcfast.evaluate.truth import ImageTruth, Mark

__all__ = ["patient_from", "read_patients", "what_is_known"]

Known = dict[str, tuple[Mark, ...]]


def read_patients(path: str | Path) -> dict[str, str]:
    """By image (its file's name without suffix) the patient: a CSV file with the columns `image` and `patient`.

    Raises `UnreadableError` if it cannot be read, and `InputError` for a column or value that is missing, or an image
    of two patients.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns, lines = reader.fieldnames or (), list(reader)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read ({error.strerror}); give a table of patients") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{path}: is no CSV file in UTF-8 ({error}); give a table of patients") from error
    if not {"image", "patient"} <= set(columns):
        raise InputError(f"{path}: expected columns image and patient, got {', '.join(columns)}")
    patients: dict[str, str] = {}
    for number, line in enumerate(lines, start=2):
        image, patient = Path((line["image"] or "").strip()).stem, (line["patient"] or "").strip()
        if not image or not patient:
            raise InputError(f"{path}: line {number}: expected an image and a patient, got {image!r} and {patient!r}")
        if patients.setdefault(image, patient) != patient:
            raise InputError(f"{path}: line {number}: {image} has two patients, {patients[image]} and {patient}")
    return patients


def patient_from(table: Mapping[str, str], name: str) -> str:
    """The patient of an image in a table; `InputError` if it is not there: a guess would make intervals too narrow."""
    if name not in table:
        raise InputError(f"patients: expected a line for each image, got none for {name}; add it to the table")
    return table[name]


def what_is_known(
    files: Sequence[Path], truth: Sequence[ImageTruth] = (), table: Mapping[str, str] | None = None
) -> tuple[Known, dict[str, str]]:
    """Marks of what is in images already, and whose images they are, both by file name without suffix.

    The patient is that of the table if there is one; else the one in the truth; else the one in the name, if it is
    INbreast's; else there is no entry. Raises `InputError` for an image that a given table leaves out.
    """
    names = list(dict.fromkeys(file.stem for file in files))
    known: Known = {}
    patients = {name: patient for name in names if (patient := patient_in_name(name))}
    for image, name in paired(truth, names):
        if name is not None:
            known[name] = image.calcifications
            if image.patient not in ("", image.name):
                patients[name] = image.patient
    if table is not None:
        patients = {name: patient_from(table, name) for name in names}
    return known, patients
