"""The enhanced image and magnified regions as derived Digital Mammography images, beside their source in its study.

Patient and study are the source's, series and instance are new and follow from the source and from what made the
pixels, so that the same run writes the same objects again. The spacing of what is magnified is half the source's.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from mcfast.dicom.iod import WRITTEN_VIEWS, coded, described
from mcfast.dicom.write import JPEG_LOSSLESS, set_pixels, stable_uid, write_dataset
from mcfast.errors import NotMammogramError
from mcfast.result import NOTICE, Magnified, Result

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["source_header", "write_enhanced", "write_magnified"]

_COPIED = (
    # who and which study
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    # how the breast was imaged
    "AcquisitionDate",
    "AcquisitionTime",
    "BodyPartThickness",
    "BreastImplantPresent",
    "BurnedInAnnotation",
    "CompressionForce",
    "EstimatedRadiographicMagnificationFactor",
    "KVP",
    "PartialView",
    "PatientOrientation",
    # that pixels were lost before
    "LossyImageCompression",
    "LossyImageCompressionMethod",
    "LossyImageCompressionRatio",
)
_SERIES = {"enhanced": 9001, "magnified": 9002}
"""Numbers of the series; free of what devices count up to."""
_TITLES = {"enhanced": "Enhanced, research use only", "magnified": "Magnified x2, research use only"}
_DERIVATIONS = {
    "enhanced": ("dehazed", "99MCFAST", "Dehazing by dark channel and guided filter"),
    "magnified": ("113085", "DCM", "Spatial resampling"),
}


def source_header(result: Result) -> Dataset | None:
    """The header of the file that a result came from, without pixels; `None` where there is no such DICOM file."""
    if result.mammogram is None or result.mammogram.source.format != "dicom" or not Path(result.name).is_file():
        return None
    from pydicom import dcmread

    return dcmread(result.name, stop_before_pixels=True, force=True)


def write_magnified(path: str | os.PathLike[str], region: Magnified, result: Result, header: Dataset | None) -> str:
    """Write one magnified region as "DERIVED", "SECONDARY" (DICOM PS3.3 A.27), JPEG Lossless, whole or not at all.

    Parameters
    ----------
    path
        Where to write; an existing file is replaced.
    region
        Of the result: presentation values, bright = dense.
    result
        Of an engine, with its mammogram.
    header
        Of the source (`source_header`), for patient and study; without one, both are anonymous.

    Returns
    -------
    The SOP instance UID. It follows from the pixels, the source, and the engine's version and configuration.

    Raises
    ------
    NotMammogramError
        If side or view of the mammogram are unknown, or a view that is not written: the object must state them.
    OSError
        If the file cannot be written.
    """
    box, network = region.box, result.engine.models.get("fsrcnn", "")
    how = (
        f"Rows {box.row0} to {box.row1 - 1} and columns {box.column0} to {box.column1 - 1} (from 0) of the source, "
        f"after its grayscale transformations, at twice the size by the network FSRCNN (SHA-256 {network[:16]}) of "
        f"mcfast {result.engine.version}. Estimated pixels: for looking, not for measuring. {NOTICE}"
    )
    number = 1 + [one.box for one in result.magnified].index(box)
    return _write(Path(path), "magnified", region.pixels, result, header, how, number=number, times=2, place=box)


def write_enhanced(path: str | os.PathLike[str], result: Result, header: Dataset | None) -> str:
    """Write the enhanced image of a result as `write_magnified` writes regions, of the source's size and spacing."""
    assert result.enhanced is not None
    how = (
        f"The source after its grayscale transformations, dehazed (dark channel and guided filter) by "
        f"mcfast {result.engine.version}. Values are no longer those of the detector. {NOTICE}"
    )
    return _write(Path(path), "enhanced", result.enhanced, result, header, how)


def _write(
    path: Path,
    kind: str,
    pixels: NDArray[numpy.uint16],
    result: Result,
    header: Dataset | None,
    how: str,
    *,
    number: int = 1,
    times: int = 1,
    place: tuple[int, ...] = (),
) -> str:
    mammogram = result.mammogram
    if mammogram is None or mammogram.laterality is None or mammogram.view not in WRITTEN_VIEWS:
        known = None if mammogram is None else f"{mammogram.laterality} {mammogram.view}"
        raise NotMammogramError(
            f"{result.name}: a derived mammogram must state side and view, and they are {known}; "
            f"give a DICOM file with L or R and one of {', '.join(WRITTEN_VIEWS)}, or leave out mg"
        )
    bits, source = mammogram.bits, mammogram.source
    row_mm, column_mm = mammogram.spacing_mm
    stored = pixels.astype(numpy.uint8) if bits == 8 else pixels
    spacing = (row_mm / times, column_mm / times)
    dataset = described(stored, bits, spacing, mammogram.laterality, mammogram.view, "MONOCHROME2")
    _identify(dataset, header, source.study_instance_uid)
    for name in ("ImagerPixelSpacing", "PixelSpacing"):
        given = None if header is None else header.get(name)
        if given:
            setattr(dataset, name, [f"{float(side) / times:.10g}" for side in given])
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = how
    dataset.DerivationCodeSequence = [coded(*_DERIVATIONS[kind])]
    if source.sop_instance_uid and source.sop_class_uid:
        reference = _reference(source.sop_class_uid, source.sop_instance_uid, "YES" if times == 1 else "NO")
        dataset.SourceImageSequence = [reference]
    dataset.Manufacturer, dataset.SoftwareVersions = "mcfast", result.engine.version
    dataset.SeriesDescription, dataset.ImageComments = _TITLES[kind], NOTICE
    dataset.SeriesNumber, dataset.InstanceNumber = _SERIES[kind], number
    made_by = (result.engine.version, result.engine.configuration_hash, *sorted(result.engine.models.items()))
    parent = source.sop_instance_uid or hashlib.sha256(mammogram.pixels.tobytes()).hexdigest()
    dataset.SeriesInstanceUID = stable_uid(f"{kind} series", parent, *made_by)
    dataset.SOPInstanceUID = stable_uid(kind, parent, *made_by, *place, hashlib.sha256(stored.tobytes()).hexdigest())
    set_pixels(dataset, stored, bits, JPEG_LOSSLESS)
    write_dataset(dataset, path, JPEG_LOSSLESS)
    return str(dataset.SOPInstanceUID)


def _identify(dataset: Dataset, header: Dataset | None, study: str | None) -> None:
    """Patient, study, and how the breast was imaged, as the source says; what it does not say stays empty."""
    dataset.PatientName = dataset.PatientID = dataset.StudyDate = ""
    dataset.BurnedInAnnotation = "NO"
    if header is not None:
        for name in _COPIED:
            if header.get(name):
                dataset[name] = header[name]
    if not dataset.get("StudyInstanceUID"):
        dataset.StudyInstanceUID = study or stable_uid("magnified study of an unnamed source")


def _reference(sop_class: str, sop_instance: str, locations_preserved: str) -> Dataset:
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_instance
    item.SpatialLocationsPreserved = locations_preserved
    item.PurposeOfReferenceCodeSequence = [coded("121322", "DCM", "Source image for image processing operation")]
    reference: Dataset = item
    return reference
