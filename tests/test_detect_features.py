"""Measured features on disks of known place, size and contrast."""

import numpy
import pytest

from mcfast.detect.features import measure


def _disk(shape, row, column, radius, height, fine=8):
    """A disk drawn by its share of each pixel."""
    offset = (numpy.arange(fine) + 0.5) / fine - 0.5
    down = (numpy.arange(shape[0])[:, None] + offset).ravel() - row
    along = (numpy.arange(shape[1])[:, None] + offset).ravel() - column
    inside = (down[:, None] ** 2 + along[None, :] ** 2 <= radius**2).astype(float)
    return height * inside.reshape(shape[0], fine, shape[1], fine).mean(axis=(1, 3))


@pytest.mark.parametrize("radius", [1.5, 2.5, 4.0, 6.0])
@pytest.mark.parametrize("place", [(40, 50), (40.4, 49.7), (39.5, 50.5)])
def test_disk(radius: float, place: tuple[float, float]) -> None:
    image = 500 + _disk((81, 101), *place, radius, 1000)
    found = measure(image.astype(numpy.float32), numpy.array([[40, 50]], numpy.int32), 0.1)
    assert found.contrast[0] == pytest.approx(1000, rel=0.01)
    assert found.diameter_mm[0] == pytest.approx(0.2 * radius, abs=0.08)
    assert found.rows[0] == pytest.approx(place[0], abs=0.25)
    assert found.columns[0] == pytest.approx(place[1], abs=0.25)


def test_spacing_scales_the_diameter() -> None:
    image = _disk((101, 101), 50, 50, 4.0, 800).astype(numpy.uint16)
    for spacing in (0.05, 0.1):
        found = measure(image, numpy.array([[50, 50]], numpy.int32), spacing)
        assert found.diameter_mm[0] == pytest.approx(8 * spacing, rel=0.08)


def test_many_at_once_are_each_alone() -> None:
    rng = numpy.random.default_rng(3)
    image = rng.integers(0, 4096, (90, 70), dtype=numpy.uint16)
    places = numpy.column_stack([rng.integers(0, 90, 25), rng.integers(0, 70, 25)]).astype(numpy.int32)
    together = measure(image, places, 0.1)
    for index, place in enumerate(places):
        alone = measure(image, place[None], 0.1)
        for name in ("rows", "columns", "diameter_mm", "contrast"):
            assert getattr(together, name)[index] == pytest.approx(getattr(alone, name)[0])


def test_neighbour_is_not_measured_with_it() -> None:
    image = 300 + _disk((81, 101), 40, 50, 2.0, 1000) + _disk((81, 101), 40, 57, 2.0, 1000)
    found = measure(image.astype(numpy.float32), numpy.array([[40, 50]], numpy.int32), 0.1)
    assert found.diameter_mm[0] == pytest.approx(0.4, abs=0.06)
    assert found.columns[0] == pytest.approx(50, abs=0.1)


@pytest.mark.parametrize("corner", [(0, 0), (0, 60), (40, 0), (40, 60), (0, 30)])
def test_at_the_border(corner: tuple[int, int]) -> None:
    image = numpy.full((41, 61), 200, numpy.uint16)
    image[corner] = 900
    found = measure(image, numpy.array([corner], numpy.int32), 0.1)
    assert (found.rows[0], found.columns[0]) == pytest.approx(corner)
    assert found.contrast[0] == 700
    assert found.diameter_mm[0] == pytest.approx(0.1 * 2 / numpy.pi**0.5)


def test_image_smaller_than_the_ring() -> None:
    image = numpy.full((5, 5), 10, numpy.uint8)
    image[2, 2] = 30
    found = measure(image, numpy.array([[2, 2]], numpy.int32), 0.1)
    assert found.contrast[0] == 20


def test_none() -> None:
    found = measure(numpy.zeros((9, 9), numpy.uint16), numpy.empty((0, 2), numpy.int32), 0.1)
    assert len(found.rows) == len(found.columns) == len(found.diameter_mm) == len(found.contrast) == 0
