"""Magnification: tiles against the whole frame, every dtype, masks, regions, and every error message."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mcfast
from mcfast import nets, runtimes
from mcfast.magnify import super_resolve


@pytest.fixture(scope="module")
def network():
    """The reference."""
    return runtimes.load(nets.weights("fsrcnn"), threads=1)


@pytest.fixture(scope="module", params=["native", "onnxruntime"])
def magnifier(request):
    return runtimes.load(nets.weights("fsrcnn"), runtime=request.param, threads=1)


def _image(shape, dtype=numpy.float32, seed=0, white=1.0):
    values = numpy.random.default_rng(seed).random(shape) * white
    return (numpy.rint(values) if numpy.dtype(dtype).kind == "u" else values).astype(dtype)


def _whole(network, image, white=1.0):
    """The network on the whole frame at once: what the tiles must equal."""
    batch = (image.astype(numpy.float64) / white).astype(numpy.float32)[None, None]
    return numpy.clip(network.run(batch)[0, 0], 0, 1) * numpy.float32(white)


SHAPES = [(1, 1), (1, 40), (40, 1), (2, 2), (7, 9), (16, 16), (17, 33), (31, 64), (50, 75), (97, 40)]


# A tile of one pixel is a run for each pixel: small shapes show the same.
SIDES = (1, 7, 16, 31, 64, 1000)
CASES = [(shape, tile) for shape in SHAPES for tile in SIDES if tile > 1 or shape[0] * shape[1] < 600]


@pytest.mark.parametrize(("shape", "tile"), CASES)
def test_tiled_equals_untiled(network, magnifier, shape, tile):
    image = _image(shape)
    result = super_resolve(image, tile=tile, threads=1, network=magnifier)
    assert (result.shape, result.dtype) == ((2 * shape[0], 2 * shape[1]), numpy.float32)
    numpy.testing.assert_allclose(result, _whole(network, image), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(5, 40), st.sampled_from([1, 2]), st.integers(0, 2**31))
def test_tiled_equals_untiled_for_any_size(rows, columns, tile, threads, seed):
    network = runtimes.load(nets.weights("fsrcnn"), threads=1)
    image = _image((rows, columns), seed=seed)
    result = super_resolve(image, tile=tile, threads=threads, network=network)
    numpy.testing.assert_allclose(result, _whole(network, image), atol=1e-5)


@pytest.mark.parametrize("threads", [2, 5])
def test_bit_equal_for_any_number_of_threads(magnifier, threads):
    image = _image((130, 170), numpy.uint16, white=4095)
    options = {"max_value": 4095, "tile": 48, "network": magnifier}
    one = super_resolve(image, threads=1, **options)
    numpy.testing.assert_array_equal(super_resolve(image, threads=threads, **options), one)


@pytest.mark.parametrize(
    ("dtype", "white"), [(numpy.uint8, 255), (numpy.uint16, 65535), (numpy.uint16, 4095), (numpy.float32, 1.0)]
)
def test_dtypes_and_ranges(network, magnifier, dtype, white):
    image = _image((45, 38), dtype, white=white)
    result = super_resolve(image, max_value=white, tile=20, network=magnifier)
    assert result.dtype == dtype
    assert result.max() <= white
    expected = _whole(network, image, white)
    tolerance = 1e-5 * white + (0.5 if numpy.dtype(dtype).kind == "u" else 0)
    numpy.testing.assert_allclose(result.astype(numpy.float64), expected, atol=tolerance)


def test_range_of_a_dtype_is_the_default():
    for dtype, white in ((numpy.uint8, 255), (numpy.uint16, 65535), (numpy.float32, 1)):
        image = _image((20, 20), dtype, white=white)
        numpy.testing.assert_array_equal(super_resolve(image), super_resolve(image, max_value=white))


def test_result_is_clipped_and_rounded(magnifier):
    image = numpy.zeros((24, 24), numpy.uint16)
    image[::2] = 4095
    image[:, ::3] = 4095
    result = super_resolve(image, max_value=4095, network=magnifier)
    assert result.min() == 0
    assert result.max() == 4095  # overshoot would wrap around or pass 4095


def test_scale_of_intensities_does_not_matter():
    image = _image((32, 32), numpy.uint8, white=255)
    wide = super_resolve(image.astype(numpy.uint16) * 257)
    assert numpy.abs(wide / 257 - super_resolve(image)).max() <= 0.51


def test_strided_views_and_out(magnifier):
    image = _image((60, 80), numpy.uint16, white=4095)[::2, 10:50]
    expected = super_resolve(image.copy(), max_value=4095, network=magnifier)
    out = numpy.zeros((60, 100), numpy.uint16)[:, 10:90]
    result = super_resolve(image, max_value=4095, out=out, network=magnifier)
    assert result is out
    numpy.testing.assert_array_equal(out, expected)


def test_input_is_left_alone():
    image = _image((30, 30))
    kept = image.copy()
    super_resolve(image, tile=10)
    numpy.testing.assert_array_equal(image, kept)


def test_torch_tensors_come_back():
    torch = pytest.importorskip("torch", reason="needs the train extra")
    image = torch.from_numpy(_image((20, 24)))
    result = super_resolve(image)
    assert isinstance(result, torch.Tensor)
    numpy.testing.assert_array_equal(result.numpy(), super_resolve(image.numpy()))
    crops = super_resolve(image, regions=[(0, 0, 4, 6)])
    assert isinstance(crops[0], torch.Tensor)


def test_agrees_with_the_scene_it_was_binned_from():
    """Pixel centres lie where 2x2 binning has them: a shift by half a pixel would double the error or more."""
    rows, columns = numpy.mgrid[:96, :96] + 0.5
    scene = (0.5 + 0.3 * numpy.sin(rows / 7) * numpy.cos(columns / 9)).astype(numpy.float32)
    small = scene.reshape(48, 2, 48, 2).mean(axis=(1, 3))
    error = numpy.abs(super_resolve(small) - scene)[20:-20, 20:-20]
    shifted = numpy.abs(super_resolve(small)[:, 1:] - scene[:, :-1])[20:-20, 20:-20]
    assert error.max() < 0.01
    assert error.mean() < 0.3 * shifted.mean()


# --- regions ------------------------------------------------------------------------------------------------------


def test_regions_are_crops_of_the_whole(magnifier):
    image = _image((90, 70), numpy.uint16, white=4095)
    whole = super_resolve(image, max_value=4095, network=magnifier)
    boxes = [(0, 0, 1, 1), (0, 0, 90, 70), (10, 20, 55, 61), (89, 0, 90, 70), (30, 30, 40, 45)]
    for tile in (13, 256):
        crops = super_resolve(image, max_value=4095, regions=boxes, tile=tile, threads=2, network=magnifier)
        assert len(crops) == len(boxes)
        for crop, (row0, column0, row1, column1) in zip(crops, boxes, strict=True):
            expected = whole[2 * row0 : 2 * row1, 2 * column0 : 2 * column1]
            assert crop.shape == expected.shape
            assert crop.dtype == numpy.uint16
            assert numpy.abs(crop.astype(int) - expected).max() <= 1  # rounding of values that differ by 1e-6


def test_no_regions_give_no_crops():
    assert super_resolve(_image((10, 10)), regions=[]) == []


# --- masks --------------------------------------------------------------------------------------------------------


def test_only_the_mask_is_magnified_by_the_network(magnifier):
    image = _image((80, 60), numpy.uint16, white=4095)
    mask = numpy.zeros(image.shape, bool)
    mask[20:50, 5:31] = True
    mask[79, 59] = True
    linear = mcfast.resample(image, 2.0)
    whole = super_resolve(image, max_value=4095, network=magnifier)
    large = mask.repeat(2, axis=0).repeat(2, axis=1)
    for tile in (16, 256):
        result = super_resolve(image, max_value=4095, mask=mask, tile=tile, network=magnifier)
        numpy.testing.assert_array_equal(result[~large], linear[~large])
        assert numpy.abs(result[large].astype(int) - whole[large]).max() <= 1
        boxes = [(0, 0, 80, 60), (10, 0, 30, 9), (60, 30, 80, 60)]
        crops = super_resolve(image, max_value=4095, mask=mask, regions=boxes, tile=tile, network=magnifier)
        for crop, (row0, column0, row1, column1) in zip(crops, boxes, strict=True):
            expected = result[2 * row0 : 2 * row1, 2 * column0 : 2 * column1]
            assert numpy.abs(crop.astype(int) - expected).max() <= 1


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_mask_changes_no_bit_of_what_it_marks(data):
    rows, columns = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 150))
    random = numpy.random.default_rng(data.draw(st.integers(0, 2**31)))
    image = (random.random((rows, columns)) * 4095).astype(data.draw(st.sampled_from([numpy.uint16, numpy.float32])))
    mask = numpy.zeros(image.shape, bool)
    for _ in range(data.draw(st.integers(0, 4))):
        row, column = random.integers(rows), random.integers(columns)
        mask[row : row + random.integers(1, 40), column : column + random.integers(1, 70)] = True
    mask |= random.random(mask.shape) < data.draw(st.sampled_from([0, 0.001, 0.1]))  # beside spots lies what is stale
    threads, tile = data.draw(st.integers(1, 3)), data.draw(st.sampled_from([None, 7, 64]))
    result = super_resolve(image, max_value=4095, mask=mask, tile=tile, threads=threads)
    large = mask.repeat(2, axis=0).repeat(2, axis=1)
    numpy.testing.assert_array_equal(result[large], super_resolve(image, max_value=4095)[large])
    numpy.testing.assert_array_equal(result[~large], mcfast.resample(image, 2.0)[~large])


def test_a_mask_across_the_kernels_own_tiles_changes_no_bit_of_what_it_marks():
    image = _image((1100, 1060), numpy.uint16, white=4095)
    rows, columns = numpy.ogrid[:1100, :1060]
    mask = (rows - 560) ** 2 + columns**2 < 530**2
    result = super_resolve(image, max_value=4095, mask=mask, threads=2)
    large = mask.repeat(2, axis=0).repeat(2, axis=1)
    numpy.testing.assert_array_equal(result[large], super_resolve(image, max_value=4095)[large])
    numpy.testing.assert_array_equal(result[~large], mcfast.resample(image, 2.0)[~large])


def test_full_and_empty_masks(network):
    image = _image((40, 50))
    numpy.testing.assert_array_equal(super_resolve(image, mask=numpy.ones(image.shape, bool)), super_resolve(image))
    nothing = super_resolve(image, mask=numpy.zeros(image.shape, bool))
    numpy.testing.assert_array_equal(nothing, mcfast.resample(image, 2.0))


# --- errors -------------------------------------------------------------------------------------------------------

IMAGE = numpy.zeros((8, 9), numpy.uint16)


@pytest.mark.parametrize(
    ("image", "options", "error", "message"),
    [
        (
            IMAGE.astype(numpy.int64),
            {},
            TypeError,
            r"super_resolve\(image\): expected uint8, uint16 or float32, got int64",
        ),
        (IMAGE.astype(numpy.float64), {}, TypeError, r"got float64; cast it with image.astype\(numpy.uint16\)"),
        (
            IMAGE.tolist(),
            {},
            TypeError,
            r"super_resolve\(image\): expected a NumPy array or a .* got .*list",
        ),
        (IMAGE[None], {}, ValueError, r"expected \(rows, columns\), not empty, got shape \(1, 8, 9\)"),
        (IMAGE[:0], {}, ValueError, r"not empty, got shape \(0, 9\)"),
        (
            IMAGE,
            {"max_value": 0},
            ValueError,
            r"super_resolve\(max_value\): expected more than 0 and .*, got 0",
        ),
        (IMAGE, {"max_value": 65536}, ValueError, "at most 65535, got 65536"),
        (IMAGE, {"max_value": float("nan")}, ValueError, "at most 65535, got nan"),
        (
            IMAGE + 5000,
            {"max_value": 4095},
            ValueError,
            r"expected finite values 0 .. 4095, got 5000 .. 5000; give",
        ),
        (
            numpy.full((3, 3), numpy.nan, numpy.float32),
            {},
            ValueError,
            r"finite values 0 .. 1, got nan .. nan",
        ),
        (
            numpy.full((3, 3), numpy.inf, numpy.float32),
            {},
            ValueError,
            r"finite values 0 .. 1, got inf .. inf",
        ),
        (numpy.full((3, 3), -0.1, numpy.float32), {}, ValueError, r"got -0.1"),
        (IMAGE, {"tile": 0}, ValueError, r"super_resolve\(tile\): expected None or at least 1, got 0"),
        (IMAGE, {"threads": 0}, ValueError, "threads: expected None or at least 1, got 0"),
        (
            IMAGE,
            {"regions": [(0, 0, 9, 9)]},
            ValueError,
            r"\(regions\): .* image's \(8, 9\), got \(0, 0, 9, 9\)",
        ),
        (IMAGE, {"regions": [(2, 2, 2, 4)]}, ValueError, r"got \(2, 2, 2, 4\)"),
        (IMAGE, {"regions": [(-1, 0, 2, 4)]}, ValueError, r"got \(-1, 0, 2, 4\)"),
        (IMAGE, {"regions": [], "out": IMAGE}, ValueError, r"super_resolve\(regions\): expected no out beside it"),
        (IMAGE[:, ::2], {}, ValueError, r"super_resolve\(image\): expected contiguous rows, .*ascontiguousarray"),
        (IMAGE.astype(">u2"), {}, TypeError, r"super_resolve\(image\): expected uint8, uint16 or float32, got >u2"),
        (IMAGE, {"mask": IMAGE}, ValueError, r"super_resolve\(mask\): expected bool of shape \(8, 9\), got uint16"),
        (IMAGE, {"mask": IMAGE[1:] > 0}, ValueError, r"got bool of shape \(7, 9\)"),
        (
            IMAGE,
            {"out": IMAGE},
            ValueError,
            r"super_resolve\(out\): expected a writable uint16 .* \(16, 18\), got",
        ),
        (IMAGE, {"out": numpy.zeros((16, 18), numpy.uint8)}, ValueError, r"got uint8 of shape \(16, 18\)"),
    ],
)
def test_wrong_arguments_are_named(image, options, error, message):
    with pytest.raises(error, match=message):
        super_resolve(image, **options)


def test_out_must_not_overlap_the_image():
    memory = numpy.zeros((20, 20), numpy.uint16)
    with pytest.raises(ValueError, match="expected an array that does not overlap the image; give another"):
        super_resolve(memory[:10, :10], out=memory)
