"""What experts marked: points and outlines of calcifications, outlines of clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.cluster import hull

__all__ = ["ImageTruth", "Mark", "distance_to", "point"]

Points = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """One mark: `corners` (N, 2) rows and columns in pixels, 1 of a point, 3 or more of a closed outline.

    `cluster` tells which marks belong together; `None` stands alone.
    """

    corners: Points
    cluster: int | None = None

    @property
    def is_point(self) -> bool:
        """Whether this is a point: an outline of fewer than three corners holds no area."""
        return len(self.corners) < 3


@dataclass(frozen=True, slots=True, eq=False)
class ImageTruth:
    """The marks of one image.

    Attributes
    ----------
    name
        Of the image: its file's name without suffix.
    calcifications
        Marks of single calcifications.
    outlined
        Outlines of clusters as drawn. Clusters of `calcifications` come in addition; see `clusters`.
    patient
        Whose image it is; the name where that is not known.
    spacing_mm
        (row, column) spacing of the pixels that marks are counted in; `None` takes that of the result.
    """

    name: str
    calcifications: tuple[Mark, ...] = ()
    outlined: tuple[Mark, ...] = ()
    patient: str = ""
    spacing_mm: tuple[float, float] | None = None

    @property
    def clusters(self) -> tuple[Mark, ...]:
        """Outlines of clusters: those drawn, and the hulls of calcifications that share a cluster, of 3 at least."""
        members: dict[int, list[Points]] = {}
        for mark in self.calcifications:
            if mark.cluster is not None:
                members.setdefault(mark.cluster, []).append(mark.corners)
        hulls = [Mark(hull(numpy.concatenate(group))) for group in members.values() if len(group) >= 3]
        return (*self.outlined, *hulls)


def point(row: float, column: float, cluster: int | None = None) -> Mark:
    """A mark of one point."""
    return Mark(numpy.array([[row, column]], numpy.float64), cluster)


def distance_to(mark: Mark, places: NDArray[Any], spacing_mm: tuple[float, float]) -> NDArray[numpy.float64]:
    """Distance in millimetres of (N, 2) places to a mark: 0 inside an outline. (N,). O(N corners)."""
    scale = numpy.array(spacing_mm)
    where = numpy.asarray(places, numpy.float64).reshape(-1, 2) * scale
    corners = mark.corners * scale
    nearest = _to_segments(where, corners)
    return nearest if mark.is_point else numpy.where(_inside(where, corners), 0.0, nearest)


def _to_segments(where: Points, corners: Points) -> NDArray[numpy.float64]:
    """Distance to the closed line through the corners."""
    starts, ends = corners, numpy.roll(corners, -1, axis=0)
    along = ends - starts
    length = numpy.maximum((along**2).sum(axis=1), 1e-12)
    offset = where[:, None] - starts[None]
    part = numpy.clip((offset * along).sum(axis=2) / length, 0, 1)
    gap = offset - part[..., None] * along
    distance: NDArray[numpy.float64] = numpy.sqrt((gap**2).sum(axis=2)).min(axis=1)
    return distance


def _inside(where: Points, corners: Points) -> NDArray[numpy.bool_]:
    """Even-odd rule: a ray along the columns crosses the outline an odd number of times."""
    starts, ends = corners, numpy.roll(corners, -1, axis=0)
    row, column = where[:, 0, None], where[:, 1, None]
    spans = (starts[:, 0] <= row) != (ends[:, 0] <= row)
    rise = numpy.where(ends[:, 0] == starts[:, 0], 1.0, ends[:, 0] - starts[:, 0])
    crossing = starts[:, 1] + (row - starts[:, 0]) / rise * (ends[:, 1] - starts[:, 1])
    inside: NDArray[numpy.bool_] = (spans & (column < crossing)).sum(axis=1) % 2 == 1
    return inside
