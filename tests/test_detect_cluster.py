"""Suppression, linkage, hulls and scores against brute force and analytic shapes."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mcfast.detect.cluster import best_place, cluster_score, hull, link, polygon_area
from mcfast.detect.suppression import suppress

places = st.integers(0, 40).flatmap(
    lambda count: arrays(numpy.int64, (count, 2), elements=st.integers(0, 30)).map(lambda array: array.astype(float))
)


def _suppress_by_hand(positions, scores, reach):
    kept = []
    for index in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if all(numpy.hypot(*(positions[index] - positions[other])) >= reach[other] for other in kept):
            kept.append(index)
    return kept


@given(places, st.integers(0, 8), st.integers(0, 2**31))
def test_suppress_equals_brute_force(positions, distance, seed) -> None:
    scores = numpy.random.default_rng(seed).integers(0, 5, len(positions)) / 4
    kept = suppress(positions, scores, float(distance))
    assert kept.tolist() == _suppress_by_hand(positions, scores, [distance] * len(positions))


@given(places, st.integers(0, 2**31))
def test_suppress_with_distances_equals_brute_force(positions, seed) -> None:
    rng = numpy.random.default_rng(seed)
    scores, reach = rng.random(len(positions)), rng.uniform(0, 9, len(positions))
    assert suppress(positions, scores, reach).tolist() == _suppress_by_hand(positions, scores, reach)


def test_suppress_keeps_spots_at_the_distance() -> None:
    assert suppress(numpy.array([[0, 0], [0, 4]]), numpy.array([1.0, 0.5]), 4.0).tolist() == [0, 1]
    assert suppress(numpy.array([[0, 0], [0, 3]]), numpy.array([1.0, 0.5]), 4.0).tolist() == [0]


def _components_by_hand(positions, distance):
    labels = list(range(len(positions)))
    for i in range(len(positions)):
        for j in range(i):
            if numpy.hypot(*(positions[i] - positions[j])) <= distance:
                old, new = max(labels[i], labels[j]), min(labels[i], labels[j])
                labels = [new if label == old else label for label in labels]
    return numpy.array(labels)


@given(places, st.integers(1, 8), st.integers(1, 4))
def test_link_equals_brute_force(positions, distance, least) -> None:
    labels = link(positions, distance, least)
    expected = _components_by_hand(positions, distance)
    assert len(labels) == len(positions)
    for i in range(len(positions)):
        size = (expected == expected[i]).sum()
        assert (labels[i] >= 0) == (size >= least)
        for j in range(i):
            if labels[i] >= 0:
                assert (labels[i] == labels[j]) == (expected[i] == expected[j])
    named = labels[labels >= 0]
    first = list(dict.fromkeys(named.tolist()))
    assert first == list(range(len(first)))


def test_hull_of_a_square_with_points_inside() -> None:
    rng = numpy.random.default_rng(0)
    corners = numpy.array([[0, 0], [0, 7], [5, 7], [5, 0]], float)
    points = numpy.concatenate([rng.uniform([0.1, 0.1], [4.9, 6.9], (50, 2)), corners, corners])
    outline = hull(points)
    assert {tuple(corner) for corner in outline} == {tuple(corner) for corner in corners}
    assert polygon_area(outline) == pytest.approx(35)


@given(places)
def test_hull_holds_every_point(positions) -> None:
    from scipy.spatial import ConvexHull, QhullError

    outline = hull(positions)
    for point in positions:
        for start, end in zip(outline, numpy.roll(outline, -1, axis=0), strict=True):
            a, b = end - start, point - start
            assert a[0] * b[1] - a[1] * b[0] >= -1e-9
    try:
        expected = ConvexHull(positions).volume
    except (QhullError, ValueError, IndexError):
        expected = 0.0  # fewer than three points, or all on one line
    assert polygon_area(outline) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "corners"),
    [
        ([(1, 2)], [(1, 2)]),
        ([(1, 2), (1, 2)], [(1, 2)]),
        ([(0, 0), (1, 1), (2, 2)], [(0, 0), (2, 2)]),
        ([(3, 0), (0, 0), (1, 0)], [(0, 0), (3, 0)]),
    ],
)
def test_hull_of_points_on_a_line(points, corners) -> None:
    assert [tuple(corner) for corner in hull(numpy.array(points))] == corners
    assert polygon_area(hull(numpy.array(points))) == 0


@pytest.mark.parametrize("count", [3, 6, 50])
def test_area_of_a_regular_polygon(count: int) -> None:
    angle = 2 * numpy.pi * numpy.arange(count) / count
    corners = numpy.column_stack([9 * numpy.sin(angle) + 100, 9 * numpy.cos(angle)])
    assert polygon_area(corners) == pytest.approx(count / 2 * 81 * numpy.sin(2 * numpy.pi / count))
    assert polygon_area(hull(corners)) == pytest.approx(polygon_area(corners))


def test_cluster_score_is_that_of_the_best_three() -> None:
    assert cluster_score([0.2, 0.9, 0.6, 0.3]) == pytest.approx(0.6)
    assert cluster_score([0.5]) == 0.5
    assert cluster_score([]) == 0.0


def _odds(score: float) -> float:
    return float(numpy.log(score / (1 - score)))


def test_best_place_by_hand() -> None:
    """Four of 0.8, 0.6, 0.4, 0.2 together; a brighter one alone, for whose company 0.001 stands thrice."""
    positions = numpy.array([[0, 0], [0, 10], [10, 0], [10, 10], [500, 500]], float)
    scores = numpy.array([0.8, 0.6, 0.4, 0.2, 0.99])
    together = numpy.mean([_odds(one) for one in scores[:4]])
    assert best_place(positions, scores, 20) == pytest.approx(1 / (1 + numpy.exp(-together)))
    alone = (_odds(0.99) + 3 * _odds(0.001)) / 4
    assert best_place(positions, scores, 1) == pytest.approx(1 / (1 + numpy.exp(-alone)))
    assert best_place(positions, scores, 10_000) > best_place(positions, scores, 20)
    assert best_place(positions[:0], scores[:0], 20) == 0
