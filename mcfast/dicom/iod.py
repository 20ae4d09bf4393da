"""The attributes that a Digital Mammography X-Ray Image - For Presentation must have (DICOM PS3.3 A.27)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from mcfast.dicom.suitability import FOR_PRESENTATION
from mcfast.dicom.views import VIEW_CODES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["WRITTEN_VIEWS", "coded", "described"]

WRITTEN_VIEWS = {
    "CC": "cranio-caudal",
    "MLO": "medio-lateral oblique",
    "ML": "medio-lateral",
    "LM": "latero-medial",
    "LMO": "latero-medial oblique",
    "XCCL": "cranio-caudal exaggerated laterally",
    "XCCM": "cranio-caudal exaggerated medially",
}

_ALWAYS: dict[str, Any] = {
    # patient, study, series
    "PatientBirthDate": "",
    "PatientSex": "",
    "StudyTime": "000000",
    "ReferringPhysicianName": "",
    "StudyID": "1",
    "AccessionNumber": "",
    "Modality": "MG",
    "PresentationIntentType": "FOR PRESENTATION",
    "SeriesNumber": 1,
    # image
    "SOPClassUID": FOR_PRESENTATION,
    "InstanceNumber": 1,
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "ContentDate": "",
    "ContentTime": "",
    "LossyImageCompression": "00",
    "SamplesPerPixel": 1,
    "PixelRepresentation": 0,
    "PixelIntensityRelationship": "LOG",
    "RescaleIntercept": 0,
    "RescaleSlope": 1,
    "RescaleType": "US",
    # detector, positioner, anatomy
    "DetectorType": "",
    "PositionerType": "MAMMOGRAPHIC",
    "BodyPartExamined": "BREAST",
    "OrganExposed": "BREAST",
    "BreastImplantPresent": "NO",
}


def described(
    stored: NDArray[Any],
    bits: int,
    spacing_mm: tuple[float, float],
    laterality: str,
    view: str,
    photometric: str,
) -> Dataset:
    """A dataset with every required attribute but those that identify it and the pixels.

    Its window covers all stored values and is linear, so that what is stored is what is shown.
    """
    from pydicom.dataset import Dataset

    upright = photometric == "MONOCHROME2"
    dataset = Dataset()
    for keyword, value in {
        **_ALWAYS,
        "PhotometricInterpretation": photometric,
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "BitsAllocated": 8 * stored.dtype.itemsize,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelIntensityRelationshipSign": -1 if upright else 1,
        "PresentationLUTShape": "IDENTITY" if upright else "INVERSE",
        "WindowCenter": 1 << (bits - 1),
        "WindowWidth": 1 << bits,
        "ImagerPixelSpacing": [f"{part:.10g}" for part in spacing_mm],
        "ImageLaterality": laterality,
        "ViewPosition": view,
        "PatientOrientation": _orientation(laterality, view),
        "AcquisitionContextSequence": [],
        "AnatomicRegionSequence": [coded("76752008", "SCT", "Breast")],
        "ViewCodeSequence": [_view(view)],
    }.items():
        setattr(dataset, keyword, value)
    return dataset


def _view(view: str) -> Dataset:
    code = next(code for code, acronym in VIEW_CODES.items() if acronym == view)
    item = coded(code, "SCT", WRITTEN_VIEWS[view])
    item.ViewModifierCodeSequence = []
    return item


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """A coded concept: `"SCT"` is SNOMED CT, `"DCM"` DICOM's own."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def _orientation(laterality: str, view: str) -> list[str]:
    """Where rows and columns point: the chest wall is on the left edge for a left breast, the right for a right."""
    row = "A" if laterality == "L" else "P"
    if view in ("CC", "XCCL", "XCCM"):
        return [row, "R" if laterality == "L" else "L"]
    if view in ("ML", "LM"):
        return [row, "F"]
    return [row, "FR" if laterality == "L" else "FL"]
