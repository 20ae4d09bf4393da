"""What of an image is magnified."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from mcfast.boxes import Box, regions_around
from mcfast.config import Config
from mcfast.result import Calcification

__all__ = ["boxes_to_magnify"]


def boxes_to_magnify(
    config: Config,
    mask: NDArray[numpy.bool_],
    calcifications: Sequence[Calcification],
    spacing_mm: tuple[float, float],
) -> list[Box]:
    """Around the clustered calcifications, around single ones if there are no clusters; or around the breast.

    `mask` is the breast, (H, W) of the image; boxes are in the order of the clusters' ids.
    """
    if config.magnify == "none" or not mask.any():
        return []
    if config.magnify == "breast":
        rows, columns = numpy.flatnonzero(mask.any(axis=1)), numpy.flatnonzero(mask.any(axis=0))
        return [Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)]
    chosen = [one for one in calcifications if one.cluster is not None] or list(calcifications)
    if not chosen:
        return []
    margin = (round(config.margin_mm / spacing_mm[0]), round(config.margin_mm / spacing_mm[1]))
    boxes = regions_around(numpy.array([(one.row, one.col) for one in chosen]), margin, (mask.shape[0], mask.shape[1]))
    return sorted(boxes, key=lambda box: min(_rank(one) for one in chosen if _holds(box, one)))


def _rank(one: Calcification) -> tuple[float, float]:
    """Clusters in the order of their ids, then single calcifications by their scores."""
    return (float("inf") if one.cluster is None else one.cluster, -one.score)


def _holds(box: Box, one: Calcification) -> bool:
    return box.row0 <= round(one.row) < box.row1 and box.column0 <= round(one.col) < box.column1
