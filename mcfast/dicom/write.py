"""Pixels -> a Digital Mammography X-Ray Image - For Presentation file (DICOM PS3.3 A.27).

For phantoms and demonstrations: the object has every attribute that its definition requires, so that any reader takes
it, and nothing in it depends on the clock or on chance: the same pixels and arguments give the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy
from numpy.typing import NDArray

from mcfast.dicom.encode import ENCODERS
from mcfast.dicom.geometry import checked_spacing
from mcfast.dicom.iod import WRITTEN_VIEWS, described
from mcfast.dicom.uids import DEFLATED, EXPLICIT, IMPLICIT

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["JPEG_LOSSLESS", "set_pixels", "stable_uid", "write_dataset", "write_mammogram"]

JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


def stable_uid(*parts: object) -> str:
    """A UID that depends on nothing but the parts: 2.25 and 128 bits of their hash (DICOM PS3.5 B.2)."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"


def write_mammogram(
    path: str | os.PathLike[str],
    pixels: NDArray[numpy.uint8] | NDArray[numpy.uint16],
    *,
    spacing_mm: float | tuple[float, float],
    laterality: Literal["L", "R"],
    view: str,
    bits: int = 12,
    transfer_syntax: str = JPEG_LOSSLESS,
    photometric: Literal["MONOCHROME1", "MONOCHROME2"] = "MONOCHROME2",
    patient_id: str = "PHANTOM",
    manufacturer: str = "mcfast",
    description: str = "",
    burned_in_annotation: bool = False,
    study_date: str = "20000101",
) -> str:
    """Write one mammogram, whole or not at all; an existing file is replaced.

    Parameters
    ----------
    path
        Where to write.
    pixels
        (H, W) uint8 or uint16, 0 .. 2**bits - 1: the stored values. With "MONOCHROME2" bright is dense; with
        "MONOCHROME1" the stored values must be inverted already.
    spacing_mm
        (row, column) distance of pixel centres, or one number, millimetres (written as ImagerPixelSpacing).
    laterality, view
        "L" or "R"; "CC", "MLO", "ML", "LM", "LMO", "XCCL" or "XCCM".
    bits
        Bits stored, 8 .. 16.
    transfer_syntax
        UID: implicit, explicit or deflated little endian, or one of `ENCODERS` (all lossless).
    patient_id, manufacturer, description, study_date
        Header texts. The date has the form YYYYMMDD, or is empty; it does
        not come from the clock.
    burned_in_annotation
        Whether the pixels hold text.

    Returns
    -------
    The SOP instance UID, which derives from the pixels and the arguments.

    Raises
    ------
    TypeError
        If the pixels are not uint8 or uint16.
    ValueError
        If another argument is out of its range, or the pixels need more bits.
    OSError
        If the file cannot be written.
    """
    stored = _checked(pixels, bits, laterality, view, transfer_syntax, photometric)
    spacing = checked_spacing(spacing_mm, "write_mammogram(spacing_mm)")
    dataset = described(stored, bits, spacing, laterality, view, photometric)
    content = hashlib.sha256(stored.tobytes()).hexdigest()
    dataset.PatientID = patient_id
    dataset.PatientName = f"{patient_id}^"
    dataset.Manufacturer = manufacturer
    dataset.StudyDate = study_date
    dataset.ImageComments = description
    dataset.BurnedInAnnotation = "YES" if burned_in_annotation else "NO"
    dataset.StudyInstanceUID = stable_uid("study", patient_id, study_date)
    dataset.SeriesInstanceUID = stable_uid("series", patient_id, study_date)
    instance = stable_uid(content, dataset.to_json(), bits, transfer_syntax)
    dataset.SOPInstanceUID = instance
    set_pixels(dataset, stored, bits, transfer_syntax)
    write_dataset(dataset, Path(path), transfer_syntax)
    return instance


def _checked(
    pixels: Any, bits: int, laterality: str, view: str, transfer_syntax: str, photometric: str
) -> NDArray[numpy.uint8] | NDArray[numpy.uint16]:
    if not isinstance(pixels, numpy.ndarray) or pixels.dtype not in (numpy.uint8, numpy.uint16):
        kind = getattr(pixels, "dtype", type(pixels).__name__)
        raise TypeError(
            f"write_mammogram(pixels): expected uint8 or uint16, got {kind}; cast with pixels.astype(numpy.uint16)"
        )
    syntaxes = (IMPLICIT, EXPLICIT, DEFLATED, *ENCODERS)
    for argument, value, expected in (
        ("laterality", laterality, ("L", "R")),
        ("view", view, tuple(WRITTEN_VIEWS)),
        ("transfer_syntax", transfer_syntax, syntaxes),
        ("photometric", photometric, ("MONOCHROME1", "MONOCHROME2")),
    ):
        if value not in expected:
            raise ValueError(f"write_mammogram({argument}): expected one of {', '.join(expected)}, got {value!r}")
    if pixels.ndim != 2 or not 0 < max(pixels.shape) < 1 << 16 or pixels.size == 0:
        raise ValueError(
            f"write_mammogram(pixels): expected two dimensions of 1 .. 65535 pixels, got shape {pixels.shape}"
        )
    if not 8 <= bits <= 16:
        raise ValueError(f"write_mammogram(bits): expected 8 .. 16, got {bits}")
    if int(pixels.max()) >= 1 << bits:
        raise ValueError(
            f"write_mammogram(bits): expected enough bits for the value {pixels.max()}, got {bits}; state more"
        )
    stored: NDArray[Any] = numpy.ascontiguousarray(pixels, numpy.uint8 if bits == 8 else numpy.uint16)
    return stored


def set_pixels(dataset: Dataset, stored: NDArray[Any], bits: int, transfer_syntax: str) -> None:
    """Put pixels into a dataset, encoded as the transfer syntax says."""
    from pydicom.dataelem import DataElement
    from pydicom.encaps import encapsulate

    if transfer_syntax in ENCODERS:
        data = encapsulate([ENCODERS[transfer_syntax](stored, bits)])
        dataset[0x7FE00010] = DataElement(0x7FE00010, "OB", data)
        dataset["PixelData"].is_undefined_length = True
        return
    data = stored.astype(stored.dtype.newbyteorder("<"), copy=False).tobytes()
    vr = "OW" if stored.dtype.itemsize == 2 or transfer_syntax == IMPLICIT else "OB"
    dataset[0x7FE00010] = DataElement(0x7FE00010, vr, data + b"\0" * (len(data) % 2))


def write_dataset(dataset: Dataset, path: Path, transfer_syntax: str) -> None:
    """Write a dataset as a file with the meta information of its transfer syntax, whole or not at all."""
    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.ImplementationClassUID = UID(stable_uid("mcfast"))
    meta.ImplementationVersionName = "MCFAST"
    dataset.file_meta = meta
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # beside the target, so that replacing is atomic
    try:
        with temporary.open("xb") as file:
            dcmwrite(file, dataset, enforce_file_format=True)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
