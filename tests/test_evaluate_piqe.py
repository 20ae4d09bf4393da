"""PIQE and SSIM: against the published implementations, on sizes that are no multiple of anything, and by hand."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import structural_similarity

from mcfast.evaluate.piqe import piqe
from mcfast.evaluate.ssim import ssim

SHAPES = [(16, 16), (17, 33), (64, 64), (100, 75), (31, 160), (5, 9), (255, 257), (600, 40)]


def _scene(kind, shape, seed=0):
    random = numpy.random.default_rng(seed).random(shape)
    if kind == "noise":
        return random
    if kind == "smooth":
        return ndimage.gaussian_filter(random, 2)
    if kind == "blocks":
        coarse = numpy.random.default_rng(seed).random((shape[0] // 8 + 1, shape[1] // 8 + 1))
        return numpy.kron(coarse, numpy.ones((8, 8)))[: shape[0], : shape[1]]
    return random * (numpy.indices(shape)[1] > shape[1] // 2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["noise", "smooth", "blocks", "half"])
@pytest.mark.parametrize(("dtype", "white"), [(numpy.uint8, 255), (numpy.uint16, 4095), (numpy.float64, 1)])
def test_piqe_is_that_of_pypiqe(shape, kind, dtype, white):
    published = pytest.importorskip("pypiqe", reason="needs pypiqe").piqe
    image = (_scene(kind, shape) * white).astype(dtype)
    score, blocking, noisy, active = published(image)
    ours = piqe(image)
    assert ours.score == pytest.approx(score, abs=1e-6)
    for mine, theirs in ((ours.active, active), (ours.blocking, blocking), (ours.noisy, noisy)):
        numpy.testing.assert_array_equal(mine, theirs[::16, ::16])


REFERENCES = [
    ((64, 64), "noise", 81.691690104),
    ((100, 75), "noise", 80.965552537),
    ((100, 75), "blocks", 80.622836580),
    ((100, 75), "half", 72.565689809),
]
"""Scores of pypiqe 1.2 (PyPI, MIT) on `_scene(kind, shape)` times 4095 in uint16, for where it is not installed."""


@pytest.mark.parametrize(("shape", "kind", "score"), REFERENCES)
def test_piqe_is_what_pypiqe_gave(shape, kind, score):
    assert piqe((_scene(kind, shape) * 4095).astype(numpy.uint16)).score == pytest.approx(score, abs=1e-6)


def test_piqe_of_nothing_is_100():
    for image in (numpy.zeros((40, 40), numpy.uint16), numpy.full((33, 20), 700, numpy.uint16)):
        found = piqe(image)
        assert found.score == 100
        assert not found.active.any()
    assert piqe(numpy.zeros((40, 40)), white=1).active.shape == (3, 3)


def test_piqe_sees_noise_as_noise_and_blocks_as_blocks():
    noise, blocks = piqe(_scene("noise", (128, 128)), white=1), piqe(_scene("blocks", (128, 128)), white=1)
    assert noise.noisy.mean() > 0.9
    assert not noise.blocking.any()
    assert blocks.blocking.mean() > 0.9


def test_white_is_the_mapping():
    image = (_scene("noise", (48, 64)) * 1000).astype(numpy.uint16)
    assert piqe(image).score == piqe(image, white=float(image.max())).score
    assert piqe(image, white=65535).score != piqe(image).score


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**31))
def test_piqe_is_a_number_from_0_to_any(rows, columns, seed):
    image = numpy.random.default_rng(seed).integers(0, 4096, (rows, columns)).astype(numpy.uint16)
    found = piqe(image)
    assert numpy.isfinite(found.score)
    assert found.active.shape == (-(-rows // 16), -(-columns // 16))
    assert not (found.blocking & ~found.active).any()
    assert not (found.noisy & ~found.active).any()


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (numpy.zeros((3, 3, 3)), {}, r"piqe\(image\): expected \(rows, columns\), not empty, got shape \(3, 3, 3\)"),
        (numpy.zeros((0, 3)), {}, r"not empty, got shape \(0, 3\)"),
        (numpy.full((3, 3), numpy.nan), {}, r"piqe\(image\): expected finite values of at least 0, got nan .. nan"),
        (numpy.full((3, 3), -1), {}, "got -1.0 .. -1.0"),
        (numpy.zeros((3, 3)), {"white": 0}, r"piqe\(white\): expected None or a positive number, got 0"),
    ],
)
def test_piqe_names_wrong_arguments(image, options, message):
    with pytest.raises(ValueError, match=message):
        piqe(image, **options)


@pytest.mark.parametrize("shape", [(11, 11), (40, 33), (600, 20)])
@pytest.mark.parametrize("kind", ["noise", "smooth"])
def test_ssim_is_that_of_scikit_image(shape, kind):
    truth = (_scene(kind, shape) * 4095).astype(numpy.uint16)
    estimate = (truth * 0.9 + 50 * _scene("noise", shape, 1)).astype(numpy.uint16)
    expected = structural_similarity(
        truth, estimate, data_range=4095, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(truth, estimate, peak=4095) == pytest.approx(expected, abs=1e-9)
    assert ssim(truth, truth, peak=4095) == pytest.approx(1)


def test_ssim_within_a_mask():
    truth = _scene("noise", (64, 64))
    estimate = truth.copy()
    estimate[:, 40:] = 0
    mask = numpy.zeros(truth.shape, bool)
    mask[:, :30] = True
    assert ssim(truth, estimate, peak=1, mask=mask) == pytest.approx(1)
    assert ssim(truth, estimate, peak=1) < 0.8


@pytest.mark.parametrize(
    ("shape", "other", "options", "message"),
    [
        ((20, 20), (20, 21), {"peak": 1}, r"ssim\(estimate, mask\): expected the truth's shape \(20, 20\), got"),
        ((20, 20), (20, 20), {"peak": 0}, r"ssim\(peak\): expected a positive number, got 0"),
        ((10, 20), (10, 20), {"peak": 1}, r"ssim\(truth\): expected pixels inside the border and the mask, got none"),
    ],
)
def test_ssim_names_wrong_arguments(shape, other, options, message):
    with pytest.raises(ValueError, match=message):
        ssim(numpy.zeros(shape), numpy.zeros(other), **options)
