"""A thousand images through one stream, good and bad in a known order: nothing lost, nothing kept."""

import pathlib

import numpy
import pytest

import mcfast
from mcfast.errors import InputError

COUNT = 1000
PAGE = 4096


def _resident() -> int:
    """Bytes of memory that this process holds."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * PAGE


def _image(index: int) -> numpy.ndarray:
    """(64, 56) uint16, another one for each index; most are smooth, so that the thousand take seconds."""
    rows, columns = numpy.mgrid[:64, :56]
    image = 1500 + index + 8 * rows + 4 * columns
    noise = numpy.random.default_rng(index).normal(0, 30, (64, 56)) if index % 10 == 0 else 0
    return (image + noise).astype(numpy.uint16)


BAD = (
    lambda index: b"not an image" * index,
    lambda index: f"/nowhere/{index}.dcm",
    lambda index: numpy.full((64, 64), index % 4096, numpy.uint16),
    lambda index: numpy.full((64, 64), numpy.nan, numpy.float32),
    lambda index: numpy.zeros((0, index), numpy.uint16),
    lambda index: object(),
)


def _is_bad(index: int) -> bool:
    return index % 7 == 3


def _items():
    for index in range(COUNT):
        yield BAD[index // 7 % len(BAD)](index) if _is_bad(index) else _image(index)


@pytest.fixture(scope="module")
def engine():
    return mcfast.Engine(mcfast.Config(spacing_mm=0.1), threads=1)


def test_a_thousand_images(engine):
    """Every result belongs to its item, by the mean of its pixels; memory after 300 images is memory after 1,000."""
    resident = {}
    results = engine.stream(_items(), in_flight=4)
    for index, result in enumerate(results):
        if _is_bad(index):
            assert result.status == "failed", index
            assert result.failure is not None
            assert result.failure.message
        else:
            assert result.status != "failed", (index, result.failure)
            numpy.testing.assert_array_equal(result.mammogram.pixels, _image(index))
        if index in (300, COUNT - 1):
            resident[index] = _resident()
    assert index == COUNT - 1
    counted = results.counters()
    bad = sum(map(_is_bad, range(COUNT)))
    assert (counted.taken, counted.done, counted.failed, counted.held) == (COUNT, COUNT, bad, 0)
    assert counted.stages["read"].count == COUNT - bad
    assert {"window", "enhance", "classify", "load", "compute", "latency"} <= set(counted.stages)
    # One image and what the engine makes of it are 40 kB: 700 of them kept would be 28 MB.
    assert resident[COUNT - 1] - resident[300] < 10e6


def test_as_completed_loses_nothing_either(engine):
    images = [_image(index) for index in range(40)]
    items = [b"bad" if index % 5 == 0 else image for index, image in enumerate(images)]
    results = list(engine.stream(items, in_flight=5, ordered=False))
    seen = sorted(int(result.mammogram.pixels.sum()) for result in results if result.status != "failed")
    assert seen == sorted(int(image.sum()) for index, image in enumerate(images) if index % 5)
    assert sum(result.status == "failed" for result in results) == 8


def test_stopping_early_and_going_on(engine):
    """A stream given up in the middle harms neither the engine nor the next stream."""
    with engine.stream(_items(), in_flight=4) as results:
        for _ in range(5):
            next(results)
    (after,) = engine.stream([_image(5)])
    assert after.score == engine(_image(5)).score


def test_a_bad_item_raises_when_called_alone(engine):
    for make in BAD[:4]:
        with pytest.raises(InputError):
            engine(make(3))
