"""Texture, first-order statistics and detail of calcifications' windows: scikit-image, SciPy, PyWavelets, patterns."""

import dataclasses

import numpy
import pytest
import pywt
from scipy import stats
from skimage.feature import graycomatrix, graycoprops

from mcfast.detect.features import FEATURES, CalcificationFeatures, calcification_features
from mcfast.detect.features.intensity import intensities
from mcfast.detect.features.texture import levels, textures

ANGLES = (0, numpy.pi / 4, numpy.pi / 2, 3 * numpy.pi / 4)
PLACES = numpy.array([[40, 50], [20, 31], [60, 70], [41, 51]], numpy.int32)


def _image(dtype=numpy.uint16):
    """Smooth tissue, noise and a bright pixel at each place, so that windows lie where they are expected."""
    rng = numpy.random.default_rng(11)
    down, right = numpy.mgrid[:90, :110]
    image = 900 + 300 * numpy.sin(down / 9) * numpy.cos(right / 14) + rng.normal(0, 40, (90, 110))
    image[tuple(PLACES[:3].T)] = 2000
    image[tuple(PLACES[3])] = 2010
    return (image / (8 if dtype == numpy.uint8 else 1)).astype(dtype)


def _window(image, place):
    row, column = place
    return image[row - 15 : row + 16, column - 15 : column + 16].astype(float)


def _levels(window):
    low, high = window.min(), window.max()
    return numpy.minimum(numpy.floor((window - low) * 16 / (high - low)), 15).astype(numpy.uint8)


PEAKS = ((41, 51), (20, 31), (60, 70), (41, 51))  # the first place has the last beside it, which is brighter


@pytest.mark.parametrize("dtype", [numpy.uint8, numpy.uint16, numpy.float32])
def test_co_occurrence_against_scikit_image(dtype) -> None:
    image = _image(dtype)
    found = calcification_features(image, PLACES, 0.1)
    for index, peak in enumerate(PEAKS):
        matrix = graycomatrix(_levels(_window(image, peak)), [1], ANGLES, levels=16, symmetric=True, normed=True)
        for name in ("contrast", "correlation", "energy", "homogeneity"):
            truth = graycoprops(matrix, name).mean()
            assert getattr(found, f"glcm_{name}")[index] == pytest.approx(truth, rel=1e-9), name


@pytest.mark.parametrize("dtype", [numpy.uint8, numpy.uint16, numpy.float32])
def test_first_order_statistics_against_scipy(dtype) -> None:
    image = _image(dtype)
    found = calcification_features(image, PLACES, 0.1)
    for index, peak in enumerate(PEAKS):
        window = _window(image, peak)
        assert found.mean[index] == pytest.approx(window.mean())
        assert found.standard_deviation[index] == pytest.approx(window.std())
        assert found.skewness[index] == pytest.approx(stats.skew(window, axis=None))
        assert found.kurtosis[index] == pytest.approx(stats.kurtosis(window, axis=None))
        shares = numpy.bincount(_levels(window).ravel())
        assert found.entropy[index] == pytest.approx(stats.entropy(shares, base=2))


@pytest.mark.parametrize("side", [5, 7, 11, 21, 31, 61])
def test_detail_against_pywavelets(side: int) -> None:
    windows = numpy.random.default_rng(side).normal(500, 50, (5, side, side))
    whole = numpy.ones(5, bool)
    found = intensities(windows, levels(windows, whole)).wavelet_energy_ratio
    width = max(width for width in range(4, side + 1, 8))  # an odd number of blocks of 4
    first = side // 2 - width // 2
    for index, window in enumerate(windows):
        part = window[first : first + width, first : first + width]
        coarse, *details = pywt.wavedec2(part - part.mean(), "haar", level=2)
        fine = sum((each**2).sum() for level in details for each in level)
        assert found[index] == pytest.approx(fine / ((coarse**2).sum() + fine))


def _flat_but(pattern):
    """Its window's texture and statistics."""
    windows = numpy.asarray(pattern, float)[None]
    sorted_in = levels(windows, numpy.ones(1, bool))
    return textures(sorted_in), intensities(windows, sorted_in)


def test_checkerboard() -> None:
    down, right = numpy.mgrid[:31, :31]
    texture, intensity = _flat_but(100 + 50 * ((down + right) % 2))
    # Along the sides every pair differs, along the diagonals none does.
    assert texture.contrast[0] == pytest.approx(15**2 / 2)
    assert texture.homogeneity[0] == pytest.approx((1 + 1 / (1 + 15**2)) / 2)
    assert texture.correlation[0] == pytest.approx(0, abs=1e-6)
    assert texture.energy[0] == pytest.approx(0.5**0.5)
    assert intensity.entropy[0] == pytest.approx(1, abs=1e-5)
    assert intensity.wavelet_energy_ratio[0] == pytest.approx(1)
    assert intensity.kurtosis[0] == pytest.approx(-2, abs=1e-5)


def test_blocks_of_four_have_no_detail() -> None:
    rng = numpy.random.default_rng(2)
    window = numpy.zeros((31, 31))
    window[1:29, 1:29] = numpy.kron(rng.integers(0, 99, (7, 7)), numpy.ones((4, 4)))
    _, intensity = _flat_but(window)
    assert intensity.wavelet_energy_ratio[0] == pytest.approx(0, abs=1e-12)


def test_stripes() -> None:
    window = numpy.tile(numpy.arange(31) % 2, (31, 1))
    texture, intensity = _flat_but(window)
    assert texture.contrast[0] == pytest.approx(15**2 * 3 / 4)  # all but the pairs along them
    assert texture.correlation[0] == pytest.approx(-0.5, abs=0.01)
    assert intensity.skewness[0] == pytest.approx(stats.skew(window, axis=None))


def test_one_bright_pixel() -> None:
    image = numpy.full((61, 61), 100, numpy.uint16)
    image[30, 30] = 1100
    found = calcification_features(image, numpy.array([[30, 30]], numpy.int32), 0.1)
    share = 1 / 31**2
    assert found.mean[0] == pytest.approx(100 + 1000 * share)
    assert found.standard_deviation[0] == pytest.approx(1000 * (share * (1 - share)) ** 0.5)
    assert found.entropy[0] == pytest.approx(stats.entropy([share, 1 - share], base=2))
    assert found.wavelet_energy_ratio[0] == pytest.approx((1 - 1 / 16) / (1 - 1 / 28**2))
    assert found.glcm_contrast[0] == pytest.approx(15**2 * (2 / (31 * 30) + 2 / 30**2) / 2)
    assert numpy.isnan(found.contrast_to_noise[0])  # no noise at all


def test_gain_and_offset_change_no_texture() -> None:
    image = _image()
    found = calcification_features(image, PLACES, 0.1)
    other = calcification_features((image * 4 + 1000).astype(numpy.float32), PLACES, 0.1)
    for name in FEATURES:
        scale, offset = {"mean": (4, 1000), "standard_deviation": (4, 0), "contrast": (4, 0)}.get(name, (1, 0))
        truth = getattr(found, name) * scale + offset
        numpy.testing.assert_allclose(getattr(other, name), truth, rtol=1e-9, err_msg=name)


def test_one_value_only() -> None:
    for dtype, value in ((numpy.uint8, 7), (numpy.uint16, 4095), (numpy.float32, 0.1)):
        found = calcification_features(numpy.full((50, 50), value, dtype), PLACES[1:2], 0.1)
        undefined = ("glcm_correlation", "skewness", "kurtosis", "wavelet_energy_ratio", "contrast_to_noise")
        for name in FEATURES:
            assert numpy.isnan(getattr(found, name)[0]) == (name in undefined), name
        assert (found.contrast[0], found.standard_deviation[0], found.entropy[0]) == (0, 0, 0)
        assert (found.glcm_contrast[0], found.glcm_energy[0], found.glcm_homogeneity[0]) == (0, 1, 1)


@pytest.mark.parametrize("corner", [(0, 0), (0, 35), (59, 0), (59, 79), (7, 40), (59, 40)])
def test_at_the_border_only_what_is_there_counts(corner: tuple[int, int]) -> None:
    image = numpy.random.default_rng(8).integers(200, 400, (60, 80)).astype(numpy.uint16)
    image[corner] = 900
    found = calcification_features(image, numpy.array([corner, (30, 40)], numpy.int32), 0.1)
    row, column = corner
    there = image[max(row - 15, 0) : row + 16, max(column - 15, 0) : column + 16].astype(float)
    assert found.mean[0] == pytest.approx(there.mean())
    assert found.standard_deviation[0] == pytest.approx(there.std())
    assert found.skewness[0] == pytest.approx(stats.skew(there, axis=None))
    assert found.kurtosis[0] == pytest.approx(stats.kurtosis(there, axis=None))
    assert found.entropy[0] == pytest.approx(stats.entropy(numpy.bincount(_levels(there).ravel()), base=2))
    matrix = graycomatrix(_levels(there), [1], ANGLES, levels=16, symmetric=True, normed=True)
    for name in ("contrast", "correlation", "energy", "homogeneity"):
        assert getattr(found, f"glcm_{name}")[0] == pytest.approx(graycoprops(matrix, name).mean()), name
    assert 0 <= found.wavelet_energy_ratio[0] <= 1
    down, right = numpy.mgrid[:60, :80]
    distance = numpy.hypot(down - row, right - column) * 0.1
    ring = image[(distance >= 1) & (distance <= 1.5)].astype(float)
    assert found.contrast[0] == 900 - numpy.median(ring)
    deviation = stats.median_abs_deviation(ring) * 1.4826
    assert found.contrast_to_noise[0] == pytest.approx(found.contrast[0] / deviation)


def test_noise_given_and_estimated() -> None:
    image = numpy.random.default_rng(4).normal(1000, 25, (101, 101)).astype(numpy.float32)
    image[50, 50] = 1500
    place = numpy.array([[50, 50]], numpy.int32)
    found = calcification_features(image, place, 0.1)
    assert found.contrast_to_noise[0] == pytest.approx(found.contrast[0] / 25, rel=0.15)
    given = calcification_features(image, place, 0.1, noise=numpy.array([20.0], numpy.float32))
    assert given.contrast_to_noise[0] == found.contrast[0] / 20
    assert numpy.isnan(calcification_features(image, place, 0.1, noise=numpy.zeros(1)).contrast_to_noise[0])


def test_values_that_are_not_finite_count_as_outside() -> None:
    image = _image(numpy.float32)
    image[45:, 65:] = numpy.nan
    image[5, 31] = numpy.inf
    found = calcification_features(image, PLACES[:2], 0.1)
    for index, peak in enumerate(PEAKS[:2]):
        window = _window(image, peak)
        assert found.mean[index] == pytest.approx(window[numpy.isfinite(window)].mean())
        assert all(numpy.isfinite(getattr(found, name)[index]) for name in FEATURES)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (5, 5)])
def test_images_smaller_than_the_ring(shape) -> None:
    image = numpy.full(shape, 10, numpy.uint8)
    image[0, 0] = 30
    found = calcification_features(image, numpy.zeros((1, 2), numpy.int32), 0.1)
    assert found.area_mm2[0] == pytest.approx(0.01)
    assert found.contrast[0] == (0 if shape == (1, 1) else 20)
    assert found.mean[0] == pytest.approx(image[:, :16].mean())
    for name in ("contrast", "energy", "homogeneity"):
        assert numpy.isnan(getattr(found, f"glcm_{name}")[0]) == (1 in shape)
    assert numpy.isnan(found.glcm_correlation[0])  # no pair from upper right to lower left has the bright corner
    assert numpy.isnan(found.contrast_to_noise[0])


def test_none() -> None:
    found = calcification_features(numpy.zeros((9, 9), numpy.uint16), numpy.empty((0, 2), numpy.int32), 0.1)
    names = [field.name for field in dataclasses.fields(CalcificationFeatures)]
    assert names == list(FEATURES)
    for name in names:
        assert getattr(found, name).shape == (0,) and getattr(found, name).dtype == numpy.float64
        unit, meaning, reference = FEATURES[name]
        assert unit in ("px", "mm", "mm2", "counts", "bit", "1") and meaning and reference


IMAGE = numpy.zeros((20, 30), numpy.uint16)
PLACE = numpy.array([[3, 4]], numpy.int32)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([[1]], PLACE, 0.1), TypeError, "(image): expected an array of uint8, uint16 or float32, got list"),
        ((IMAGE.astype(float), PLACE, 0.1), TypeError, "uint8, uint16 or float32, got float64"),
        ((IMAGE[0], PLACE, 0.1), ValueError, "(image): expected (rows, columns), got shape (30,)"),
        ((IMAGE[:0], PLACE, 0.1), ValueError, "(image): expected (rows, columns), got shape (0, 30)"),
        ((IMAGE, PLACE[0], 0.1), ValueError, "(positions): expected shape (N, 2), got (2,)"),
        ((IMAGE, PLACE + 0.5, 0.1), TypeError, "(positions): expected integers, got float64; round them"),
        ((IMAGE, PLACE + 26, 0.1), ValueError, "pixels of the image of shape (20, 30), got [29, 30]"),
        ((IMAGE, -PLACE, 0.1), ValueError, "got [-3, -4]"),
        ((IMAGE, PLACE, 0), ValueError, "(spacing_mm): expected 0.01 .. 1, got 0"),
        ((IMAGE, PLACE, float("nan")), ValueError, "got nan"),
        ((IMAGE, PLACE, "0.1"), ValueError, "got '0.1'"),
        ((IMAGE, PLACE, 0.1, [1, 2]), ValueError, "(noise): expected one number per position, shape (1,), got int64"),
        ((IMAGE, PLACE, 0.1, [-1]), ValueError, "(noise): expected finite deviations of at least 0"),
        ((IMAGE + numpy.float32("nan"), PLACE, 0.1), ValueError, "expected finite pixels at the positions, got nan"),
    ],
)
def test_wrong_arguments(arguments, error, words) -> None:
    with pytest.raises(error) as raised:
        calcification_features(*arguments)
    assert str(raised.value).startswith("calcification_features(") and words in str(raised.value)
