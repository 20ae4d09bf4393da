"""Between an input's own pixels and the canonical spacing (0.1 mm) that detection works at.

With scale = spacing / canonical spacing, pixel i of one axis at the canonical spacing has its centre at
(i + 0.5) / scale - 0.5 of the input, for any scale and whatever the rounding of the size (see `mcfast.resample`).
"""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from mcfast import detect, ops
from mcfast.mammogram import Mammogram
from mcfast.result import Calcification, Cluster

__all__ = ["at_canonical", "findings_in_input", "headroom", "mask_in_input", "valid_at_canonical"]

Image = NDArray[numpy.uint16]
Mask = NDArray[numpy.bool_]


def at_canonical(
    image: Image, mammogram: Mammogram, canonical_mm: float, *, threads: int | None = None
) -> tuple[Image, Mask | None, tuple[float, float]]:
    """The (H, W) image and its valid mask, if it has one, at the canonical spacing, and the (row, column) scale.

    The image comes with 16 bits, its counts multiplied by `headroom(mammogram)`: of 8 bits, means and interpolated
    values would lose what lies between two counts.
    """
    rows_mm, columns_mm = mammogram.spacing_mm
    scale = rows_mm / canonical_mm, columns_mm / canonical_mm
    wide = image if mammogram.bits == 16 else image << numpy.uint16(16 - mammogram.bits)
    small: Image = ops.resample(wide, scale, threads=threads)
    return small, valid_at_canonical(mammogram, scale, threads=threads), scale


def valid_at_canonical(mammogram: Mammogram, scale: tuple[float, float], *, threads: int | None = None) -> Mask | None:
    """The valid mask at the canonical spacing; `None` where all is valid."""
    if mammogram.valid is None:
        return None
    # A pixel that is padding in any part is none of the breast.
    share = ops.resample(mammogram.valid.view(numpy.uint8) * numpy.uint8(255), scale, threads=threads)
    whole: Mask = share == 255
    return whole


def headroom(mammogram: Mammogram) -> float:
    """What the counts at the canonical spacing are multiplied by, so that they fill 16 bits."""
    return float(1 << (16 - mammogram.bits))


def findings_in_input(
    found: detect.Detections, scale: tuple[float, float], mammogram: Mammogram
) -> tuple[tuple[Calcification, ...], tuple[Cluster, ...]]:
    """Findings in pixels and millimetres of the input; clusters count from 1."""
    calcifications = tuple(_calcification(one, scale, mammogram) for one in found.calcifications)
    return calcifications, tuple(_cluster(one, calcifications, scale, mammogram) for one in found.clusters)


def _calcification(one: detect.Calcification, scale: tuple[float, float], mammogram: Mammogram) -> Calcification:
    row, col = _place(one.row, one.column, scale, mammogram)
    rows_mm, columns_mm = mammogram.spacing_mm
    return Calcification(
        row=row,
        col=col,
        x_mm=(col + 0.5) * columns_mm,
        y_mm=(row + 0.5) * rows_mm,
        diameter_mm=one.diameter_mm,
        contrast=one.contrast / headroom(mammogram),
        contrast_to_noise=one.contrast_to_noise,
        score=one.score,
        cluster=None if one.cluster is None else one.cluster + 1,
    )


def _cluster(
    one: detect.Cluster, calcifications: tuple[Calcification, ...], scale: tuple[float, float], mammogram: Mammogram
) -> Cluster:
    members = [member for member in calcifications if member.cluster == one.id + 1]
    return Cluster(
        id=one.id + 1,
        count=one.count,
        score=one.score,
        area_mm2=one.area_mm2,
        row=sum(member.row for member in members) / len(members),
        col=sum(member.col for member in members) / len(members),
        outline=tuple(_place(*corner, scale, mammogram) for corner in one.outline),
        features=one.features,
    )


def _place(row: float, column: float, scale: tuple[float, float], mammogram: Mammogram) -> tuple[float, float]:
    rows, columns = mammogram.shape
    down, along = (row + 0.5) / scale[0] - 0.5, (column + 0.5) / scale[1] - 0.5
    return min(max(down, 0.0), rows - 1.0), min(max(along, 0.0), columns - 1.0)


def mask_in_input(mask: Mask, shape: tuple[int, ...], scale: tuple[float, float]) -> Mask:
    """The mask at the input's pixels: each takes the canonical pixel that its centre lies in."""
    rows, columns = (
        numpy.minimum(((numpy.arange(length) + 0.5) * step).astype(numpy.intp), side - 1)
        for length, step, side in zip(shape, scale, mask.shape, strict=True)
    )
    full: Mask = mask.take(columns, axis=1).take(rows, axis=0)
    return full
