"""Findings as pixels: a Secondary Capture with burnt-in marks, and a Segmentation with a label for each cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.dicom.evidence import Evidence, evidence, highdicom, write_report
from mcfast.dicom.strict import quiet, told
from mcfast.result import NOTICE, Result

__all__ = ["label_image", "write_capture", "write_segmentation"]

_EXPLICIT, _RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"


def write_capture(result: Result, picture: NDArray[numpy.uint8], path: Path) -> Path:
    """Write a picture, (H, W, 3) uint8, as a Secondary Capture in the study of its mammogram.

    For viewers that show nothing else. The picture must say by itself that it is for research.

    Raises
    ------
    DependencyError
        If highdicom is not installed.
    InputError
        If the input is no DICOM image, or its header keeps the object from being written.
    """
    hd = highdicom()
    source = evidence(result, "sc", views=False)
    orientation = [str(one) for one in source.header.get("PatientOrientation") or ()]
    with (
        told(result.name, what="no sc can be made from its header", mend="correct the header, or leave out sc"),
        quiet(),
    ):
        capture = hd.sc.SCImage.from_ref_dataset(
            ref_dataset=source.header,
            pixel_array=picture,
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=("A", "F"),  # replaced below: the constructor takes none that is empty
            laterality=source.laterality,
            transfer_syntax_uid=_EXPLICIT,
            series_description="mcfast marks, research use only",
            **source.instance("sc"),
        )
        capture.PatientOrientation = orientation
        capture.ImageType = ["DERIVED", "SECONDARY"]
        capture.BurnedInAnnotation = "YES"
        capture.ImageComments = NOTICE
        capture.DerivationDescription = f"Marks of mcfast {result.engine.version} on a smaller copy of the mammogram"
        return write_report(capture, path, source)


def write_segmentation(result: Result, path: Path) -> Path | None:
    """Write the calcifications as a Label Map Segmentation of the image's size; nothing if there are none.

    Each calcification is a disk of its measured diameter. One segment for each cluster, in their order, and one for
    the single calcifications.

    Raises
    ------
    DependencyError
        If highdicom is not installed.
    InputError
        If the input is no DICOM image, or its header keeps the object from being written.
    """
    hd = highdicom()
    source = evidence(result, "seg", views=False)
    labels, names = label_image(result)
    if not names:
        return None
    mend = "correct the header, or leave out seg"
    with told(result.name, what="no seg can be made from its header", mend=mend), quiet():
        segmentation = hd.seg.Segmentation(
            source_images=[source.header],
            pixel_array=labels,
            segmentation_type="LABELMAP",
            segment_descriptions=[_description(hd, source, *numbered) for numbered in enumerate(names, start=1)],
            manufacturer_model_name="mcfast",
            software_versions=result.engine.version,
            device_serial_number="0",
            content_label="CALCIFICATIONS",
            content_description=NOTICE,
            transfer_syntax_uid=_RLE,
            series_description="mcfast calcifications, research use only",
            **source.instance("seg"),
        )
        organization = source.uid("seg", "dimensions")  # highdicom draws one by lot
        for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
            item.DimensionOrganizationUID = organization
        return write_report(segmentation, path, source)


def label_image(result: Result) -> tuple[NDArray[numpy.uint8], list[str]]:
    """(H, W) uint8 labels of the calcifications, 0 elsewhere, and the names of the labels 1, 2, ...

    Where disks meet the more probable one wins. There are at most 254 labels for clusters; the others' go to the last.
    """
    mammogram = result.mammogram
    if mammogram is None:
        return numpy.zeros((1, 1), numpy.uint8), []
    named = [f"cluster {one.id}" for one in result.clusters][:254]
    if any(one.cluster is None for one in result.calcifications):
        named.append("single calcifications")
    labels = numpy.zeros(mammogram.shape, numpy.uint8)
    for one in reversed(result.calcifications):
        label = len(named) if one.cluster is None else min(one.cluster, 254)
        _draw_disk(labels, one.row, one.col, one.diameter_mm / 2, mammogram.spacing_mm, label)
    return labels, named


def _draw_disk(
    labels: NDArray[numpy.uint8], row: float, col: float, radius_mm: float, spacing_mm: tuple[float, float], label: int
) -> None:
    high, wide = radius_mm / spacing_mm[0], radius_mm / spacing_mm[1]
    row0, col0 = max(0, int(row - high)), max(0, int(col - wide))
    part = labels[row0 : int(row + high) + 2, col0 : int(col + wide) + 2]
    rows = (numpy.arange(part.shape[0]) + row0 - row)[:, None] * spacing_mm[0]
    columns = (numpy.arange(part.shape[1]) + col0 - col) * spacing_mm[1]
    part[rows**2 + columns**2 <= radius_mm**2] = label
    # One pixel at least, however small the calcification.
    labels[min(round(row), labels.shape[0] - 1), min(round(col), labels.shape[1] - 1)] = label


def _description(hd: Any, source: Evidence, number: int, name: str) -> Any:
    single = name.startswith("single")
    kind = ("129770007", "Individual Calcification") if single else ("129769006", "Calcification Cluster")
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=hd.sr.CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
        segmented_property_type=hd.sr.CodedConcept(kind[0], "SCT", kind[1]),
        algorithm_type="AUTOMATIC",
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="mcfast",
            family=hd.sr.CodedConcept("123109", "DCM", "Artificial Intelligence"),
            version=source.result.engine.version,
        ),
        tracking_uid=source.uid("tracking", name),
        tracking_id=name,
        anatomic_regions=[hd.sr.CodedConcept("76752008", "SCT", "Breast")],
    )
