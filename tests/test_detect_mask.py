"""The breast mask: phantoms' truth, images without a breast, labels, air that is not black, padding."""

import numpy
import pytest
from images import dark_crop, hard_window

from mcfast.detect import breast_mask
from mcfast.phantom import mammogram


def _overlap(mask: numpy.ndarray, truth: numpy.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.fixture(scope="module")
def phantom():
    return mammogram(31, shape=(1401, 1003), spacing_mm=0.1)


@pytest.mark.parametrize("seed", [32, 33, 34, 35])
def test_finds_the_phantoms_breast(seed: int) -> None:
    drawn = mammogram(
        seed, shape=(1100, 900), spacing_mm=0.1, view=("CC", "MLO")[seed % 2], laterality=("L", "R")[seed // 2 % 2]
    )
    mask = breast_mask(drawn.image, 0.1, max_value=4095)
    assert mask.dtype == bool
    assert mask.shape == drawn.image.shape
    assert _overlap(mask, drawn.mask) > 0.97


def test_drops_the_label(phantom) -> None:
    without = mammogram(31, shape=(1401, 1003), spacing_mm=0.1, label=False)
    assert phantom.labelled
    with_label = breast_mask(phantom.image, 0.1, max_value=4095)
    assert not (with_label & (phantom.image != without.image)).any()
    assert numpy.array_equal(with_label, breast_mask(without.image, 0.1, max_value=4095))


@pytest.mark.parametrize("air", [60, 400])
def test_air_need_not_be_black(phantom, air: int) -> None:
    """Film: air has a level and noise of its own."""
    rng = numpy.random.default_rng(0)
    noise = rng.normal(air, 15, phantom.image.shape)
    film = numpy.clip(phantom.image * 0.8 + noise, 0, 4095).astype(numpy.uint16)
    assert _overlap(breast_mask(film, 0.1, max_value=4095), phantom.mask) > 0.95


def test_drops_the_border(phantom) -> None:
    """A bright frame around the image is no breast, and does not join breast and label."""
    framed = phantom.image.copy()
    framed[:6] = framed[-6:] = framed[:, -6:] = 4095
    mask = breast_mask(framed, 0.1, max_value=4095)
    assert _overlap(mask, phantom.mask) > 0.96
    assert not mask[:, -3:].any()


@pytest.mark.parametrize(("black", "gamma"), [(0.1, 1.0), (0.14, 1.0), (0.0, 2.0), (0.0, 3.0)])
@pytest.mark.parametrize("seed", [31, 37])
def test_fat_may_be_nearly_as_dark_as_air(seed: int, black: float, gamma: float) -> None:
    """Hard windows and steep curves, as other vendors' exports with 8 bits have them."""
    drawn = mammogram(seed, shape=(1401, 1003), spacing_mm=0.1)
    share = numpy.clip((drawn.image / 4095 - black) / (0.9 - black), 0, 1) ** gamma
    mask = breast_mask(numpy.rint(255 * share).astype(numpy.uint8), 0.1, max_value=255)
    assert _overlap(mask, drawn.mask) > 0.9


@pytest.mark.parametrize(("seed", "gamma"), [(37, 3.0), (44, 2.0)])
def test_fat_may_be_dark_where_little_air_is_shown(seed: int, gamma: float) -> None:
    """In a tight crop dark fat may fill the histogram next to air of a single level."""
    image, inside = dark_crop(seed, gamma)
    assert _overlap(breast_mask(image, 0.1, max_value=255), inside) > 0.9


@pytest.mark.parametrize("seed", [31, 41, 42])
def test_fat_may_be_black(seed: int) -> None:
    """A fifth of the breast has the level of air; the rest hangs together by strands, and is breast all the same."""
    image, inside = hard_window(seed, 20)
    mask = breast_mask(image, 0.1, max_value=255)
    assert (mask & inside).sum() > 0.92 * inside.sum()
    assert (mask & ~inside).sum() < 0.001 * inside.sum()


@pytest.mark.parametrize("dtype", [numpy.uint8, numpy.uint16, numpy.float32])
def test_every_dtype(phantom, dtype) -> None:
    white = 1.0 if dtype is numpy.float32 else 255 if dtype is numpy.uint8 else 65535
    image = (phantom.image / 4095 * white).astype(dtype)
    assert _overlap(breast_mask(image, 0.1, max_value=white), phantom.mask) > 0.97


@pytest.mark.parametrize("level", [0, 1000, 4095])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (97, 1), (200, 133)])
def test_constant_image_has_no_breast(level: int, shape: tuple[int, int]) -> None:
    mask = breast_mask(numpy.full(shape, level, numpy.uint16), 0.1, max_value=4095)
    assert mask.shape == shape
    assert not mask.any()


def test_image_without_air_is_all_breast() -> None:
    rng = numpy.random.default_rng(1)
    image = rng.normal(2000, 150, (403, 305)).clip(0, 4095).astype(numpy.uint16)
    image += numpy.linspace(0, 1500, 305).astype(numpy.uint16)
    assert breast_mask(image, 0.1, max_value=4095).mean() > 0.9


@pytest.mark.parametrize("shape", [(60, 60), (43, 700), (149, 200)])
def test_a_small_crop_is_all_breast(phantom, shape: tuple[int, int]) -> None:
    rows = numpy.flatnonzero(phantom.mask.any(axis=1))
    row, column = int(rows.mean()), 20
    crop = numpy.ascontiguousarray(phantom.image[row : row + shape[0], column : column + shape[1]])
    assert breast_mask(crop, 0.1, max_value=4095).all()
    valid = numpy.ones(crop.shape, bool)
    valid[:, :7] = False
    assert numpy.array_equal(breast_mask(crop, 0.1, max_value=4095, valid=valid), valid)


def test_holes_are_filled(phantom) -> None:
    image = phantom.image.copy()
    rows, columns = numpy.nonzero(phantom.mask)
    row, column = int(rows.mean()), int(columns.mean() / 2)
    image[row - 30 : row + 30, column - 30 : column + 30] = 0
    mask = breast_mask(image, 0.1, max_value=4095)
    assert mask[row - 30 : row + 30, column - 30 : column + 30].all()


def test_padding_is_no_breast(phantom) -> None:
    image = phantom.image.copy()
    valid = numpy.ones(image.shape, bool)
    valid[:, 700:] = False
    image[:, 700:] = 4095
    mask = breast_mask(image, 0.1, max_value=4095, valid=valid)
    assert not mask[:, 712:].any()
    assert _overlap(mask[:, :690], phantom.mask[:, :690]) > 0.96


@pytest.mark.parametrize("spacing", [0.05, 0.1, 0.2])
def test_any_spacing(spacing: float) -> None:
    drawn = mammogram(36, shape=(round(100 / spacing), round(80 / spacing)), spacing_mm=spacing)
    assert _overlap(breast_mask(drawn.image, spacing, max_value=4095), drawn.mask) > 0.96


def test_real_images_have_one_breast(real_data) -> None:
    from PIL import Image
    from scipy import ndimage

    paths = sorted((real_data / "ffdm").glob("*.png"))
    assert paths
    for path in paths:
        pixels = numpy.ascontiguousarray(numpy.asarray(Image.open(path))[::2, ::2])
        mask = breast_mask(pixels, 0.14, max_value=float(pixels.max()))
        assert ndimage.label(mask)[1] == 1, path.name
        assert 0.15 < mask.mean() < 0.85, path.name
        # The burnt-in label of the whole images lies far from the breast, in the upper part.
        assert pixels[mask].mean() > 5 * pixels[~mask].mean(), path.name
