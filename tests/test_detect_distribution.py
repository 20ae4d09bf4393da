"""The word for a distribution: its rules one by one, and on the layouts that phantoms are drawn by."""

import math

import numpy
import pytest

from mcfast.detect.features.distribution import distribution_word, principal_axes
from mcfast.phantom.distribution import distribute


def word(places):
    places = numpy.asarray(places, float)
    apart = places[:, None] - places[None]
    return distribution_word(places, float(numpy.hypot(apart[..., 0], apart[..., 1]).max()))


def ring(count, radius):
    angle = 2 * numpy.pi * numpy.arange(count) / count + 0.1
    return radius * numpy.column_stack([numpy.cos(angle), numpy.sin(angle)])


def test_five_within_a_centimetre_are_grouped() -> None:
    assert word(ring(5, 4.9)) == "grouped"
    assert word(ring(5, 5.0)) == "grouped"
    assert word(ring(5, 5.2)) == "undetermined"
    assert word(ring(4, 1.0)) == "undetermined"
    # No one of them has four others within 5 mm, but one circle holds all; others far away do not matter.
    assert word(numpy.concatenate([ring(5, 4.99), [(14.0, 0.0)]])) == "grouped"


def test_sizes() -> None:
    assert word(ring(40, 9.9)) == "grouped"
    assert word(ring(40, 10.2)) == "regional"
    assert word(ring(40, 24.9)) == "regional"
    assert word(ring(40, 25.5)) == "diffuse"
    assert word(ring(4, 30)) == "undetermined"


def test_lines() -> None:
    steps = numpy.arange(8.0)
    for slope in (0.0, 0.7, 50.0):
        assert word(numpy.column_stack([steps, slope * steps])) == "linear"
    assert word(numpy.column_stack([12 * steps, 0.2 * numpy.sin(5 * steps)])) == "linear"  # however long
    assert word([(0, 0), (1, 1), (2, 2)]) == "undetermined"  # three are too few, even on a line
    assert word([(0, 0), (0, 0), (0, 0), (0, 0), (0, 0)]) == "grouped"


def test_how_thin_a_line_is() -> None:
    """A cross of half axes a and b: the ratio of the axes decides for many, chance for few."""
    for count, ratio, expected in (
        (40, 0.32, "linear"),
        (40, 0.35, "grouped"),
        (4, 0.02, "linear"),
        (4, 0.1, "undetermined"),
    ):
        long = 4 * numpy.cos(numpy.pi * (numpy.arange(count) + 0.5) / count)
        across = numpy.where(numpy.arange(count) % 4 % 3 == 0, 1.0, -1.0)
        across *= ratio * long.std() / across.std()
        places = numpy.column_stack([long, across])
        major, minor = principal_axes(places)
        assert minor / major == pytest.approx(ratio, abs=0.01)
        assert word(places) == expected


def test_chance_lines_are_as_rare_as_said() -> None:
    """Of isotropic scatters at most one in a hundred is a line (fewer, as the ratio must hold too)."""
    rng = numpy.random.default_rng(5)
    for count in (4, 6, 12):
        lines = sum(word(rng.normal(0, 2, (count, 2))) == "linear" for _ in range(2000))
        assert lines <= 20 + 4 * math.sqrt(20)
        if count == 6:
            assert lines >= 4


def test_principal_axes() -> None:
    turned = numpy.array([(-3, -3), (3, 3), (-1, 1), (1, -1)], float)
    assert principal_axes(turned) == pytest.approx((3.0, 1.0))
    assert principal_axes(numpy.array([(7.0, 8.0)])) == (0.0, 0.0)


def test_layouts_of_phantoms() -> None:
    """Groups of phantoms, drawn 2 to 15 mm wide, are hardly ever regional or diffuse; other words need their size."""
    allowed = numpy.ones((2400, 1900), bool)
    lengths = {"grouped": [], "regional": [], "diffuse": []}
    for seed in range(30):
        placed = distribute(allowed, 3, 0, 0.1, numpy.random.default_rng(seed))
        for number in {cluster for _, _, cluster in placed}:
            members = 0.1 * numpy.array([one[:2] for one in placed if one[2] == number])
            found = word(members)
            if found in lengths:
                apart = members[:, None] - members[None]
                lengths[found].append(float(numpy.hypot(apart[..., 0], apart[..., 1]).max()))
    assert len(lengths["grouped"]) > 15
    assert max(lengths["grouped"]) <= 20 < min(lengths["regional"]) <= max(lengths["regional"]) <= 50
    assert min(lengths["diffuse"], default=51) > 50
