"""Boxes: tiles that cover, regions around points that do not overlap, and their messages."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcfast.boxes import Box, regions_around, tiles


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 80), st.integers(1, 80), st.integers(1, 100))
def test_tiles_are_a_partition(row0, column0, rows, columns, side):
    box = Box(row0, column0, row0 + rows, column0 + columns)
    covered = numpy.zeros((140, 140), int)
    for piece in tiles(box, side):
        assert max(piece.shape) <= side
        assert min(piece.shape) >= 1
        covered[piece.slices] += 1
    expected = numpy.zeros_like(covered)
    expected[box.slices] = 1
    numpy.testing.assert_array_equal(covered, expected)


def test_regions_around_single_points():
    assert regions_around([(10, 20)], 3, (100, 100)) == [(7, 17, 14, 24)]
    assert regions_around([(10.4, 19.6)], (1, 2), (100, 100)) == [(9, 18, 12, 23)]
    assert regions_around([(0, 99)], 5, (100, 100)) == [(0, 94, 6, 100)]
    assert regions_around([], 5, (100, 100)) == []
    assert regions_around(numpy.zeros((0, 2)), 5, (100, 100)) == []


def test_overlapping_regions_are_joined_until_none_overlap():
    # The first two touch without sharing a pixel; the third joins both.
    assert regions_around([(10, 10), (10, 15)], 2, (50, 50)) == [(8, 8, 13, 13), (8, 13, 13, 18)]
    assert regions_around([(10, 10), (10, 15), (10, 12)], 2, (50, 50)) == [(8, 8, 13, 18)]
    # The box around the first and last of a diagonal chain holds a point that overlapped neither.
    assert regions_around([(30, 10), (5, 5), (9, 9), (13, 13), (17, 17)], 2, (50, 50)) == [
        (3, 3, 20, 20),
        (28, 8, 33, 13),
    ]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 79)), max_size=25), st.integers(0, 12))
def test_regions_hold_every_point_and_do_not_overlap(points, margin):
    boxes = regions_around(points, margin, (60, 80))
    covered = numpy.zeros((60, 80), int)
    for box in boxes:
        covered[box.slices] += 1
    assert covered.max(initial=0) <= 1
    for row, column in points:
        near = (slice(max(0, row - margin), row + margin + 1), slice(max(0, column - margin), column + margin + 1))
        assert (covered[near] == 1).all()
    assert boxes == sorted(boxes)
    assert boxes == regions_around(points[::-1], margin, (60, 80)), "the points' order does not matter"


@pytest.mark.parametrize(
    ("points", "margin", "message"),
    [
        ([1, 2, 3], 1, r"regions_around\(points\): expected \(N, 2\) rows and columns, got shape \(3,\)"),
        ([(1, 2)], -1, r"regions_around\(margin\): expected at least 0, got -1"),
        ([(1, 50)], 1, r"regions_around\(points\): expected points inside the image's \(50, 50\), got one outside"),
        ([(-1, 5)], 1, "got one outside"),
        ([(float("nan"), 5)], 1, "got one outside"),
    ],
)
def test_wrong_points_are_named(points, margin, message):
    with pytest.raises(ValueError, match=message):
        regions_around(points, margin, (50, 50))
