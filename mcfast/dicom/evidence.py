"""What every DICOM report says of the image it stands on: header, identity, and UIDs that a second run gives again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcfast.dicom.sniff import looks_like_dicom
from mcfast.dicom.strict import quiet
from mcfast.dicom.uids import EXPLICIT
from mcfast.dicom.views import VIEW_CODES
from mcfast.dicom.write import stable_uid, write_dataset
from mcfast.errors import DependencyError, InputError, NotMammogramError
from mcfast.result import Result

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Evidence", "evidence", "highdicom", "write_report"]

_IDENTITY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_NUMBERS = {"sr": 9003, "cad-sr": 9004, "sc": 9005, "seg": 9006}  # of the series; 9001 and 9002 are images
_SIDES = {"L": ("7771000", "Left"), "R": ("24028007", "Right")}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The image that a report is about.

    `header` has every attribute that identifies patient, study and instance, those that the file leaves out empty;
    `laterality` is "L" or "R", `view_code` the SNOMED CT code of the view and `view` its acronym.
    """

    result: Result
    header: Dataset
    laterality: str | None
    view: str | None

    @property
    def view_code(self) -> str:
        """SNOMED CT code of the view (DICOM CID 4014)."""
        return next(code for code, acronym in VIEW_CODES.items() if acronym == self.view)

    @property
    def side(self) -> tuple[str, str]:
        """SNOMED CT code and meaning of the side (DICOM CID 244)."""
        assert self.laterality is not None
        return _SIDES[self.laterality]

    def uid(self, *parts: object) -> str:
        """A UID that follows from the image, from what made the result, from the findings, and from `parts`."""
        values = self.result.as_dict()
        found = {key: values[key] for key in ("status", "score", "calcifications", "clusters", "failure")}
        if found["failure"] is not None:
            found["failure"] = found["failure"]["type"]  # its message holds a path
        text = json.dumps([found, values["engine"]], sort_keys=True)
        return stable_uid(self.header.SOPInstanceUID, hashlib.sha256(text.encode()).hexdigest(), *parts)

    def instance(self, kind: str) -> dict[str, Any]:
        """Series and instance of the report of a kind, as highdicom's constructors name them."""
        return {
            "series_instance_uid": self.uid(kind, "series"),
            "series_number": _NUMBERS[kind],
            "sop_instance_uid": self.uid(kind),
            "instance_number": 1,
            "manufacturer": "mcfast",
        }

    def date(self) -> tuple[str, str]:
        """Date and time of the image. Reports bear them, not the clock's, so that a second run writes the same."""
        for name in ("Acquisition", "Content", "Study"):
            day = str(self.header.get(f"{name}Date") or "")
            if len(day) == 8 and day.isdigit():
                return day, str(self.header.get(f"{name}Time") or "") or "000000"
        return "20000101", "000000"


def evidence(result: Result, kind: str, *, views: bool) -> Evidence:
    """The evidence for a report of a kind.

    Parameters
    ----------
    result
        Of an engine, for a DICOM file that is still where it was. It may have failed.
    kind
        "sr", "cad-sr", "sc" or "seg", for messages.
    views
        Whether the report must state side and view.

    Raises
    ------
    InputError
        If the input is no DICOM file, or its header does not identify it.
    NotMammogramError
        If side or view must be stated and the header tells none, or no image of a mammogram.
    """
    header = _header(result, kind)
    side, view = _side_and_view(result, header)
    if views and (side is None or view not in VIEW_CODES.values()):
        raise NotMammogramError(
            f"{result.name}: {kind} must state side and view, and they are {side} {view}; "
            f"correct the header, or leave out {kind}"
        )
    return Evidence(result, header, side, view)


def _header(result: Result, kind: str) -> Any:
    from pydicom import dcmread
    from pydicom.uid import UID

    path = Path(result.name)
    header: Any = None
    try:
        with path.open("rb") as file:
            dicom = looks_like_dicom(file.read(256))
        with quiet():
            header = dcmread(path, stop_before_pixels=True, force=True) if dicom else None
    except Exception:  # what pydicom raises on a damaged header is of many kinds; it identifies nothing
        header = None
    names = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    with quiet():
        whole = header is not None and all(UID(str(header.get(name) or "")).is_valid for name in names)
    if not whole:
        raise InputError(
            f"{result.name}: {kind} refers to a DICOM image, and this is no DICOM file that identifies itself; "
            f"give one, or leave out {kind}"
        )
    with quiet():
        for name in _IDENTITY:
            if not header.get(name):
                setattr(header, name, "")
    return header


def _side_and_view(result: Result, header: Dataset) -> tuple[str | None, str | None]:
    if result.mammogram is not None:
        return result.mammogram.laterality, result.mammogram.view
    from mcfast.dicom.geometry import laterality_of, view_of
    from mcfast.dicom.header import Header

    try:
        named = Header(result.name, (header,))
        return laterality_of(named), view_of(named)
    except InputError:
        return None, None


def write_report(dataset: Dataset, path: Path, source: Evidence) -> Path:
    """Write a report whole or not at all, with the image's dates in place of the clock's."""
    day, time = source.date()
    dataset.ContentDate, dataset.ContentTime = day, time
    for name in ("InstanceCreationDate", "InstanceCreationTime", "DateOfSecondaryCapture", "TimeOfSecondaryCapture"):
        if name in dataset:
            delattr(dataset, name)
    for item in dataset.get("ContributingEquipmentSequence") or ():
        if "ContributionDateTime" in item:
            del item.ContributionDateTime
    meta = getattr(dataset, "file_meta", None)
    write_dataset(dataset, path, EXPLICIT if meta is None else str(meta.TransferSyntaxUID))
    return path


def highdicom() -> Any:
    """The library that writes reports. Raises `DependencyError` where it is not installed."""
    try:
        with quiet():
            import highdicom
            import highdicom.sr
    except ImportError as error:
        raise DependencyError(f"DICOM reports need highdicom ({error}); pip install 'mcfast[report]'") from None
    return highdicom
