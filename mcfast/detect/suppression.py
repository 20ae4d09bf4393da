"""Non-maximum suppression: of scored spots that lie close together, only the best stays."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["suppress"]


def suppress(positions: NDArray[Any], scores: NDArray[Any], distance: float | NDArray[Any]) -> NDArray[numpy.int64]:
    """The best spots, none closer than `distance` to a better one that stays.

    Parameters
    ----------
    positions
        (N, 2) rows and columns.
    scores
        (N,); of equal scores the first wins.
    distance
        In the positions' unit; one number, or (N,) for how far each spot keeps lesser ones away.

    Returns
    -------
    Indices of the spots that stay, best first. O(N log N + pairs).
    """
    from scipy.spatial import cKDTree

    order = numpy.argsort(-scores, kind="stable")
    if len(order) < 2:
        return order.astype(numpy.int64)
    reach = numpy.nextafter(numpy.broadcast_to(numpy.asarray(distance, float), len(order))[order], -1)
    near = cKDTree(positions[order]).query_ball_point(positions[order], reach)
    alive = numpy.ones(len(order), bool)
    for rank, neighbours in enumerate(near):
        if alive[rank] and reach[rank] > 0:
            alive[[other for other in neighbours if other > rank]] = False
    kept: NDArray[numpy.int64] = order[alive].astype(numpy.int64)
    return kept
