"""What the node takes: SOP classes, transfer syntaxes, and the first look at a dataset (DICOM PS3.4 B, PS3.7 C)."""

from __future__ import annotations

import io
import re
import zlib

from mcfast.dicom.strict import quiet
from mcfast.dicom.suitability import MAMMOGRAMS
from mcfast.dicom.uids import BIG_ENDIAN, DEFLATED, IMPLICIT
from mcfast.node.library import pynetdicom

__all__ = [
    "CANNOT_UNDERSTAND",
    "CLASS_NOT_SUPPORTED",
    "INVALID_INSTANCE",
    "MAMMOGRAMS",
    "MISMATCH",
    "OUT_OF_RESOURCES",
    "PROCESSING_FAILURE",
    "SUCCESS",
    "VERIFICATION",
    "Refusal",
    "check_dataset",
    "check_instance",
    "transfer_syntaxes",
]

VERIFICATION = "1.2.840.10008.1.1"

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
INVALID_INSTANCE = 0x0117
CLASS_NOT_SUPPORTED = 0x0122
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

_HEAD = 1 << 16  # bytes in which the dataset must have named itself; real ones do in the first thousand
_SOP_INSTANCE = 0x00080018
_UID = re.compile(r"[0-9.]{1,64}")


class Refusal(Exception):
    """An object that is not taken: the status that says so to the peer, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def transfer_syntaxes() -> list[str]:
    """All there are."""
    return [str(uid) for uid in pynetdicom().ALL_TRANSFER_SYNTAXES]


def check_instance(sop_class: str, sop_instance: str, agreed_class: str) -> None:
    """Raise `Refusal` unless a request names a class that it may under its context, and a UID made like one.

    Components with leading zeros, which the standard forbids and some devices write, are let pass.
    """
    if sop_class not in MAMMOGRAMS or sop_class != agreed_class:
        raise Refusal(CLASS_NOT_SUPPORTED, f"SOP class {sop_class} is not served under this presentation context")
    if not _UID.fullmatch(sop_instance):
        raise Refusal(INVALID_INSTANCE, f"SOP instance UID {sop_instance!r} is no UID")


def check_dataset(data: memoryview, syntax: str, sop_class: str, sop_instance: str) -> None:
    """Raise `Refusal` unless the dataset itself is of the class and has the UID that the request named.

    Reads only its first elements.
    """
    from pydicom.filereader import read_dataset

    head = bytes(data[:_HEAD])
    try:
        if syntax == DEFLATED:
            head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, _HEAD)
        with quiet():
            dataset = read_dataset(
                io.BytesIO(head),
                syntax == IMPLICIT,
                syntax != BIG_ENDIAN,
                stop_when=lambda tag, vr, length: tag > _SOP_INSTANCE,
            )
            named = tuple(str(dataset.get(word) or "").strip(" \0") for word in ("SOPClassUID", "SOPInstanceUID"))
    except Exception as error:  # what pydicom raises on a damaged dataset is of many kinds
        raise Refusal(CANNOT_UNDERSTAND, f"the dataset cannot be read ({type(error).__name__})") from None
    if named != (sop_class, sop_instance):
        raise Refusal(MISMATCH, "the dataset is not the SOP instance that the request names")
