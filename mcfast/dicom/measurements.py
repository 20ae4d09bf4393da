"""Findings as numbers with coded names and units, the same in every structured report.

Scores are percent, lengths millimetres; what DICOM has no code for bears one of this project's, scheme 99MCFAST.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcfast.result import Calcification, Cluster

__all__ = [
    "CALCIFICATION",
    "CLUSTER",
    "Concept",
    "Measured",
    "centre_point",
    "certainty",
    "length",
    "number_of_calcifications",
    "of_calcification",
    "of_cluster",
    "outline_points",
]

Concept = tuple[str, str, str]
"""Code value, scheme, meaning."""

CALCIFICATION: Concept = ("129770007", "SCT", "Individual Calcification")
CLUSTER: Concept = ("129769006", "SCT", "Calcification Cluster")

_PERCENT: Concept = ("%", "UCUM", "percent")
_ONE: Concept = ("1", "UCUM", "no units")
_MM: Concept = ("mm", "UCUM", "mm")
_MM2: Concept = ("mm2", "UCUM", "mm2")
_CERTAINTY: Concept = ("111012", "DCM", "Certainty of Finding")
_COUNT: Concept = ("111038", "DCM", "Number of calcifications")
_AREA: Concept = ("42798000", "SCT", "Area")
_DIAMETER: Concept = ("81827009", "SCT", "Diameter")
_CONTRAST: Concept = ("contrast", "99MCFAST", "Peak minus background, presentation counts")
_NOISE: Concept = ("contrast_to_noise", "99MCFAST", "Contrast to noise ratio")


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of a finding: its concept, its value and its unit."""

    name: Concept
    value: float
    unit: Concept


def certainty(score: float) -> Measured:
    """A score 0 .. 1 as the certainty of the finding, 0 .. 100 %."""
    return Measured(_CERTAINTY, round(100 * score, 4), _PERCENT)


def length(name: Concept, millimetres: float) -> Measured:
    """A length under a name of its own."""
    return Measured(name, millimetres, _MM)


def number_of_calcifications(cluster: Cluster) -> Measured:
    """How many calcifications a cluster has."""
    return Measured(_COUNT, cluster.count, _ONE)


def of_calcification(one: Calcification) -> list[Measured]:
    """Certainty, diameter, contrast, contrast to noise: as in the JSON, to its digits."""
    return [
        certainty(one.score),
        length(_DIAMETER, round(one.diameter_mm, 6)),
        Measured(_CONTRAST, round(one.contrast, 6), _ONE),
        Measured(_NOISE, round(one.contrast_to_noise, 6), _ONE),
    ]


def of_cluster(cluster: Cluster) -> list[Measured]:
    """Certainty, number of calcifications, area of the hull."""
    return [
        certainty(cluster.score),
        number_of_calcifications(cluster),
        Measured(_AREA, round(cluster.area_mm2, 6), _MM2),
    ]


def centre_point(finding: Calcification | Cluster) -> tuple[float, float]:
    """(column, row) of a centre in DICOM's image coordinates: 0, 0 is the outer corner of the first pixel."""
    return finding.col + 0.5, finding.row + 0.5


def outline_points(cluster: Cluster) -> list[tuple[float, float]]:
    """The hull of a cluster as a closed polyline of (column, row), in DICOM's image coordinates."""
    corners = [(col + 0.5, row + 0.5) for row, col in cluster.outline]
    return [*corners, corners[0]]
