"""From calcifications to clusters, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["best_place", "cluster_score", "hull", "link", "polygon_area"]

Points = NDArray[Any]


def link(positions: Points, distance: float, least: int) -> NDArray[numpy.int64]:
    """Clusters as connected components: spots at most `distance` apart belong together.

    Returns
    -------
    (N,) number of each spot's cluster, from 0 in the order of their first spots; -1 for spots in a component of fewer
    than `least`. O(N log N + pairs).
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    count = len(positions)
    if count == 0:
        return numpy.empty(0, numpy.int64)
    pairs = cKDTree(positions).query_pairs(distance, output_type="ndarray")
    graph = coo_matrix((numpy.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    large = numpy.bincount(labels)[labels] >= least
    result = numpy.full(count, -1, numpy.int64)
    _, first, inverse = numpy.unique(labels[large], return_index=True, return_inverse=True)
    result[large] = numpy.argsort(numpy.argsort(first))[inverse]
    return result


def hull(positions: Points) -> NDArray[numpy.float64]:
    """Corners of the convex hull, anticlockwise in (column, row up); (M, 2) rows and columns.

    Andrew's monotone chain (1979): exact for points on one line and for repeated points, where others fail.
    """
    points = numpy.unique(numpy.asarray(positions, numpy.float64), axis=0)
    if len(points) <= 2:
        return points

    def chain(ordered: Points) -> list[Any]:
        corners: list[Any] = []
        for point in ordered:
            while len(corners) >= 2 and _turn(corners[-2], corners[-1], point) <= 0:
                corners.pop()
            corners.append(point)
        return corners[:-1]

    return numpy.array(chain(points) + chain(points[::-1]))


def _turn(first: Points, second: Points, third: Points) -> float:
    a, b = second - first, third - first
    return float(a[0] * b[1] - a[1] * b[0])


def polygon_area(corners: Points) -> float:
    """Area of a simple polygon by the shoelace formula, in the square of its unit; 0 for fewer than 3 corners."""
    if len(corners) < 3:
        return 0.0
    rows, columns = numpy.asarray(corners, numpy.float64).T
    return float(abs(numpy.dot(rows, numpy.roll(columns, -1)) - numpy.dot(columns, numpy.roll(rows, -1))) / 2)


def cluster_score(scores: Sequence[float] | NDArray[Any]) -> float:
    """Mean of the three highest probabilities: three calcifications make a cluster, and the third is its proof."""
    best = numpy.sort(numpy.asarray(scores, numpy.float64))[::-1][:3]
    return float(best.mean()) if len(best) else 0.0


TOP, TOGETHER = 300, 4
FAINT = 1e-3  # what stands for a calcification that is not there


def best_place(positions: Points, scores: NDArray[Any], reach: float) -> float:
    """How likely some place of the image holds a cluster: the highest score of any spot's surroundings, 0 .. 1.

    That of one spot's is the mean log-odds, turned back into a probability, of the four highest scores within `reach`
    of it, its own included; where there are fewer, a score of 0.001 stands for each that is missing. So one bright spot
    alone says little, and four say much. Only the 300 highest scores are looked at. O(N + pairs).
    """
    from scipy.spatial import cKDTree

    if len(scores) == 0:
        return 0.0
    best = numpy.argsort(-scores, kind="stable")[:TOP]
    p = numpy.clip(numpy.asarray(scores, numpy.float64)[best], 1e-6, 1 - 1e-6)
    odds = numpy.log(p / (1 - p))
    missing = float(numpy.log(FAINT / (1 - FAINT)))
    near = cKDTree(positions[best]).query_ball_point(positions[best], reach)
    highest = max(
        float(numpy.r_[numpy.sort(odds[around])[::-1][:TOGETHER], [missing] * (TOGETHER - len(around))].mean())
        for around in near
    )
    return float(1 / (1 + numpy.exp(-highest)))
