import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import THREADS, images, make
from scipy import ndimage

import mcfast


@given(images(), st.sampled_from((0, 1, 3, 40)), st.sampled_from((-1.0, 0.0, 0.5, 1000.0)), st.booleans(), THREADS)
def test_equals_the_specification(image, radius, threshold, masked, threads):
    mask = numpy.random.default_rng(radius).random(image.shape) < 0.5 if masked else None
    positions, values = mcfast.local_maxima(image, radius, threshold=threshold, mask=mask, threads=threads)
    expected = mcfast.local_maxima(image, radius, threshold=threshold, mask=mask, backend="reference")
    assert positions.dtype == numpy.int32
    assert values.dtype == numpy.float32
    numpy.testing.assert_array_equal(positions, expected[0])
    numpy.testing.assert_array_equal(values, expected[1])


def test_equals_scipy_where_there_are_no_ties():
    image = numpy.random.default_rng(1).random((301, 207), numpy.float32)
    highest = ndimage.maximum_filter(image, 7, mode="constant", cval=-numpy.inf)
    expected = numpy.argwhere((image == highest) & (image > 0.9))
    numpy.testing.assert_array_equal(mcfast.local_maxima(image, 3, threshold=0.9)[0], expected)


def test_a_plateau_gives_one_maximum():
    image = numpy.zeros((40, 50), numpy.uint16)
    image[10:13, 20:23] = 9
    assert mcfast.local_maxima(image, 3, threshold=0)[0].tolist() == [[10, 20]]
    constant = numpy.full((40, 50), 5, numpy.uint16)
    assert mcfast.local_maxima(constant, 60, threshold=0)[0].tolist() == [[0, 0]]


def test_threads_do_not_change_the_order():
    image = make(numpy.uint16, 900, 500, 4, 50)
    one = mcfast.local_maxima(image, 2, threshold=10, threads=1)
    assert len(one[0]) > 1000
    for threads in (2, 5):
        for mine, other in zip(one, mcfast.local_maxima(image, 2, threshold=10, threads=threads), strict=True):
            numpy.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"radius": -1, "threshold": 0}, ValueError, "local_maxima(radius): expected 0 to 16384 pixels, got -1"),
        ({"radius": 1, "threshold": float("nan")}, ValueError, "local_maxima(threshold): expected a number, got NaN"),
        (
            {"radius": 1, "threshold": 0, "mask": numpy.ones((6, 8), numpy.uint8)},
            TypeError,
            "local_maxima(mask): expected bool, got uint8; cast it with mask.astype(bool)",
        ),
        (
            {"radius": 1, "threshold": 0, "mask": numpy.ones((6, 7), bool)},
            ValueError,
            "local_maxima(mask): expected the shape of the image, (6, 8), got (6, 7)",
        ),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error) as raised:
        mcfast.local_maxima(make(numpy.uint16, 6, 8, 0), **options)
    assert message in str(raised.value)


def test_a_mask_of_other_bytes_than_0_and_1():
    image = make(numpy.uint16, 9, 9, 1)
    mask = numpy.full(image.shape, 2, numpy.uint8).view(bool)
    expected, _ = mcfast.local_maxima(image, 1, threshold=0)
    numpy.testing.assert_array_equal(mcfast.local_maxima(image, 1, threshold=0, mask=mask)[0], expected)
