import cv2
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import THREADS, images, make

import mcfast

SCALES = st.sampled_from((1 / 64, 0.1, 0.35, 0.5, 0.7, 0.9999, 1.0, 1.3, 2.0, 2.7))


@given(images(), SCALES, SCALES, THREADS)
def test_equals_the_specification(image, down, along, threads):
    result = mcfast.resample(image, (down, along), threads=threads)
    expected = mcfast.resample(image, (down, along), backend="reference")
    assert result.shape == expected.shape
    assert result.dtype == image.dtype
    tolerance = 1 if image.dtype.kind == "u" else 1e-5
    assert numpy.abs(result.astype(float) - expected.astype(float)).max() <= tolerance
    assert result.min() >= image.min() - 1e-6
    assert result.max() <= image.max() + 1e-6


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_equals_opencv_area(factor):
    image = make(numpy.uint16, 30 * factor, 41 * factor, 1)
    expected = cv2.resize(image, (41, 30), interpolation=cv2.INTER_AREA)
    assert numpy.abs(mcfast.resample(image, 1 / factor).astype(int) - expected).max() <= 1


def test_equals_opencv_linear_when_it_grows():
    image = make(numpy.float32, 33, 47, 2)
    expected = cv2.resize(image, (94, 66), interpolation=cv2.INTER_LINEAR)
    numpy.testing.assert_allclose(mcfast.resample(image, 2.0), expected, atol=1e-6)


def test_keeps_positions():
    """A ramp stays the same ramp of millimetres, to the error of averaging its pixels, whatever the size's rounding."""
    ramp = numpy.tile(numpy.arange(333, dtype=numpy.float32), (50, 1))
    for scale in (0.7, 0.37, 1.9):
        result = mcfast.resample(ramp, scale)
        expected = (numpy.arange(result.shape[1]) + 0.5) / scale - 0.5
        numpy.testing.assert_allclose(result[3, 3:-3], expected[3:-3], atol=0.13)
        assert abs(numpy.mean(result[3, 3:-3] - expected[3:-3])) < 0.01


def test_scale_one_is_the_identity():
    for dtype in (numpy.uint8, numpy.uint16, numpy.float32):
        image = make(dtype, 37, 53, 3)
        numpy.testing.assert_array_equal(mcfast.resample(image, 1.0), image)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: mcfast.resample(a, 0), "resample(scale): expected 1/64 to 64, got 0"),
        (lambda a: mcfast.resample(a, float("inf")), "resample(scale): expected 1/64 to 64, got inf"),
        (lambda a: mcfast.resample(a, 0.5, out=a), "resample(out): expected shape (3, 4), got (6, 8)"),
        (
            lambda a: mcfast.resample(a, 1.0, out=a),
            "resample(out): expected memory apart from the input, got an overlap; give another array",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError) as raised:
        call(make(numpy.uint16, 6, 8, 0))
    assert str(raised.value) == message
