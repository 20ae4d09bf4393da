"""Mammography CAD SR after TID 4000 (DICOM PS3.16): what mammography workstations take.

Its summary of detections tells an image without findings ("Succeeded", no findings) from one that could not be looked
at ("Failed"). Of analyses there are none: "Not Attempted". Items refer to the image by its place in the image library,
as TID 4017 and TID 4021 ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcfast.dicom.evidence import Evidence, evidence, write_report
from mcfast.dicom.measurements import (
    CALCIFICATION,
    CLUSTER,
    Concept,
    Measured,
    centre_point,
    certainty,
    length,
    number_of_calcifications,
    outline_points,
)
from mcfast.dicom.strict import quiet, told
from mcfast.result import Calcification, Cluster, Result

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["write_cad_report"]

_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.88.50"
_IMAGE_IN_LIBRARY = [1, 2, 1]  # root, image library (after the language), its first item
_COPIED = ("SpecificCharacterSet", "IssuerOfPatientID", "PatientAge", "StudyDescription")
_REQUIRED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"),
    *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
Item = Any

_ENGLISH: Concept = ("en", "RFC5646", "English")
_PRESENT: Concept = ("111150", "DCM", "Presentation Required: Rendering device is expected to present")
_OPTIONAL: Concept = ("111151", "DCM", "Presentation Optional: Rendering device may present")
_SUCCEEDED: Concept = ("111222", "DCM", "Succeeded")
_FAILED: Concept = ("111224", "DCM", "Failed")
_NOT_ATTEMPTED: Concept = ("111225", "DCM", "Not Attempted")
_SUMMARIES: dict[str, Concept] = {
    "ok": ("111242", "DCM", "All algorithms succeeded; with findings"),
    "no findings": ("111241", "DCM", "All algorithms succeeded; without findings"),
    "failed": ("111245", "DCM", "No algorithms succeeded; without findings"),
}
_SIDES = {"L": ("80248007", "SCT", "Left breast"), "R": ("73056007", "SCT", "Right breast")}


def write_cad_report(result: Result, path: Path) -> Path:
    """Write a result, a failed one too, as a Mammography CAD SR.

    Clusters come first, to be shown; single calcifications and those of clusters follow, which may be shown.

    Raises
    ------
    InputError
        If the input is no DICOM image, or its header keeps a report from being written.
    NotMammogramError
        If side or view are unknown.
    """
    source = evidence(result, "cad-sr", views=True)
    mend = "correct the header, or leave out cad-sr"
    with told(result.name, what="no cad-sr can be made from its header", mend=mend), quiet():
        return write_report(_document(source), path, source)


def _document(source: Evidence) -> Dataset:
    from pydicom.dataset import Dataset

    dataset: Any = Dataset()
    for name in _REQUIRED:
        dataset[name] = source.header[name]
    for name in _COPIED:
        if source.header.get(name):
            dataset[name] = source.header[name]
    instance = source.instance("cad-sr")
    dataset.SOPClassUID = _SOP_CLASS
    dataset.SOPInstanceUID = instance["sop_instance_uid"]
    dataset.SeriesInstanceUID = instance["series_instance_uid"]
    dataset.SeriesNumber, dataset.InstanceNumber = instance["series_number"], 1
    dataset.SeriesDescription = "mcfast CAD, research use only"
    dataset.Modality = "SR"
    dataset.Manufacturer = dataset.ManufacturerModelName = "mcfast"
    dataset.SoftwareVersions = source.result.engine.version
    dataset.DeviceSerialNumber = "0"
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.PerformedProcedureCodeSequence = []
    dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "PRELIMINARY"
    dataset.CurrentRequestedProcedureEvidenceSequence = [_evidence_item(source)]
    root = _container(None, ("111036", "DCM", "Mammography CAD Report"), _tree(source))
    template: Any = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "4000"
    root.ContentTemplateSequence = [template]
    dataset.update(root)
    document: Dataset = dataset
    return document


def _tree(source: Evidence) -> Iterable[Item]:
    """TID 4000, rows 2 to 8."""
    result = source.result
    status = _FAILED if result.status == "failed" else _SUCCEEDED
    yield _code_item("HAS CONCEPT MOD", ("121049", "DCM", "Language of Content Item and Descendants"), _ENGLISH)
    yield _container("CONTAINS", ("111028", "DCM", "Image Library"), [_library_entry(source)])
    findings = [
        *(_cluster(source, cluster) for cluster in result.clusters),
        *(_calcification(source, one) for one in result.calcifications),
    ]
    intent = _code_item("HAS CONCEPT MOD", ("111056", "DCM", "Rendering Intent"), _PRESENT)
    impression = ("111034", "DCM", "Individual Impression/Recommendation")
    summary = ("111017", "DCM", "CAD Processing and Findings Summary")
    below = [_container("INFERRED FROM", impression, [intent, *findings])] if findings else []
    yield _code_item("CONTAINS", summary, _SUMMARIES[result.status], below)
    done = ("111063", "DCM", "Successful Detections")
    failed = ("111025", "DCM", "Failed Detections")
    kinds = [_detection(source, kind) for kind in (CALCIFICATION, CLUSTER)]
    detections = _container("INFERRED FROM", failed if result.status == "failed" else done, kinds)
    yield _code_item("CONTAINS", ("111064", "DCM", "Summary of Detections"), status, [detections])
    yield _code_item("CONTAINS", ("111065", "DCM", "Summary of Analyses"), _NOT_ATTEMPTED)


def _library_entry(source: Evidence) -> Item:
    """TID 4020."""
    header, mammogram = source.header, source.result.mammogram
    assert source.laterality is not None
    view = (source.view_code, "SCT", source.view or "")
    below = [
        _code_item("HAS ACQ CONTEXT", ("111027", "DCM", "Image Laterality"), _SIDES[source.laterality]),
        _code_item("HAS ACQ CONTEXT", ("111031", "DCM", "Image View"), view),
    ]
    if mammogram is not None:
        row_mm, column_mm = mammogram.spacing_mm
        across, down = ("111026", "DCM", "Horizontal Pixel Spacing"), ("111066", "DCM", "Vertical Pixel Spacing")
        below += [_number("HAS ACQ CONTEXT", length(*one)) for one in ((across, column_mm), (down, row_mm))]
    item = _item("CONTAINS", "IMAGE", None, below)
    item.ReferencedSOPSequence = [_reference(header)]
    return item


def _cluster(source: Evidence, cluster: Cluster) -> Item:
    last = [_number("HAS PROPERTIES", number_of_calcifications(cluster))]
    return _finding(source, cluster, CLUSTER, _PRESENT, outline_points(cluster), last)


def _calcification(source: Evidence, one: Calcification) -> Item:
    return _finding(source, one, CALCIFICATION, _PRESENT if one.cluster is None else _OPTIONAL, [], [])


def _finding(
    source: Evidence,
    finding: Cluster | Calcification,
    kind: Concept,
    intent: Concept,
    outline: list[tuple[float, float]],
    last: list[Item],
) -> Item:
    """TID 4006, with TID 4019 and TID 4021."""
    below = [
        _code_item("HAS CONCEPT MOD", ("111056", "DCM", "Rendering Intent"), intent),
        *_algorithm(source),
        _number("HAS PROPERTIES", certainty(finding.score)),
        _coordinates(("111010", "DCM", "Center"), "POINT", [centre_point(finding)]),
    ]
    if outline:
        below.append(_coordinates(("111041", "DCM", "Outline"), "POLYLINE", outline))
    return _code_item("CONTAINS", ("111059", "DCM", "Single Image Finding"), kind, [*below, *last])


def _detection(source: Evidence, kind: Concept) -> Item:
    """TID 4017."""
    below = [*_algorithm(source), _library_reference("HAS PROPERTIES")]
    return _code_item("CONTAINS", ("111022", "DCM", "Detection Performed"), kind, below)


def _algorithm(source: Evidence) -> list[Item]:
    """TID 4019."""
    record = source.result.engine
    texts = (
        (("111001", "DCM", "Algorithm Name"), "mcfast"),
        (("111003", "DCM", "Algorithm Version"), record.version),
        (("111002", "DCM", "Algorithm Parameters"), f"configuration {record.configuration_hash}"),
    )
    items = []
    for name, text in texts:
        item = _item("HAS PROPERTIES", "TEXT", name)
        item.TextValue = text
        items.append(item)
    return items


def _coordinates(name: Concept, graphic: str, points: list[tuple[float, float]]) -> Item:
    item = _item("HAS PROPERTIES", "SCOORD", name, [_library_reference("SELECTED FROM")])
    item.GraphicType = graphic
    item.GraphicData = [coordinate for point in points for coordinate in point]
    return item


def _library_reference(relationship: str) -> Item:
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    item.RelationshipType = relationship
    item.ReferencedContentItemIdentifier = _IMAGE_IN_LIBRARY
    return item


def _code_item(relationship: str, name: Concept, value: Concept, below: Iterable[Item] = ()) -> Item:
    item = _item(relationship, "CODE", name, below)
    item.ConceptCodeSequence = [_concept(value)]
    return item


def _number(relationship: str, measured: Measured) -> Item:
    from pydicom.dataset import Dataset

    item = _item(relationship, "NUM", measured.name)
    value: Any = Dataset()
    value.NumericValue = f"{measured.value:.10g}"
    value.MeasurementUnitsCodeSequence = [_concept(measured.unit)]
    item.MeasuredValueSequence = [value]
    return item


def _container(relationship: str | None, name: Concept, below: Iterable[Item]) -> Item:
    item = _item(relationship, "CONTAINER", name, below)
    item.ContinuityOfContent = "SEPARATE"
    return item


def _item(relationship: str | None, kind: str, name: Concept | None, below: Iterable[Item] = ()) -> Item:
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    if relationship is not None:
        item.RelationshipType = relationship
    item.ValueType = kind
    if name is not None:
        item.ConceptNameCodeSequence = [_concept(name)]
    children = list(below)
    if children:
        item.ContentSequence = children
    return item


def _concept(concept: Concept) -> Item:
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = concept
    return item


def _reference(header: Dataset) -> Item:
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    return item


def _evidence_item(source: Evidence) -> Item:
    from pydicom.dataset import Dataset

    series: Any = Dataset()
    series.SeriesInstanceUID = source.header.SeriesInstanceUID
    series.ReferencedSOPSequence = [_reference(source.header)]
    study: Any = Dataset()
    study.StudyInstanceUID = source.header.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    return study
