import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import THREADS, images, make

import mcfast


@given(images(dtypes=(numpy.uint8, numpy.uint16)), st.sampled_from((1, 2, 255, 256, 4096, 65536)), THREADS)
def test_equals_numpy_take(image, entries, threads):
    table = numpy.random.default_rng(entries).integers(0, 65536, entries).astype(numpy.uint16)
    expected = numpy.take(table, image, mode="clip")
    numpy.testing.assert_array_equal(mcfast.lookup(image, table, threads=threads), expected)
    numpy.testing.assert_array_equal(mcfast.lookup(image, table, backend="reference"), expected)


def test_in_place():
    image = make(numpy.uint16, 300, 400, 1)
    table = numpy.arange(4096, dtype=numpy.uint16)[::-1].copy()
    expected = 4095 - image
    assert mcfast.lookup(image, table, out=image) is image
    numpy.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(
    ("image", "table", "error", "message"),
    [
        (
            numpy.ones((2, 2), numpy.float32),
            numpy.ones(2, numpy.uint16),
            TypeError,
            "lookup(image): expected uint8 or uint16, got float32; cast it with image.astype(numpy.uint16)",
        ),
        (
            numpy.ones((2, 2), numpy.uint8),
            numpy.ones(2, numpy.uint8),
            TypeError,
            "lookup(table): expected uint16, got uint8",
        ),
        (
            numpy.ones((2, 2), numpy.uint8),
            numpy.ones(0, numpy.uint16),
            ValueError,
            "lookup(table): expected a contiguous 1-D array of 1 to 65536 entries, got shape (0,)",
        ),
        (numpy.ones((2, 2), numpy.uint8), numpy.ones((2, 2), numpy.uint16), ValueError, "got shape (2, 2)"),
    ],
)
def test_errors(image, table, error, message):
    with pytest.raises(error) as raised:
        mcfast.lookup(image, table)
    assert message in str(raised.value)
