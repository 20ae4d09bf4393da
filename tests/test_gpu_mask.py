"""The breast mask on the emulated GPU: the bits of the CPU's, step by step and as a whole."""

import numpy
import pytest
from images import dark_crop, hard_window, make
from scipy import ndimage

from mcfast.backends.gpu import mask
from mcfast.detect import breast_mask
from mcfast.detect import mask as on_host
from mcfast.phantom import mammogram


def same(emulated, image, spacing_mm, white, valid=None):
    """The device's mask without a closer look, after both masks were found equal to the host's."""
    options = {} if valid is None else {"valid": valid}
    for thorough in (True, False):
        result = emulated.run("breast_mask", image, spacing_mm, max_value=white, thorough=thorough, **options)
        assert result.dtype == bool
        expected = breast_mask(image, spacing_mm, max_value=white, valid=valid, thorough=thorough)
        numpy.testing.assert_array_equal(result, expected)
    return result


@pytest.fixture(scope="module")
def phantom():
    return mammogram(31, shape=(1401, 1003), spacing_mm=0.1)


@pytest.mark.parametrize("seed", range(41, 47))
def test_phantoms(emulated, seed):
    drawn = mammogram(
        seed, shape=(1100, 900), spacing_mm=0.1, view=("CC", "MLO")[seed % 2], laterality=("L", "R")[seed // 2 % 2]
    )
    assert 0.1 < same(emulated, drawn.image, 0.1, 4095).mean() < 0.9


def test_a_whole_mammogram(emulated, phantom):
    whole = numpy.tile(phantom.image, (3, 4))[:4096, :3328]
    same(emulated, numpy.ascontiguousarray(whole), 0.07, 4095)


@pytest.mark.parametrize("spacing_mm", [0.05, 0.17, 0.3, 1.7])
def test_any_spacing(emulated, phantom, spacing_mm):
    """From 16 image pixels in a coarse one to 1, from an opening of 3 steps to 1, frames of 1 and 2 pixels."""
    same(emulated, numpy.ascontiguousarray(phantom.image[::2, ::2]), spacing_mm, 4095)


@pytest.mark.parametrize("dtype", [numpy.uint8, numpy.uint16, numpy.float32])
def test_every_dtype(emulated, phantom, dtype):
    white = 1.0 if dtype is numpy.float32 else 255 if dtype is numpy.uint8 else 65535
    same(emulated, (phantom.image / 4095 * white).astype(dtype), 0.1, white)


def test_frames_holes_padding_and_film(emulated, phantom):
    framed = phantom.image.copy()
    framed[:6] = framed[-6:] = framed[:, -6:] = 4095
    same(emulated, framed, 0.1, 4095)
    rows, columns = numpy.nonzero(phantom.mask)
    row, column = int(rows.mean()), int(columns.mean() / 2)
    holed = phantom.image.copy()
    holed[row - 30 : row + 30, column - 30 : column + 30] = 0
    holed[row - 90 : row - 60] = 0  # a gap at the chest wall that is closed along the border
    assert same(emulated, holed, 0.1, 4095)[row - 30 : row + 30, column - 30 : column + 30].all()
    valid = numpy.ones(phantom.image.shape, bool)
    valid[:, 700:] = False
    assert not same(emulated, phantom.image, 0.1, 4095, valid)[:, 712:].any()
    same(emulated, dark_crop(44, 2.0)[0], 0.1, 255)
    same(emulated, hard_window(41, 20)[0], 0.1, 255)
    noise = numpy.random.default_rng(0).normal(400, 15, phantom.image.shape)
    same(emulated, numpy.clip(phantom.image * 0.8 + noise, 0, 4095).astype(numpy.uint16), 0.1, 4095)


@pytest.mark.parametrize("seed", range(12))
def test_coarse_images_that_are_all_detail(emulated, seed):
    """Noise smoothed to blobs: many components, equal ones too, winding paths, holes, the border everywhere."""
    rng = numpy.random.default_rng(seed)
    shape = [(1, 1), (1, 60), (57, 1), (3, 3), (33, 35), (64, 31), (90, 131), (12, 300), (70, 70)][seed % 9]
    field = ndimage.gaussian_filter(rng.normal(size=shape), (0.7, 1.0, 2.0)[seed % 3])
    field = (field - field.min()) / max(float(numpy.ptp(field)), 1e-6)
    image = (field * (4000, 255, 3)[seed % 3]).astype(numpy.uint16)
    image[field < 0.4] = 0
    valid = rng.random(shape) < 0.97 if seed % 2 else None
    same(emulated, image, (0.8, 1.2, 2.0)[seed % 3], (4095, 255, 3)[seed % 3], valid)


@pytest.mark.parametrize("level", [0, 1000, 4095])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (97, 1), (200, 133)])
def test_constant_images(emulated, level, shape):
    assert not same(emulated, numpy.full(shape, level, numpy.uint16), 0.1, 4095).any()


def test_images_without_air_and_with_hardly_any_range(emulated):
    rng = numpy.random.default_rng(1)
    image = rng.normal(2000, 150, (403, 305)).clip(0, 4095).astype(numpy.uint16)
    assert same(emulated, image + numpy.linspace(0, 1500, 305).astype(numpy.uint16), 0.1, 4095).mean() > 0.9
    narrow = numpy.full((100, 100), 0.7, numpy.float32)
    narrow[0, 0], narrow[1:3] = 1, numpy.nextafter(numpy.float32(0.7), numpy.float32(1))
    assert same(emulated, narrow, 0.8, 1.0).mean() > 0.99  # no histogram of float32 has forty bins there
    negative = make(numpy.float32, 60, 70, 3) - 0.5
    same(emulated, ndimage.gaussian_filter(negative, 2) * 5, 0.8, 1.0)


def test_a_view_into_a_larger_image(emulated, phantom):
    same(emulated, phantom.image[::3, 10:-20], 0.2, 4095)


@pytest.mark.parametrize(
    ("count", "kind"), [(1, "ties"), (2, "ties"), (37, "ties"), (5000, "ties"), (5000, "spread"), (5000, "one level")]
)
@pytest.mark.parametrize("thorough", [False, True])
def test_the_levels_around_air(emulated, count, kind, thorough):
    """Quantiles of every rank and histograms with values on their edges."""
    rng = numpy.random.default_rng(count)
    values = rng.integers(0, 50, count) / 50 if kind == "ties" else rng.gamma(0.5, 0.2, count)
    if kind == "one level":  # of air, and fat next to it: more than a twenty-fifth of the peak in each bin
        values = numpy.where(rng.random(count) < 0.3, 0, rng.gamma(1.0, 0.05, count))
    coarse = values.astype(numpy.float32)
    limits = numpy.zeros(2, numpy.float32)
    place = (count - 1) * mask.QUANTILE
    arguments = (numpy.uint64(coarse.ctypes.data), numpy.int32(count), numpy.int32(int(place)))
    emulated.launch(
        "mask/air.cuh",
        "air_limit",
        (1,),
        (mask.BLOCK_THREADS,),
        0,
        (*arguments, numpy.float64(place - int(place)), numpy.int32(thorough), numpy.uint64(limits.ctypes.data)),
        0,
    )
    constant = numpy.ptp(coarse) < 0.01
    air = numpy.inf if constant else numpy.float32(on_host._air_limit(coarse))
    assert limits[0] == air
    black = air if constant else numpy.float32(on_host._black_limit(coarse))
    between = ((coarse > black) & (coarse <= air)).sum()
    doubt = thorough and coarse.min() < air and black < air and between >= on_host.DOUBTFUL * (coarse > air).sum()
    assert limits[1] == (black if doubt else air)


@pytest.mark.parametrize(("rows", "columns", "factor"), [(333, 251, 8), (64, 40, 7), (11, 300, 1)])
def test_enlarged_mask(emulated, rows, columns, factor):
    coarse = make(numpy.uint8, max(1, round(rows / factor)), max(1, round(columns / factor)), 1) > 120
    soft = ndimage.gaussian_filter(coarse.astype(numpy.float32), 0.7, mode="nearest")
    result = emulated.run("enlarge_mask", soft, factor, (rows, columns), plan=mask.enlarge_mask)
    numpy.testing.assert_array_equal(result, on_host._enlarge(coarse, factor, (rows, columns)))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"spacing_mm": 0.0}, ValueError, "breast_mask(spacing_mm): expected a finite number above 0, got 0"),
        ({"max_value": float("nan")}, ValueError, "breast_mask(max_value): expected a finite number above 0, got nan"),
        ({"valid": numpy.ones((9, 9), numpy.uint8)}, TypeError, "breast_mask(valid): expected bool, got uint8; cast"),
        ({"valid": numpy.ones((9, 8), bool)}, ValueError, "expected the shape of the image, (9, 9), got (9, 8)"),
        ({"out": numpy.ones((9, 8), bool)}, ValueError, "breast_mask(out): expected shape (9, 9), got (9, 8)"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(emulated, options, error, message):
    options = {"spacing_mm": 0.1, "max_value": 255.0} | options
    spacing_mm = options.pop("spacing_mm")
    with pytest.raises(error) as caught:
        emulated.run("breast_mask", make(numpy.uint8, 9, 9, 1), spacing_mm, **options)
    assert message in str(caught.value)


def test_out_holds_the_mask(emulated, phantom):
    out = numpy.zeros(phantom.image.shape, bool)
    assert emulated.run("breast_mask", phantom.image, 0.1, max_value=4095, out=out) is out
    numpy.testing.assert_array_equal(out, breast_mask(phantom.image, 0.1, max_value=4095))
