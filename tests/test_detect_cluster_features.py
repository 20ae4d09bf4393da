"""Features of clusters on layouts whose numbers are known."""

import math
import pickle
from dataclasses import fields, replace

import numpy
import pytest

from mcfast.detect.features import CLUSTER_FEATURES, ClusterFeatures, cluster_features


def features(places, **options):
    count = len(places)
    return cluster_features(
        places, **({"diameters_mm": numpy.full(count, 0.3), "contrasts": numpy.full(count, 100.0)} | options)
    )


def grid(rows, columns, step):
    return step * numpy.stack(numpy.meshgrid(numpy.arange(rows), numpy.arange(columns)), -1).reshape(-1, 2)


def test_grid() -> None:
    found = features(grid(4, 6, 1.5))
    assert found.count == 24
    assert found.hull_area_mm2 == pytest.approx(4.5 * 7.5)
    assert found.density_per_cm2 == pytest.approx(24 / 0.3375)
    assert (found.nearest_mean_mm, found.nearest_min_mm, found.nearest_max_mm) == pytest.approx((1.5, 1.5, 1.5))
    assert found.nearest_deviation_mm == pytest.approx(0, abs=1e-9)
    assert found.length_mm == pytest.approx(math.hypot(4.5, 7.5))
    # Variance of n equal steps is (n^2 - 1) / 12.
    assert found.elongation == pytest.approx(1 - math.sqrt(15 / 35))
    assert found.distribution == "grouped"


def test_line() -> None:
    found = features([(0, 0), (1, 2), (2, 4), (3, 6), (6, 12)])
    assert found.hull_area_mm2 == pytest.approx(0, abs=1e-9)
    length = 6 * math.sqrt(5)
    assert found.length_mm == pytest.approx(length)
    assert found.density_per_cm2 == pytest.approx(5 / (length / 100))  # over a strip 1 mm wide
    assert found.elongation == pytest.approx(1)
    step = math.sqrt(5)
    assert found.nearest_mean_mm == pytest.approx(step * (4 + 3) / 5)
    assert found.nearest_deviation_mm == pytest.approx(step * numpy.std([1, 1, 1, 1, 3]))
    assert (found.nearest_min_mm, found.nearest_max_mm) == pytest.approx((step, 3 * step))
    assert found.distribution == "linear"


@pytest.mark.parametrize("count", [5, 8, 31])
def test_circle(count: int) -> None:
    angle = 2 * numpy.pi * numpy.arange(count) / count
    found = features(4 * numpy.column_stack([numpy.cos(angle), numpy.sin(angle)]) + 50)
    assert found.hull_area_mm2 == pytest.approx(count / 2 * 16 * math.sin(2 * math.pi / count))
    assert found.elongation == pytest.approx(0, abs=1e-6)
    chord = 8 * math.sin(math.pi / count)
    assert found.nearest_mean_mm == pytest.approx(chord)
    assert found.length_mm == pytest.approx(8 * math.sin(math.pi * (count // 2) / count))
    assert found.distribution == "grouped"


def test_pair() -> None:
    found = features([(1, 1), (4, 5)], diameters_mm=[0.2, 0.4], contrasts=[100, 300], eccentricities=[0.5, 0.9])
    assert (found.count, found.length_mm, found.elongation) == (2, 5, 1)
    assert found.density_per_cm2 == pytest.approx(2 / 0.05)
    assert found.nearest_mean_mm == pytest.approx(5)
    assert found.size_variation == pytest.approx(0.1 / 0.3)
    assert found.intensity_variation == pytest.approx(0.5)
    assert found.mean_eccentricity == pytest.approx(0.7)
    assert math.isnan(found.fractal_dimension)
    assert found.distribution == "undetermined"
    assert found.sentence() == "cluster of 2 calcifications, mean eccentricity 0.70, 5.0 mm long"


def test_single() -> None:
    found = features([(3, 4)], eccentricities=[0.333])
    assert (found.count, found.hull_area_mm2, found.length_mm) == (1, 0, 0)
    for name in ("density_per_cm2", "nearest_mean_mm", "nearest_deviation_mm", "nearest_min_mm", "nearest_max_mm"):
        assert math.isnan(getattr(found, name)), name
    for name in ("elongation", "size_variation", "intensity_variation", "fractal_dimension"):
        assert math.isnan(getattr(found, name)), name
    assert found.sentence() == "cluster of 1 calcification, mean eccentricity 0.33"


def test_repeated_places() -> None:
    found = features([(2, 2)] * 6)
    assert (found.hull_area_mm2, found.length_mm, found.nearest_max_mm) == (0, 0, 0)
    assert found.density_per_cm2 == pytest.approx(600)  # six on the least area, 1 mm2
    assert math.isnan(found.elongation)
    assert math.isnan(found.fractal_dimension)
    assert found.sentence() == "cluster of 6 calcifications, grouped"
    twice = grid(3, 3, 1.0).repeat(2, axis=0)
    assert features(twice).nearest_mean_mm == 0
    assert features(twice).fractal_dimension == pytest.approx(features(grid(3, 3, 1.0)).fractal_dimension)


def test_unknown_eccentricities_are_left_out() -> None:
    places = grid(2, 2, 1.0)
    assert features(places, eccentricities=[0.2, numpy.nan, 0.4, numpy.nan]).mean_eccentricity == pytest.approx(0.3)
    unknown = features(places, eccentricities=numpy.full(4, numpy.nan))
    assert math.isnan(unknown.mean_eccentricity)
    assert unknown.sentence() == "cluster of 4 calcifications, 1.4 mm long"


def test_sentence() -> None:
    places = [(0, 0), (0.2, 2), (0, 4.5), (-0.1, 7), (0.1, 9), (0, 12), (0.1, 14)]
    found = features(places, eccentricities=numpy.full(7, 0.85))
    assert found.sentence() == "cluster of 7 calcifications, mean eccentricity 0.85, linear, 14 mm long"


def test_every_feature_is_described() -> None:
    assert list(CLUSTER_FEATURES) == [one.name for one in fields(ClusterFeatures)]
    assert all(all(one) for one in CLUSTER_FEATURES.values())


def test_equal_where_both_are_not_defined() -> None:
    found = features([(0, 0), (1, 1)])
    assert math.isnan(found.fractal_dimension)
    again = pickle.loads(pickle.dumps(found))
    assert (again, hash(again)) == (found, hash(found))
    assert found != features([(0, 0), (1, 2)])
    assert found != replace(found, fractal_dimension=1.0)
    assert found != "cluster"


def test_mean_of_nothing_has_no_variation() -> None:
    assert math.isnan(features([(0, 0), (1, 1)], contrasts=[-1, 1]).intensity_variation)


@pytest.mark.parametrize(("seed", "turn"), [(1, 0.3), (2, 2.1), (3, -1.0)])
def test_moved_turned_and_shuffled(seed: int, turn: float) -> None:
    rng = numpy.random.default_rng(seed)
    places = rng.uniform(0, 12, (17, 2)) * (1, 0.5)
    matrix = numpy.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    first, second = features(places), features(rng.permutation(places) @ matrix + (70, -30))
    for name in first.__slots__:
        one, other = getattr(first, name), getattr(second, name)
        assert one == (other if isinstance(one, str) else pytest.approx(other, nan_ok=True)), name


def test_fractal_dimension_tells_a_line_from_a_scatter() -> None:
    rng = numpy.random.default_rng(0)
    line = numpy.column_stack([rng.uniform(0, 20, 400), numpy.zeros(400)])
    radius, angle = 10 * numpy.sqrt(rng.random(1500)), rng.uniform(0, 2 * numpy.pi, 1500)
    disk = numpy.column_stack([radius * numpy.cos(angle), radius * numpy.sin(angle)])
    # On a line of length 2 r0 pairs lie at r with density 1 - r / (2 r0): the estimate is 6/7 of one.
    assert features(line).fractal_dimension == pytest.approx(6 / 7, abs=0.06)
    assert features(disk).fractal_dimension == pytest.approx(1.62, abs=0.08)
    assert features(disk * 0.1).fractal_dimension == pytest.approx(features(disk).fractal_dimension)


@pytest.mark.parametrize(
    ("places", "options", "message"),
    [
        (numpy.zeros((0, 2)), {}, r"cluster_features\(places_mm\): expected \(N, 2\) with N >= 1, got shape \(0, 2\)"),
        (numpy.zeros(4), {}, r"cluster_features\(places_mm\): expected \(N, 2\)"),
        ([(0.0, numpy.nan)], {}, "expected finite millimetres, got NaN or infinity"),
        (
            [(0, 1)],
            {"diameters_mm": [1, 2]},
            r"\(diameters_mm\): expected \(1,\), one for each place, got shape \(2,\)",
        ),
        ([(0, 1)], {"contrasts": []}, r"cluster_features\(contrasts\): expected \(1,\)"),
        ([(0, 1)], {"eccentricities": [[1]]}, r"cluster_features\(eccentricities\): expected \(1,\)"),
    ],
)
def test_errors(places, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        features(places, **options)
