import cv2
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import THREADS, images, make

import mcfast

COUNTS = {numpy.dtype(numpy.uint8): 255, numpy.dtype(numpy.uint16): 4095, numpy.dtype(numpy.float32): 1.0}


@given(
    images(), st.sampled_from((1, 5, 11)), st.sampled_from((0, 3, 22)), st.sampled_from((0.0, 0.5, 0.9, 1.0)), THREADS
)
def test_equals_the_specification(image, size, radius, omega, threads):
    white = COUNTS[image.dtype]
    image = numpy.minimum(image, white).astype(image.dtype)
    options = {"size": size, "radius": radius, "omega": omega, "max_value": white}
    result = mcfast.dehaze(image, threads=threads, **options)
    expected = mcfast.dehaze(image, backend="reference", **options)
    assert result.dtype == image.dtype
    assert result.min() >= 0
    assert result.max() <= white
    # A transmission near t_min magnifies the last float32 bit of the filter; half a count decides rounding.
    difference = numpy.abs(result.astype(float) - expected.astype(float))
    assert difference.max() <= (1 if image.dtype.kind == "u" else 2e-5)
    assert (difference > 0).mean() < 0.01 or image.size < 200 or image.dtype.kind == "f"


def test_equals_the_same_composed_from_opencv_inside():
    image = make(numpy.uint16, 260, 240, 1)
    intensity = image.astype(numpy.float32) / 4095
    dark = cv2.erode(intensity, numpy.ones((11, 11), numpy.uint8))
    smooth = cv2.ximgproc.guidedFilter(intensity, dark, 22, 1e-3)
    expected = 1 + (intensity - 1) / numpy.maximum(1 - 0.9 * smooth, 0.1)
    inside = slice(50, -50), slice(50, -50)
    result = mcfast.dehaze(image, max_value=4095) / 4095
    numpy.testing.assert_allclose(result[inside], numpy.clip(expected, 0, 1)[inside], atol=3e-4)


def test_raises_the_contrast_of_a_bright_spot_in_dense_tissue():
    image = numpy.full((101, 101), 2800, numpy.uint16)
    image[50:53, 50:53] = 3000
    result = mcfast.dehaze(image, max_value=4095).astype(float)
    before, after = 200 / 2800, (result[51, 51] - result[20, 20]) / result[20, 20]
    assert after > 2 * before


def test_default_white_is_the_dtypes():
    for dtype, white in ((numpy.uint8, 255), (numpy.uint16, 65535), (numpy.float32, 1.0)):
        image = make(dtype, 40, 50, 2, 65536)
        numpy.testing.assert_array_equal(mcfast.dehaze(image), mcfast.dehaze(image, max_value=white))


def test_constant_images():
    for value in (0, 2000, 4095):
        image = numpy.full((70, 90), value, numpy.uint16)
        result = mcfast.dehaze(image, max_value=4095)
        assert result.min() == result.max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 4}, "dehaze(size): expected odd sides from 1 to 32767, got (4, 4)"),
        ({"radius": -1}, "dehaze(radius): expected 0 to 16384 pixels, got -1"),
        ({"omega": 1.5}, "dehaze(omega): expected 0 to 1, got 1.5"),
        ({"eps": -1.0}, "dehaze(eps): expected a finite number of at least 0, got -1"),
        ({"t_min": 0.0}, "dehaze(t_min): expected above 0, at most 1, got 0"),
        ({"max_value": 0.0}, "dehaze(max_value): expected above 0, at most 65535, got 0"),
        ({"max_value": 70000}, "dehaze(max_value): expected above 0, at most 65535, got 70000"),
        ({"max_value": float("nan")}, "dehaze(max_value): expected above 0, at most 65535, got nan"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError) as raised:
        mcfast.dehaze(make(numpy.uint16, 6, 8, 0), **options)
    assert str(raised.value) == message
