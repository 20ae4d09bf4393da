import cv2
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import THREADS, images, make

import mcfast

COUNTS = {numpy.dtype(numpy.uint8): 255, numpy.dtype(numpy.uint16): 65535, numpy.dtype(numpy.float32): 1}


@given(images(), st.sampled_from((0, 1, 4, 16, 60)), st.sampled_from((1e-6, 1e-3, 1.0)), THREADS)
def test_self_guided_equals_the_specification(image, radius, eps, threads):
    white = COUNTS[image.dtype]
    result = mcfast.guided_filter(image, radius, eps * white**2, threads=threads)
    expected = mcfast.guided_filter(image, radius, eps * white**2, backend="reference")
    numpy.testing.assert_allclose(result, expected, atol=4e-7 * white, rtol=0)


@given(images(), st.sampled_from((0, 1, 9, 25)), st.sampled_from((1e-4, 1e-2)), THREADS)
def test_guide_apart_from_source_equals_the_specification(image, radius, eps, threads):
    white = COUNTS[image.dtype]
    source = mcfast.min_filter(image, 3)
    result = mcfast.guided_filter(source, radius, eps * white**2, guide=image, threads=threads)
    expected = mcfast.guided_filter(source, radius, eps * white**2, guide=image, backend="reference")
    numpy.testing.assert_allclose(result, expected, atol=1e-6 * white, rtol=0)


def test_twelve_bit_error_is_below_the_stated_bound():
    image = make(numpy.uint16, 500, 400, 1)
    expected = _float64_guided(image, 16, 25.0)
    assert numpy.abs(mcfast.guided_filter(image, 16, 25.0) - expected).max() <= 1.5e-4


def test_flat_bright_areas_give_no_nan():
    image = (60000 + make(numpy.uint16, 300, 300, 2, 3)).astype(numpy.uint16)
    for value in (image, image.astype(numpy.float32)):
        result = mcfast.guided_filter(value, 16, 4.0)
        assert numpy.isfinite(result).all()
        assert numpy.abs(result - mcfast.guided_filter(value, 16, 4.0, backend="reference")).max() < 0.01
    constant = numpy.full((50, 60), 65535, numpy.uint16)
    assert (mcfast.guided_filter(constant, 5, 0.0) == 65535).all()


def test_equals_opencv_inside():
    image = make(numpy.uint16, 200, 230, 3).astype(numpy.float32) / 4096
    expected = cv2.ximgproc.guidedFilter(image, image, 4, 1e-2)
    inside = slice(10, -10), slice(10, -10)
    # OpenCV computes its moments in float32; that is the whole difference.
    numpy.testing.assert_allclose(mcfast.guided_filter(image, 4, 1e-2)[inside], expected[inside], atol=5e-5)


def test_subsample_is_close_and_specified():
    rows, columns = numpy.mgrid[:203, :311]
    image = (2000 + 1500 * numpy.sin(rows / 40) * numpy.cos(columns / 50)).astype(numpy.uint16)
    exact = mcfast.guided_filter(image, 16, 400.0)
    fast = mcfast.guided_filter(image, 16, 400.0, subsample=4)
    expected = mcfast.guided_filter(image, 16, 400.0, subsample=4, backend="reference")
    numpy.testing.assert_allclose(fast, expected, atol=0.05)
    assert numpy.abs(fast - exact).max() < 0.02 * 4096


def test_threads_do_not_change_a_bit():
    for dtype in (numpy.uint16, numpy.float32):
        image = make(dtype, 900, 211, 5)
        one = mcfast.guided_filter(image, 9, 1e-3, threads=1)
        for threads in (2, 5):
            numpy.testing.assert_array_equal(mcfast.guided_filter(image, 9, 1e-3, threads=threads), one)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda a: mcfast.guided_filter(a, 1, 0.0, subsample=2),
            ValueError,
            "guided_filter(eps): expected above 0 together with subsample > 1, got 0",
        ),
        (
            lambda a: mcfast.guided_filter(a, -1, 1.0),
            ValueError,
            "guided_filter(radius): expected 0 to 16384 pixels, got -1",
        ),
        (
            lambda a: mcfast.guided_filter(a, 1, -1.0),
            ValueError,
            "guided_filter(eps): expected a finite number of at least 0, got -1",
        ),
        (
            lambda a: mcfast.guided_filter(a, 1, float("inf")),
            ValueError,
            "guided_filter(eps): expected a finite number",
        ),
        (
            lambda a: mcfast.guided_filter(a, 1, 1.0, guide=a.astype(numpy.uint8)),
            TypeError,
            "guided_filter(guide): expected the dtype of src, uint16, got uint8",
        ),
        (
            lambda a: mcfast.guided_filter(a, 1, 1.0, guide=a[:3]),
            ValueError,
            "guided_filter(guide): expected the shape of src, (6, 8), got (3, 8)",
        ),
        (
            lambda a: mcfast.guided_filter(a, 1, 1.0, subsample=0),
            ValueError,
            "guided_filter(subsample): expected 1 to 64, got 0",
        ),
        (
            lambda a: mcfast.guided_filter(numpy.full((3, 3), numpy.nan, numpy.float32), 1, 1.0),
            ValueError,
            "guided_filter(src): expected finite values, got 9 NaN or infinite",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error) as raised:
        call(make(numpy.uint16, 6, 8, 0))
    assert message in str(raised.value)


def _float64_guided(image, radius, eps):
    """Clipped-window guided filter from OpenCV's float64 box sums: independent of the specification."""
    values = image.astype(numpy.float64)
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(plane):
        total = cv2.boxFilter(plane, cv2.CV_64F, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
        return total / cv2.boxFilter(
            numpy.ones_like(plane), cv2.CV_64F, side, normalize=False, borderType=cv2.BORDER_CONSTANT
        )

    average = mean(values)
    variance = mean(values * values) - average**2
    a = variance / (variance + eps)
    return mean(a) * values + mean(average * (1 - a))


def test_a_radius_far_larger_than_the_image_needs_little_memory():
    image = make(numpy.uint16, 3, 100_000, 1)
    expected = mcfast.guided_filter(image, 16384, 1.0, backend="reference")
    numpy.testing.assert_allclose(mcfast.guided_filter(image, 16384, 1.0), expected, atol=1e-3)


def test_an_overflowing_slope_spreads_no_nan():
    random = numpy.random.default_rng(1)
    guide = (random.random((40, 50)) * 1e-25).astype(numpy.float32)
    source = (random.random((40, 50)) * 1e20).astype(numpy.float32)
    assert numpy.isfinite(mcfast.guided_filter(source, 2, 0.0, guide=guide)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": -5}, "guided_filter(radius): expected 0 to 16384"),
        ({"guide": numpy.zeros((7, 9), numpy.uint16)}, "guided_filter(guide): expected the shape of src"),
        ({"guide": numpy.zeros((8, 9), numpy.uint8)}, "guided_filter(guide): expected the dtype of src"),
        ({"out": numpy.zeros((8, 9))}, "guided_filter(out): expected float32, got float64"),
        ({"out": numpy.zeros((3, 9), numpy.float32)}, "guided_filter(out): expected shape (8, 9)"),
    ],
)
def test_subsampled_arguments_are_checked_too(options, message):
    with pytest.raises((TypeError, ValueError)) as raised:
        mcfast.guided_filter(make(numpy.uint16, 8, 9, 1), **{"radius": 2, "eps": 1.0, "subsample": 2} | options)
    assert message in str(raised.value)


def test_subsampled_broadcast_rows():
    image = numpy.broadcast_to(make(numpy.uint16, 1, 9, 1), (8, 9))
    expected = mcfast.guided_filter(image.copy(), 2, 1.0, subsample=2)
    numpy.testing.assert_array_equal(mcfast.guided_filter(image, 2, 1.0, subsample=2), expected)
