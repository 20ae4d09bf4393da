import cv2
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import THREADS, images, make
from scipy import ndimage

import mcfast


@given(images(), st.sampled_from((0, 1, 2, 7, 30, 200)), THREADS)
def test_box_mean_equals_the_specification(image, radius, threads):
    result = mcfast.box_mean(image, radius, threads=threads)
    assert result.dtype == numpy.float32
    numpy.testing.assert_allclose(result, mcfast.box_mean(image, radius, backend="reference"), rtol=3e-7, atol=1e-9)


def test_box_mean_equals_opencv_inside():
    image = make(numpy.uint16, 240, 333, 3, 65536)
    expected = cv2.blur(image.astype(numpy.float64), (21, 21))
    numpy.testing.assert_allclose(mcfast.box_mean(image, 10)[10:-10, 10:-10], expected[10:-10, 10:-10], rtol=1e-6)


def test_box_mean_of_a_constant_is_exact():
    for value in (0, 1, 65535):
        image = numpy.full((301, 97), value, numpy.uint16)
        assert (mcfast.box_mean(image, 40) == value).all()


@given(images(), st.sampled_from((0.1, 0.5, 1.2, 3.4, 9.0)), THREADS)
def test_gaussian_blur_equals_the_specification(image, sigma, threads):
    result = mcfast.gaussian_blur(image, sigma, threads=threads)
    expected = mcfast.gaussian_blur(image, sigma, backend="reference")
    numpy.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5 * max(1e-30, float(image.max())))


def test_gaussian_blur_equals_scipy_inside():
    image = make(numpy.uint16, 150, 171, 4)
    expected = ndimage.gaussian_filter(image.astype(numpy.float64), 2.4, radius=10)
    numpy.testing.assert_allclose(mcfast.gaussian_blur(image, 2.4)[12:-12, 12:-12], expected[12:-12, 12:-12], rtol=1e-5)


@given(images())
def test_blurs_stay_within_the_range(image):
    low, high = float(image.min()), float(image.max())
    for result in (mcfast.box_mean(image, 3), mcfast.gaussian_blur(image, 1.0)):
        slack = 1e-5 * max(abs(low), abs(high), 1e-30)
        assert result.min() >= low - slack
        assert result.max() <= high + slack


def test_threads_do_not_change_a_bit():
    for dtype in (numpy.uint16, numpy.float32):
        image = make(dtype, 1000, 300, 5)
        for function, parameter in ((mcfast.box_mean, 30), (mcfast.gaussian_blur, 3.4)):
            one = function(image, parameter, threads=1)
            for threads in (2, 3, 7):
                numpy.testing.assert_array_equal(function(image, parameter, threads=threads), one)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: mcfast.box_mean(a, -1), ValueError, "box_mean(radius): expected 0 to 16384 pixels, got -1"),
        (
            lambda a: mcfast.box_mean(a.astype(numpy.int32), 1),
            TypeError,
            "box_mean(image): expected uint8, uint16 or float32",
        ),
        (lambda a: mcfast.box_mean(a, 1, out=a), TypeError, "box_mean(out): expected float32, got uint16"),
        (lambda a: mcfast.box_mean(_float(a), 1, out=_float(a)[:2]), ValueError, "box_mean(out): expected shape"),
        (
            lambda a: _in_place(_float(a)),
            ValueError,
            "box_mean(out): expected memory apart from the input, got an overlap; give another array",
        ),
        (
            lambda a: mcfast.box_mean(numpy.array([[1, numpy.nan, numpy.inf]], numpy.float32), 1),
            ValueError,
            "box_mean(image): expected finite values, got 2 NaN or infinite; use numpy.nan_to_num",
        ),
        (lambda a: mcfast.gaussian_blur(a, 0), ValueError, "gaussian_blur(sigma): expected 0.1 to 64 pixels, got 0"),
        (
            lambda a: mcfast.gaussian_blur(a, float("nan")),
            ValueError,
            "gaussian_blur(sigma): expected 0.1 to 64 pixels, got nan",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error) as raised:
        call(make(numpy.uint16, 6, 8, 0))
    assert message in str(raised.value)


def _float(image):
    return image.astype(numpy.float32)


def _in_place(image):
    return mcfast.box_mean(image, 1, out=image)
