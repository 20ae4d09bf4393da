"""Which truth belongs to which image: by the file's name, and by the number that INbreast's files begin with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mcfast.errors import InputError
from mcfast.evaluate.truth import ImageTruth

__all__ = ["paired", "patient_in_name"]

INBREAST = re.compile(r"\d+_([0-9a-f]{6,})_MG_[A-Za-z]+_[A-Za-z]+(_|$)")
"""`20586908_6c613a14b80a8591_MG_R_CC_ANON`: image, patient, modality, side, view."""


def patient_in_name(name: str) -> str | None:
    """The patient that an image's name without suffix tells: the second part of an INbreast name, else `None`."""
    told = INBREAST.match(name)
    return told[1] if told else None


def paired(truth: Sequence[ImageTruth], names: Sequence[str]) -> list[tuple[ImageTruth, str | None]]:
    """The name of the image that each truth is about, `None` where there is none.

    Parameters
    ----------
    truth
        Of `mcfast.evaluate.truth_files.read_truth`.
    names
        Of images: their files' names without suffix.

    Returns
    -------
    The truth, in the given order, and the name that equals its own; else, for a truth that is called by a number, as
    INbreast's `20586908.xml` is, the one name that begins with that number and an underscore. Where the truth tells no
    patient, INbreast's name of the image does. O(truth + names).

    Raises
    ------
    InputError
        If several images begin with the number, or two truths are about one image.
    """
    known, numbered = set(names), _by_number(names)
    pairs: list[tuple[ImageTruth, str | None]] = []
    owners: dict[str, str] = {}
    for image in truth:
        name = image.name if image.name in known else _numbered(image.name, numbered)
        if name is not None and owners.setdefault(name, image.name) != image.name:
            raise InputError(
                f"{name}: has two truths, {owners[name]} and {image.name}; leave one of them out of the marks"
            )
        pairs.append((_with_patient(image, name or image.name), name))
    return pairs


def _by_number(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        number, underscore, _ = name.partition("_")
        if underscore and number.isdecimal():
            found.setdefault(number, []).append(name)
    return found


def _numbered(number: str, numbered: dict[str, list[str]]) -> str | None:
    some = numbered.get(number, [])
    if len(some) > 1:
        raise InputError(
            f"{number}: expected one image whose name begins with {number}_, got {len(some)} ({', '.join(some[:3])}); "
            "name the marks like the image that they are of, or leave the others out"
        )
    return some[0] if some else None


def _with_patient(image: ImageTruth, name: str) -> ImageTruth:
    told = patient_in_name(name)
    if told is None or image.patient not in ("", image.name):
        return image
    return replace(image, patient=told)
