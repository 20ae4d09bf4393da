"""FROC against cases worked out by hand."""

import numpy
import pytest

from mcfast.evaluate.froc import match, sensitivity_at


def test_nearest_free_calcification_is_hit() -> None:
    truth = numpy.array([[0.0, 0.0], [0.0, 4.0]])
    marks = numpy.array([[0.0, 1.0], [0.0, 1.5], [0.0, 20.0]])
    got = match(marks, numpy.array([0.9, 0.8, 0.7]), truth, 5)
    assert got.found.tolist() == [0.9, 0.8]
    assert got.hits.tolist() == [0.9, 0.8]
    assert got.false.tolist() == [0.7]
    assert got.total == 2


def test_second_mark_is_neutral() -> None:
    got = match(numpy.array([[0, 0], [0, 1]]), numpy.array([0.4, 0.6]), numpy.array([[0, 0.5]]), 2)
    assert got.hits.tolist() == [0.6]
    assert got.false.tolist() == []


def test_radius_is_inclusive_and_may_differ() -> None:
    truth = numpy.array([[0, 0], [10, 0]])
    marks = numpy.array([[0, 2], [10, 2]])
    assert match(marks, numpy.array([1.0, 1.0]), truth, 2).hits.tolist() == [1, 1]
    got = match(marks, numpy.array([1.0, 1.0]), truth, numpy.array([1, 2]))
    assert numpy.isnan(got.found[0])
    assert got.false.tolist() == [1]


def test_no_marks_no_truth() -> None:
    got = match(numpy.empty((0, 2)), numpy.empty(0), numpy.array([[1, 1]]), 1)
    assert (len(got.hits), len(got.false), got.total) == (0, 0, 1)
    got = match(numpy.array([[1, 1]]), numpy.array([0.3]), numpy.empty((0, 2)), 1)
    assert (len(got.hits), got.false.tolist(), got.total) == (0, [0.3], 0)
    with pytest.raises(ValueError, match=r"sensitivity_at\(images\): expected at least one calcification, got none"):
        sensitivity_at([got], [1])


def test_sensitivity_by_hand() -> None:
    """Two images; hits 0.9, 0.5, 0.2 of 4 calcifications; false 0.8, 0.6, 0.3, 0.1."""
    truth = numpy.array([[0, 0], [0, 100]])
    first = match(numpy.array([[0, 0], [50, 0], [0, 100], [50, 50]]), numpy.array([0.9, 0.8, 0.2, 0.1]), truth, 1)
    second = match(numpy.array([[0, 0], [50, 0], [50, 50]]), numpy.array([0.5, 0.6, 0.3]), truth, 1)
    # 0 allowed: only scores above 0.8. 1 in all: above 0.6. 2: above 0.3. 3: above 0.1. 4: everything.
    assert sensitivity_at([first, second], [0, 0.5, 1, 1.5, 2]) == [0.25, 0.25, 0.5, 0.75, 0.75]


def test_ties_do_not_help() -> None:
    """A hit that scores like the false mark that is too many does not count."""
    got = match(numpy.array([[0, 0], [50, 0]]), numpy.array([0.5, 0.5]), numpy.array([[0, 0]]), 1)
    assert sensitivity_at([got], [0, 1]) == [0.0, 1.0]
