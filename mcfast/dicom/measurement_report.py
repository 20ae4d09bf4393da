"""Comprehensive 3D SR after TID 1500 (DICOM PS3.16): what general viewers and archives show of findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

from mcfast.dicom.evidence import Evidence, evidence, highdicom, write_report
from mcfast.dicom.measurements import (
    CALCIFICATION,
    CLUSTER,
    Measured,
    centre_point,
    certainty,
    of_calcification,
    of_cluster,
    outline_points,
)
from mcfast.dicom.strict import quiet, told
from mcfast.result import NOTICE, Result

__all__ = ["write_measurement_report"]

_PROCEDURE = ("24623002", "SCT", "Screening mammography")
_BREAST = ("76752008", "SCT", "Breast")
_CATEGORY = ("49755003", "SCT", "Morphologically Abnormal Structure")


def write_measurement_report(result: Result, path: Path) -> Path:
    """Write a result as a Comprehensive 3D SR of the template Measurement Report.

    A group for the image with its score, one for each cluster (its hull) and one for each calcification (its centre),
    each under a tracking identifier of its own, best first. The order within the groups is that of the JSON.

    Raises
    ------
    DependencyError
        If highdicom is not installed.
    InputError
        If the input is no DICOM image, or its header keeps a report from being written.
    """
    hd = highdicom()
    source = evidence(result, "sr", views=False)
    with (
        told(result.name, what="no sr can be made from its header", mend="correct the header, or leave out sr"),
        quiet(),
    ):
        report = hd.sr.Comprehensive3DSR(
            evidence=[source.header],
            content=_content(hd, source)[0],
            is_complete=True,
            **source.instance("sr"),
            software_versions=result.engine.version,
            manufacturer_model_name="mcfast",
            device_serial_number="0",
            series_description="mcfast findings, research use only",
        )
        return write_report(report, path, source)


def _content(hd: Any, source: Evidence) -> Any:
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=source.uid("device"), name="mcfast", manufacturer_name="mcfast", model_name=source.result.engine.version
    )
    observer = hd.sr.ObserverContext(
        observer_type=_code(hd, ("121007", "DCM", "Device")), observer_identifying_attributes=device
    )
    return hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=_code(hd, _PROCEDURE),
        imaging_measurements=_groups(hd, source),
        title=_code(hd, ("126000", "DCM", "Imaging Measurement Report")),
        referenced_images=_library(hd, source),
    )


def _library(hd: Any, source: Evidence) -> list[Any] | None:
    """The image library is optional, and highdicom can only make it of a header that leaves out nothing it copies."""
    try:
        hd.sr.ImageLibrary([source.header])
    except (AttributeError, TypeError, ValueError):
        return None
    return [source.header]


def _groups(hd: Any, source: Evidence) -> list[Any]:
    result = source.result
    groups = [_image_group(hd, source)]
    for cluster in result.clusters:
        outline = numpy.array(outline_points(cluster))
        name = f"cluster {cluster.id}"
        groups.append(_group(hd, source, name, "POLYLINE", outline, CLUSTER, of_cluster(cluster)))
    for number, one in enumerate(result.calcifications, start=1):
        name = f"calcification {number}" + ("" if one.cluster is None else f" of cluster {one.cluster}")
        point = numpy.array([centre_point(one)])
        groups.append(_group(hd, source, name, "POINT", point, CALCIFICATION, of_calcification(one)))
    return groups


def _image_group(hd: Any, source: Evidence) -> Any:
    """The image as a whole: its score, which tells an image without findings from one that nobody looked at."""
    header = source.header
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=source.uid("tracking", "image"), identifier="image"),
        finding_type=_code(hd, CLUSTER),
        algorithm_id=_algorithm(hd, source),
        finding_sites=_sites(hd, source),
        measurements=_measurements(hd, [certainty(source.result.score or 0.0)]),
        source_images=[hd.sr.SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)],
    )


def _group(
    hd: Any,
    source: Evidence,
    name: str,
    graphic: str,
    points: Any,
    finding: tuple[str, str, str],
    measured: Sequence[Measured],
) -> Any:
    header = source.header
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=source.uid("tracking", name), identifier=name),
        referenced_region=hd.sr.ImageRegion(
            graphic, points, hd.sr.SourceImageForRegion(header.SOPClassUID, header.SOPInstanceUID)
        ),
        finding_type=_code(hd, finding),
        finding_category=_code(hd, _CATEGORY),
        algorithm_id=_algorithm(hd, source),
        finding_sites=_sites(hd, source),
        measurements=_measurements(hd, measured),
    )


def _measurements(hd: Any, measured: Sequence[Measured]) -> list[Any]:
    return [hd.sr.Measurement(_code(hd, one.name), one.value, _code(hd, one.unit)) for one in measured]


def _algorithm(hd: Any, source: Evidence) -> Any:
    record = source.result.engine
    return hd.sr.AlgorithmIdentification(
        name="mcfast", version=record.version, parameters=[f"configuration {record.configuration_hash}", NOTICE]
    )


def _sites(hd: Any, source: Evidence) -> list[Any]:
    if source.laterality is None:
        return [hd.sr.FindingSite(_code(hd, _BREAST))]
    value, meaning = source.side
    return [hd.sr.FindingSite(_code(hd, _BREAST), _code(hd, (value, "SCT", meaning)))]


def _code(hd: Any, concept: tuple[str, str, str]) -> Any:
    value, scheme, meaning = concept
    return hd.sr.CodedConcept(value, scheme, meaning)
