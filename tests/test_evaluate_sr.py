"""PSNR, binning and the interpolations that magnification is compared with, against OpenCV, Pillow and scikit-image."""

import math

import cv2
import numpy
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from mcfast.evaluate.sr import METHODS, bin2x2, compare, interpolate, psnr


def _image(shape, seed=0):
    return numpy.random.default_rng(seed).random(shape, numpy.float32)


def test_binning_is_opencvs_area_average():
    image = _image((40, 60))
    expected = cv2.resize(image, (30, 20), interpolation=cv2.INTER_AREA)
    numpy.testing.assert_allclose(bin2x2(image), expected, atol=1e-6)


def test_binning_rounds_integers_to_even_and_drops_an_odd_line():
    image = numpy.array([[0, 1, 9], [0, 1, 9], [1, 2, 9], [1, 2, 9], [9, 9, 9]], numpy.uint16)
    result = bin2x2(image)
    assert result.dtype == numpy.uint16
    numpy.testing.assert_array_equal(result, [[0], [2]])  # 0.5 and 1.5


@pytest.mark.parametrize(
    ("method", "peer", "margin"),
    [
        ("bicubic (OpenCV, a = -0.75)", lambda x: cv2.resize(x, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), 0),
        ("bicubic (Keys, a = -0.5)", lambda x: _pillow(x, Image.Resampling.BICUBIC), 4),
        ("Lanczos-3", lambda x: _pillow(x, Image.Resampling.LANCZOS), 6),  # Pillow drops outside pixels, we repeat
    ],
)
@pytest.mark.parametrize("shape", [(20, 31), (16, 16), (13, 40)])
def test_interpolations_are_those_of_the_libraries(method, peer, margin, shape):
    image = _image(shape)
    inner = slice(margin, -margin or None)
    result = interpolate(image, method)
    assert result.shape == (2 * shape[0], 2 * shape[1])
    numpy.testing.assert_allclose(result[inner, inner], peer(image)[inner, inner], atol=2e-6)


def _pillow(image, method):
    return numpy.asarray(Image.fromarray(image).resize((2 * image.shape[1], 2 * image.shape[0]), method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 2)])
def test_constants_stay_constant(method, shape):
    numpy.testing.assert_allclose(interpolate(numpy.full(shape, 7, numpy.uint16), method), 7, rtol=1e-6)


def test_unknown_interpolation_lists_names():
    with pytest.raises(ValueError, match=r"interpolate\(method\): expected one of bicubic .*, got 'spline'"):
        interpolate(_image((4, 4)), "spline")


def test_psnr_is_that_of_scikit_image_inside_the_border():
    truth, estimate = _image((30, 40)), _image((30, 40), 1)
    expected = peak_signal_noise_ratio(truth[2:-2, 2:-2], estimate[2:-2, 2:-2], data_range=3.0)
    assert psnr(truth, estimate, peak=3.0) == pytest.approx(expected, abs=1e-6)


def test_psnr_by_hand():
    truth = numpy.zeros((10, 10), numpy.uint16)
    estimate = truth.copy()
    assert psnr(truth, estimate, peak=4095) == math.inf
    estimate[0, 0] = 4095  # at the border: does not count
    assert psnr(truth, estimate, peak=4095) == math.inf
    estimate[5, 5] = 4095  # one of 36
    assert psnr(truth, estimate, peak=4095) == pytest.approx(10 * math.log10(36))
    mask = numpy.zeros((10, 10), bool)
    mask[4:7, 4:7] = True
    assert psnr(truth, estimate, peak=4095, mask=mask) == pytest.approx(10 * math.log10(9))


def test_unsigned_differences_do_not_wrap():
    truth, estimate = numpy.full((9, 9), 1, numpy.uint16), numpy.full((9, 9), 3, numpy.uint16)
    assert psnr(truth, estimate, peak=20) == pytest.approx(20.0)
    assert psnr(estimate, truth, peak=20) == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("truth", "estimate", "options", "message"),
    [
        ((9, 9), (9, 8), {"peak": 1}, r"psnr\(estimate, mask\): expected the truth's shape \(9, 9\), got \(9, 8\)"),
        ((9, 9), (9, 9), {"peak": 1, "mask": numpy.ones((8, 9), bool)}, "expected the truth's shape"),
        ((9, 9), (9, 9), {"peak": 0}, r"psnr\(peak\): expected a positive number, got 0"),
        ((4, 9), (4, 9), {"peak": 1}, r"psnr\(truth\): expected pixels inside the border and the mask, got none"),
        ((9, 9), (9, 9), {"peak": 1, "mask": numpy.zeros((9, 9), bool)}, "inside the border and the mask, got none"),
    ],
)
def test_wrong_arguments_are_named(truth, estimate, options, message):
    with pytest.raises(ValueError, match=message):
        psnr(numpy.zeros(truth), numpy.zeros(estimate), **options)


def test_compare_gives_every_method_its_own_number():
    image = numpy.rint(_image((41, 60)) * 4095).astype(numpy.uint16)
    mask = numpy.zeros(image.shape, bool)
    mask[10:30, 10:50] = True

    def nearest(small):
        return small.repeat(2, axis=0).repeat(2, axis=1)

    scores = compare(image, nearest, peak=4095, mask=mask, name="nearest")
    assert list(scores) == ["nearest", *METHODS]
    truth = image[:40]
    small = cv2.resize(truth, (30, 20), interpolation=cv2.INTER_AREA)
    for name, method in (("nearest", cv2.INTER_NEAREST), ("bicubic (OpenCV, a = -0.75)", cv2.INTER_CUBIC)):
        estimate = numpy.clip(cv2.resize(small, (60, 40), interpolation=method), 0, 4095)
        assert scores[name]["frame"] == pytest.approx(psnr(truth, estimate, peak=4095), abs=0.02)
        assert scores[name]["breast"] == pytest.approx(psnr(truth, estimate, peak=4095, mask=mask[:40]), abs=0.02)
    assert set(compare(image, nearest, peak=4095)["Lanczos-3"]) == {"frame"}
