"""The closer look at fat nearly as dark as air, and at crops, on the emulated GPU: the bits of the CPU's mask."""

import numpy
import pytest
from scipy import ndimage

from mcfast.backends.gpu import mask
from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.views import view_of
from mcfast.coarse_grid import CoarseGrid
from mcfast.detect import breast_mask
from mcfast.detect import mask as on_host
from mcfast.ops import resample
from mcfast.phantom import mammogram

OWN = {"sure_pixels", "doubtful_pixels", "doubtful_gradient", "texture_medians", "whole_mask"}


def exported(seed, black, gamma, shape=(1101, 803)):
    """A phantom through a hard window or a steep curve, of 8 bits, as other vendors export it."""
    drawn = mammogram(seed, shape=shape, spacing_mm=0.1)
    share = numpy.clip((drawn.image / 4095 - black) / (0.9 - black), 0, 1) ** gamma
    return numpy.rint(255 * share).astype(numpy.uint8)


def film(seed, air):
    """A phantom over an air of its own level and noise, left of the scanner's black."""
    drawn = mammogram(seed, shape=(1101, 803), spacing_mm=0.1)
    noisy = drawn.image * 0.8 + numpy.random.default_rng(seed).normal(air, 15, drawn.image.shape)
    noisy[:, 700:] = 0
    return numpy.clip(noisy, 0, 4095).astype(numpy.uint16)


@pytest.mark.parametrize(("black", "gamma"), [(0.1, 1.0), (0.14, 1.0), (0.0, 2.0), (0.0, 3.0)])
@pytest.mark.parametrize("seed", [31, 37])
def test_fat_as_dark_as_air(emulated, seed, black, gamma):
    image = exported(seed, black, gamma)
    expected = breast_mask(image, 0.1, max_value=255)
    numpy.testing.assert_array_equal(emulated.run("breast_mask", image, 0.1, max_value=255), expected)
    if gamma == 3:  # here the closer look decides
        assert (expected != breast_mask(image, 0.1, max_value=255, thorough=False)).any()


@pytest.mark.parametrize("air", [60, 150, 400])
def test_air_of_film_is_smooth(emulated, air):
    image = film(33, air)
    expected = breast_mask(image, 0.1, max_value=4095)
    numpy.testing.assert_array_equal(emulated.run("breast_mask", image, 0.1, max_value=4095), expected)


@pytest.mark.parametrize("shape", [(60, 60), (43, 700), (149, 200), (150, 150)])
def test_crops(emulated, shape):
    image = numpy.ascontiguousarray(mammogram(31, shape=(701, 503), spacing_mm=0.1).image[200:, :][: shape[0], :])
    image = numpy.resize(image, shape)
    valid = numpy.ones(shape, bool)
    valid[:, :7] = False
    for options in ({}, {"valid": valid}):
        result = emulated.run("breast_mask", image, 0.1, max_value=4095, **options)
        numpy.testing.assert_array_equal(result, breast_mask(image, 0.1, max_value=4095, **options))
        if min(shape) < 150:
            assert result.sum() == (valid.sum() if options else valid.size)
    flat = numpy.full(shape, 900, numpy.uint16)
    assert not emulated.run("breast_mask", flat, 0.1, max_value=4095).any()
    out = numpy.zeros((shape[0], shape[1] + 9), bool)[:, 4:-5]
    assert emulated.run("breast_mask", image, 0.1, max_value=4095, out=out) is out
    numpy.testing.assert_array_equal(out, breast_mask(image, 0.1, max_value=4095))


@pytest.mark.parametrize("seed", range(10))
def test_blobs_between_the_levels(emulated, seed):
    """Coarse pixels of noise: doubt of every extent, far from what is sure and next to it, at the border, none."""
    rng = numpy.random.default_rng(seed)
    shape = [(33, 35), (64, 31), (90, 131), (23, 300), (120, 150)][seed % 5]
    bright = ndimage.gaussian_filter(rng.normal(size=shape), 5)
    dark = ndimage.gaussian_filter(rng.normal(size=shape), (0.6, 2.0)[seed % 2])
    dark = (dark - dark.min()) / numpy.ptp(dark)
    image = numpy.where(bright > numpy.quantile(bright, 0.8), 3000 + 900 * dark, 420 * dark * (dark > 0.3))
    image = image.astype(numpy.uint16)
    valid = rng.random(shape) < 0.97 if seed % 2 else None
    options = {} if valid is None else {"valid": valid}
    expected = breast_mask(image, 0.8, max_value=4095, **options)
    numpy.testing.assert_array_equal(emulated.run("breast_mask", image, 0.8, max_value=4095, **options), expected)


def limits_of(emulated, image, spacing_mm, white):
    """What the device finds before it decides: the levels, and what it measured between them."""
    with Call(emulated, 0, image) as call:
        coarse = mask._Coarse(call, view_of(image.__array_interface__, image), CoarseGrid(spacing_mm).factor)
        coarse.average(view_of(image.__array_interface__, image), None, white)
        limits = coarse.limits(thorough=True)
        return call.read(limits), call.read(coarse.texture(limits))


def test_what_is_measured_between_the_levels(emulated):
    """Step by step, with what mcfast/detect/mask.py computes of the same coarse image by SciPy and NumPy."""
    image = exported(37, 0.0, 3.0)
    levels, texture = limits_of(emulated, image, 0.1, 255)
    coarse = resample(image, 1 / 8).astype(numpy.float32) / numpy.float32(255)
    assert levels[0] == on_host._air_limit(coarse) > levels[1] == on_host._black_limit(coarse)
    doubtful = (coarse > levels[1]) & (coarse <= levels[0])
    sure = on_host._largest(ndimage.binary_opening(coarse > levels[0], iterations=3))
    beyond = ndimage.binary_erosion(doubtful & ~ndimage.binary_dilation(sure, iterations=4))
    gradient = ndimage.gaussian_gradient_magnitude(coarse, 1.0)
    black = coarse[coarse <= levels[1]]
    assert texture.tolist() == [numpy.median(black), numpy.median(gradient[beyond]), numpy.median(coarse[beyond]), 1]
    assert on_host._breast_limit(coarse, on_host._air_limit(coarse)) == levels[1], "it has structure"


def test_what_lies_next_to_the_breast_is_enough_where_there_is_no_more(emulated):
    """A dark rim, too narrow to keep four coarse pixels away from the breast."""
    y, x = numpy.mgrid[:60, :34]
    distance = numpy.hypot(y - 30, x)
    image = numpy.where(distance < 24, 3000.0, numpy.where(distance < 28, 80 + 70 * ((x + 2 * y) % 5), 0))
    image = image.astype(numpy.uint16)
    levels, texture = limits_of(emulated, image, 0.8, 4095)
    assert levels[1] < levels[0] and texture[3] == 2
    expected = breast_mask(image, 0.8, max_value=4095)
    numpy.testing.assert_array_equal(emulated.run("breast_mask", image, 0.8, max_value=4095), expected)


def test_without_doubt_nothing_is_measured(emulated):
    image = numpy.zeros((300, 300), numpy.uint16)
    image[:, :120] = 3000
    levels, texture = limits_of(emulated, image, 0.1, 4095)
    assert levels[0] == levels[1] and texture[3] == 0


def test_how_many_launches_it_takes(emulated):
    image = exported(31, 0.0, 2.0)
    for thorough, part, launches in ((False, image, 18), (True, image, 27), (True, image[:100, :100], 3)):
        before = len(emulated.launches)
        emulated.run("breast_mask", part, 0.1, max_value=255, thorough=thorough)
        assert len(emulated.launches) - before == launches


def test_every_kernel_of_these_has_run(emulated):
    """The last test of this file."""
    assert set(emulated.kernels()) & set(emulated.launches) >= OWN
