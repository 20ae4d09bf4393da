"""Candidates: what is flattened and measured, against plain NumPy, and what is found."""

import itertools

import numpy
import pytest
from scipy import ndimage

from mcfast.detect.propose import BORDER_MM, SIGMAS, SKIN_MM, propose, spot_response
from mcfast.detect.residual import CLIP, STRIDE, Residual, flatten, local_statistics


def _breast(shape=(201, 163), seed=0):
    """A half disk of noisy tissue with a bright skin, and its mask."""
    rng = numpy.random.default_rng(seed)
    down, right = numpy.mgrid[: shape[0], : shape[1]]
    depth = 0.48 * shape[0] - numpy.hypot(down - shape[0] / 2, right)
    image = 1200 + 400 * ndimage.gaussian_filter(rng.normal(size=shape), 6) * 15 + rng.normal(0, 60, shape)
    image += 2000 * numpy.exp(-0.5 * ((depth - 8) / 4) ** 2)
    image = numpy.where(depth > 0, image, 0).clip(0, 4095).astype(numpy.uint16)
    return image, depth > 0


def _spot(image, row, column, height, sigma=1.5):
    down, right = numpy.mgrid[: image.shape[0], : image.shape[1]]
    spot = height * numpy.exp(-((down - row) ** 2 + (right - column) ** 2) / (2 * sigma**2))
    return (image + spot).clip(0, 4095).astype(numpy.uint16)


def test_flatten_equals_numpy() -> None:
    image, mask = _breast()
    found = flatten(image, mask, max_value=4095, skin_px=7, border_px=4, window_px=9)
    assert found is not None
    depth = ndimage.distance_transform_edt(numpy.pad(mask, 40, mode="edge"))[40:-40, 40:-40]
    inner = depth > 7
    inner[:4] = inner[-4:] = inner[:, :4] = inner[:, -4:] = False
    top, left = found.origin
    height, width = found.values.shape
    expected_inner = inner[top : top + height, left : left + width]
    assert inner.sum() == expected_inner.sum()
    assert numpy.array_equal(found.inner, expected_inner)
    values = image / 4095 * inner

    def masked_mean(array):
        size = 19
        total = ndimage.uniform_filter(array * inner, size, mode="constant", output=float)
        return total / numpy.maximum(ndimage.uniform_filter(inner.astype(float), size, mode="constant"), 1e-9)

    for _ in range(2):
        values = (values - masked_mean(values)) * inner
    assert found.values == pytest.approx(values[top : top + height, left : left + width], abs=1e-5)


@pytest.mark.parametrize("shape", [(5, 5), (14, 14), (40, 9), (1, 200)])
def test_too_small_for_skin_and_border(shape: tuple[int, int]) -> None:
    image = numpy.full(shape, 900, numpy.uint16)
    found = propose(image, numpy.ones(shape, bool), threshold=1, limit=10, max_value=4095)
    assert len(found) == 0
    assert found.positions.shape == (0, 2)


def test_no_breast_no_candidates() -> None:
    image, _ = _breast()
    found = propose(image, numpy.zeros(image.shape, bool), threshold=1, limit=10, max_value=4095)
    assert len(found) == 0
    assert found.residual is None


def test_constant_breast_has_no_candidates() -> None:
    image = numpy.full((150, 150), 1000, numpy.uint16)
    assert len(propose(image, numpy.ones(image.shape, bool), threshold=2, limit=10, max_value=4095)) == 0


def test_statistics_are_those_of_the_window() -> None:
    rng = numpy.random.default_rng(2)
    values = rng.normal(3, 2, (121, 95)).astype(numpy.float32)
    values[60, 40] = 500  # one bright pixel must not count as noise
    inner = numpy.ones(values.shape, bool)
    inner[:, 70:] = False
    found = local_statistics(values, inner, 20)
    for row, column in [(60, 40), (0, 0), (100, 68), (31, 50)]:
        mean, deviation = found.at(numpy.array([[row, column]], numpy.int32))
        i, j, reach = row // STRIDE, column // STRIDE, 20 // STRIDE
        window = (slice(max(i - reach, 0), i + reach + 1), slice(max(j - reach, 0), j + reach + 1))

        def plain(array, window=window):
            part = array[window][inner[::STRIDE, ::STRIDE][window]]
            return (part.mean(), part.std()) if part.size else (0.0, 0.0)

        sparse = values[::STRIDE, ::STRIDE]
        clipped = sparse.copy()
        for y in range(sparse.shape[0]):
            for x in range(sparse.shape[1]):
                around = (slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1))
                m, s = plain(sparse, around)
                clipped[y, x] = numpy.clip(sparse[y, x], m - CLIP * s, m + CLIP * s)
        expected = plain(clipped)
        assert mean[0] == pytest.approx(expected[0], rel=1e-3)
        assert deviation[0] == pytest.approx(expected[1], rel=1e-3)
        assert deviation[0] < 5


def test_spot_response_peaks_at_spots_of_every_size() -> None:
    rng = numpy.random.default_rng(4)
    noise = rng.normal(0, 0.02, (140, 140)).astype(numpy.float32)
    for sigma in (0.9, 1.5, 2.5):
        down, right = numpy.mgrid[:140, :140]
        spot = 0.5 * numpy.exp(-((down - 70) ** 2 + (right - 61) ** 2) / (2 * sigma**2))
        response = spot_response(Residual((noise + spot).astype(numpy.float32), numpy.ones(noise.shape, bool), (0, 0)))
        assert numpy.unravel_index(response.argmax(), response.shape) == (70, 61)


def test_spot_response_equals_scipy() -> None:
    rng = numpy.random.default_rng(5)
    values = rng.normal(0, 0.05, (90, 110)).astype(numpy.float32)
    response = spot_response(Residual(values, numpy.ones(values.shape, bool), (0, 0)))
    bands = []
    for finer, coarser in itertools.pairwise(SIGMAS):
        a, b = (
            ndimage.gaussian_filter(values.astype(float), sigma, radius=int(numpy.ceil(4 * sigma)))
            for sigma in (finer, coarser)
        )
        band = a - b
        sample = band[::3, ::3]
        bands.append(band / numpy.clip(sample, -3 * sample.std(), 3 * sample.std()).std())
    middle = (slice(20, -20), slice(20, -20))  # the borders differ
    assert response[middle] == pytest.approx(numpy.max(bands, axis=0)[middle], rel=0.03, abs=0.03)


def test_finds_spots_and_not_the_skin() -> None:
    image, mask = _breast((401, 301), seed=1)
    places = [(200, 40), (150, 90), (240, 120), (100, 30)]
    for row, column in places:
        image = _spot(image, row, column, 900)
    found = propose(image, mask, threshold=2, limit=500, max_value=4095)
    strongest = found.positions[: len(places)]
    for row, column in places:
        assert numpy.abs(strongest - (row, column)).max(axis=1).min() <= 1
    depth = ndimage.distance_transform_edt(numpy.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    assert depth[tuple(found.positions.T)].min() > SKIN_MM / 0.1 - 1
    border = round(BORDER_MM / 0.1)
    assert (found.positions >= border).all()
    assert (found.positions < numpy.array(image.shape) - border).all()


def test_near_the_skin_is_found_as_in_the_middle() -> None:
    """The skin's step must not hide what lies below it."""
    image, mask = _breast((401, 301), seed=2)
    depth_px = 28  # 2.8 mm
    column = int(0.48 * 401) - depth_px
    image = _spot(_spot(image, 200, column, 700), 200, 60, 700)
    found = propose(image, mask, threshold=2, limit=500, max_value=4095)
    near, middle = (
        numpy.flatnonzero(numpy.abs(found.positions - (200, where)).max(axis=1) <= 2) for where in (column, 60)
    )
    assert len(near)
    assert len(middle)
    assert found.response[near[0]] > 0.5 * found.response[middle[0]]


def test_strongest_first_and_limited() -> None:
    image, mask = _breast()
    every = propose(image, mask, threshold=0.5, limit=10_000, max_value=4095)
    assert (numpy.diff(every.response) <= 0).all()
    assert every.response.min() > 0.5
    few = propose(image, mask, threshold=0.5, limit=7, max_value=4095)
    assert numpy.array_equal(few.positions, every.positions[:7])
    assert numpy.array_equal(few.noise, every.noise[:7])


@pytest.mark.parametrize(("dtype", "white"), [(numpy.uint8, 255), (numpy.uint16, 65535), (numpy.float32, 1.0)])
def test_any_dtype_and_scale(dtype, white) -> None:
    image, mask = _breast()
    image = _spot(image, 100, 30, 1500)
    scaled = (image / 4095 * white).astype(dtype)
    found = propose(scaled, mask, threshold=2, limit=50, max_value=white)
    assert numpy.abs(found.positions[0] - (100, 30)).max() <= 1


def test_threads_do_not_change_it() -> None:
    image, mask = _breast((333, 277))
    one, two = (propose(image, mask, threshold=1, limit=900, max_value=4095, threads=count) for count in (1, 2))
    assert numpy.array_equal(one.positions, two.positions)
    assert numpy.array_equal(one.response, two.response)
