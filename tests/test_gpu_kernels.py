"""Every kernel, run by the emulated GPU with all its checks on, against the CPU: integers equal, floats close."""

import numpy
import pytest
import test_gpu_proposal
import test_gpu_suppression
import test_gpu_texture
import test_gpu_tone
from images import DTYPES, make, strided

import mcfast
from mcfast.backends.gpu import candidates, noise
from mcfast.detect import breast_mask
from mcfast.detect.residual import local_statistics

# Below a warp, around a block's 128 words and its 32 x 32 tiles, more than one strip.
SHAPES = ((1, 1), (1, 97), (65, 3), (33, 129), (203, 331))
OPERATIONS = ("erode", "dilate", "opening", "closing", "white_tophat", "black_tophat")
FOOTPRINTS = (
    mcfast.rectangle(1, 1),
    mcfast.rectangle(3, 11),
    mcfast.rectangle(101, 65),
    mcfast.disk(1),
    mcfast.disk(5),
    mcfast.disk(30),
    mcfast.rectangle(4, 6),
    mcfast.Footprint([[1, 1, 0, 1], [0, 0, 0, 1]]),
)


def white_of(dtype):
    return 1.0 if dtype == numpy.float32 else 255.0 if dtype == numpy.uint8 else 4095.0


def close(result, expected, white):
    """Within two units in the last place of a float32 as large as white."""
    assert result.dtype == expected.dtype
    numpy.testing.assert_allclose(result, expected, rtol=0, atol=4 * white * 2.0**-24)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_morphology(emulated, dtype, shape):
    image = strided(make(dtype, *shape, 1), sum(shape))
    for i, footprint in enumerate(FOOTPRINTS):
        for operation in OPERATIONS if i % 3 == 1 else OPERATIONS[i % 2 :: 3]:
            expected = getattr(mcfast, operation)(image, footprint)
            numpy.testing.assert_array_equal(emulated.run(operation, image, footprint), expected)


@pytest.mark.parametrize("shape", (*SHAPES, (300, 260)))
@pytest.mark.parametrize("dtype", DTYPES)
def test_tophats_in_one_pass(emulated, dtype, shape):
    image = strided(make(dtype, *shape, 1, levels=50), sum(shape))
    for sides in ((1, 1), (3, 3), (1, 31), (31, 1), (5, 17), (31, 31), (33, 3)):
        for operation in ("white_tophat", "black_tophat"):
            footprint = mcfast.rectangle(*sides)
            before = len(emulated.launches)
            result = emulated.run(operation, image, footprint)
            numpy.testing.assert_array_equal(result, getattr(mcfast, operation)(image, footprint))
            assert len(emulated.launches) - before == (2 if sides == (33, 3) and shape[0] > 16 else 1)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_out_may_be_the_image(emulated, dtype, operation):
    image = make(dtype, 75, 131, 1)
    for footprint in (mcfast.disk(4), mcfast.rectangle(5, 9)):
        expected = getattr(mcfast, operation)(image, footprint)
        place = image.copy()
        assert emulated.run(operation, place, footprint, out=place) is place
        numpy.testing.assert_array_equal(place, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dark_channel_of_colours(emulated, dtype):
    planes = numpy.stack([make(dtype, 41, 167, seed) for seed in range(3)], axis=2)
    numpy.testing.assert_array_equal(
        emulated.run("dark_channel", planes, (7, 11)), mcfast.dark_channel(planes, (7, 11))
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_window_means(emulated, dtype, shape):
    image, guide, white = strided(make(dtype, *shape, 1), sum(shape)), make(dtype, *shape, 2), white_of(dtype)
    for radius in (0, 1, 22):
        eps = 1e-3 * white**2
        close(emulated.run("box_mean", image, radius), mcfast.box_mean(image, radius), white)
        close(emulated.run("guided_filter", image, radius, eps), mcfast.guided_filter(image, radius, eps), white)
        close(
            emulated.run("guided_filter", image, radius, eps, guide=guide),
            mcfast.guided_filter(image, radius, eps, guide=guide),
            white,
        )
    close(
        emulated.run("guided_filter", image, 8, eps, subsample=3),
        mcfast.guided_filter(image, 8, eps, subsample=3),
        4 * white,
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_windows_wider_than_shared_memory(emulated, dtype):
    """Their sums are kept in scratch memory: the same code, and the same bits where both have room."""
    image, guide, white = make(dtype, 37, 700, 1), make(dtype, 37, 700, 2), white_of(dtype)
    eps, options = 1e-3 * white**2, {"size": (3, 3), "omega": 0.9, "eps": 1e-3, "t_min": 0.1, "max_value": white}
    close(emulated.run("box_mean", image, 600), mcfast.box_mean(image, 600), white)
    for radius in (330, 600):
        close(emulated.run("guided_filter", image, radius, eps), mcfast.guided_filter(image, radius, eps), white)
        expected = mcfast.guided_filter(image, radius, eps, guide=guide)
        close(emulated.run("guided_filter", image, radius, eps, guide=guide), expected, white)
    result = emulated.run("dehaze", image, radius=600, **options).astype(float)
    difference = numpy.abs(result - mcfast.dehaze(image, radius=600, **options))
    assert difference.max() <= (2e-6 if white == 1 else 1)
    wide = numpy.tile(image, (1, 2))
    expected = mcfast.guided_filter(wide, 1200, eps, subsample=2)
    close(emulated.run("guided_filter", wide, 1200, eps, subsample=2), expected, 4 * white)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_blur(emulated, dtype, shape):
    """From a reach of 1 pixel to 256, which is beyond the image, and on both sides of a wider tile."""
    image = strided(make(dtype, *shape, 1), sum(shape))
    for sigma in (0.1, 0.7, 2.0, 9.1) if shape != (33, 129) else (1.3, 8.0, 8.1, 39.9, 64.0):
        expected = mcfast.gaussian_blur(image, sigma)
        numpy.testing.assert_array_equal(emulated.run("gaussian_blur", image, sigma), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_flat_bright_areas_lose_nothing(emulated, dtype):
    """Where E[I^2] - E[I]^2 cancels: no NaN, the plateau itself, and eps may be 0."""
    top = 1 if dtype == numpy.float32 else numpy.iinfo(dtype).max
    image = numpy.full((70, 140), top, dtype)
    image[:, 100:] = 0
    result = emulated.run("guided_filter", image, 5, 0.0)
    numpy.testing.assert_array_equal(result[:, :80], top)
    assert numpy.isfinite(result).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dehaze(emulated, dtype, shape):
    image = make(dtype, *shape, 1)
    white = white_of(dtype)
    options = {"size": (11, 5), "radius": 7, "omega": 0.9, "eps": 1e-3, "t_min": 0.1, "max_value": white}
    result, expected = emulated.run("dehaze", image, **options), mcfast.dehaze(image, **options)
    if dtype == numpy.float32:
        numpy.testing.assert_allclose(result, expected, rtol=0, atol=2e-6)
        return
    difference = numpy.abs(result.astype(int) - expected)
    assert difference.max() <= 1  # where the exact value is half way, up to the roundings of a and b
    assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_resample(emulated, dtype, shape):
    image = strided(make(dtype, *shape, 1), sum(shape))
    for scale in ((0.7, 0.7), (1.6, 0.33), (2.0, 2.0), (0.5, 1.0)):
        numpy.testing.assert_array_equal(emulated.run("resample", image, scale), mcfast.resample(image, scale))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", (numpy.uint8, numpy.uint16))
def test_lookup(emulated, dtype, shape):
    image = strided(make(dtype, *shape, 1), sum(shape))
    for entries in (1, 100, 65536):
        table = make(numpy.uint16, 1, entries, 3)[0].copy()
        numpy.testing.assert_array_equal(emulated.run("lookup", image, table=table), mcfast.lookup(image, table))


@pytest.mark.parametrize("size", (1, 12, 31))
@pytest.mark.parametrize("dtype", DTYPES)
def test_gather_patches(emulated, dtype, size):
    image = make(dtype, 65, 97, 1)
    centres = numpy.array([[0, 0], [64, 96], [30, 1], [64, 50]], numpy.int32)
    each = numpy.array([0.5, 2, 3, 70], numpy.float32)
    for options in ({}, {"mean": 3.0, "std": 1.7}, {"mean": each, "std": each}):
        expected = mcfast.gather_patches(image, centres, size, **options)
        result = emulated.run("gather_patches", image, size, centres=centres, **options)
        numpy.testing.assert_array_equal(result, expected)
        half = emulated.run("gather_patches", image, size, centres=centres, dtype=numpy.float16, **options)
        with numpy.errstate(over="ignore"):
            numpy.testing.assert_array_equal(half, expected.astype(numpy.float16))


@pytest.mark.parametrize("dtype", DTYPES)
def test_windows_and_stitch(emulated, dtype):
    image = make(dtype, 65, 97, 1)
    for size, stride in (((17, 31), (11, 16)), ((65, 97), (1, 1)), ((8, 8), (8, 8)), ((9, 7), (2, 3))):
        windows = mcfast.sliding_windows(image, size, stride, cover=True)
        numpy.testing.assert_array_equal(emulated.run("sliding_windows", image, size, stride), windows)
        windows = (windows * numpy.linspace(0.2, 1, windows.shape[1])[:, None, None]).astype(dtype)
        expected = mcfast.stitch(windows, image.shape, stride)
        numpy.testing.assert_array_equal(emulated.run("stitch", windows, image.shape, stride), expected)


@pytest.mark.parametrize("shape", (*SHAPES, (1100, 40)))
@pytest.mark.parametrize("dtype", DTYPES)
def test_local_maxima(emulated, dtype, shape):
    image = strided(make(dtype, *shape, 1, levels=50), sum(shape))
    inside = make(numpy.uint8, *shape, 3) > 60
    for radius, chosen in ((0, None), (1, inside), (4, None)):
        result = emulated.run("local_maxima", image, radius, threshold=0.3, mask=chosen)
        expected = mcfast.local_maxima(image, radius, threshold=0.3, mask=chosen)
        for own, other in zip(result, expected, strict=True):
            numpy.testing.assert_array_equal(own, other)


def test_a_list_that_overflows_says_by_how_much(emulated):
    image = make(numpy.uint16, 90, 140, 1)
    positions, values = mcfast.local_maxima(image, 1, threshold=0.0)
    for capacity in (0, 1, len(values) - 1, len(values), len(values) + 5):
        found = emulated.run("local_maxima", image, 1, threshold=0.0, capacity=capacity, plan=candidates.find_maxima)
        kept = min(capacity, len(values))
        assert emulated.read(found.count, 0) == len(values)
        numpy.testing.assert_array_equal(emulated.read(found.positions, 0)[:kept], positions[:kept])
        numpy.testing.assert_array_equal(emulated.read(found.values, 0)[:kept], values[:kept])


def test_a_list_in_given_arrays(emulated):
    image = make(numpy.uint16, 90, 140, 1)
    places, height = numpy.full((40, 2), -1, numpy.int32), numpy.zeros(40, numpy.float32)

    def plan(call, image, places, height):
        return candidates.find_maxima(call, image, 1, threshold=0.0, into=(places, height))

    found = emulated.run("maxima", image, places=places, height=height, plan=plan)
    positions, values = mcfast.local_maxima(image, 1, threshold=0.0)
    assert emulated.read(found.count, 0) == len(values)
    numpy.testing.assert_array_equal(places, positions[:40])
    numpy.testing.assert_array_equal(height, values[:40])
    with pytest.raises(
        ValueError, match=r"local_maxima\(into\): expected packed \(n, 2\) int32 and \(n,\) float32, got"
    ):
        emulated.run("maxima", image, places=places[1:], height=height, plan=plan)


@pytest.mark.parametrize("reach", (20, 800))
def test_noise_and_zscores(emulated, reach):
    values = make(numpy.float32, 140, 301 if reach == 20 else 900, 1) - 0.5
    values[60:64, 100:103] += 9  # a cluster
    inner = numpy.ones(values.shape, bool)
    inner[:40, :50] = inner[:, 280:] = False
    expected = local_statistics(values, inner, reach)

    def plan(call, image, inner):
        around = noise.local_noise(call, image, inner, reach)
        found = candidates.find_maxima(call, image, 2, threshold=0.0, mask=inner, capacity=9000)
        return around, found, noise.zscores(call, found, around, floor=0.1)

    around, found, scores = emulated.run("noise", values, inner=inner, plan=plan)
    known = inner[::2, ::2]
    for own, other in ((around.mean, expected.mean), (around.deviation, expected.deviation)):
        numpy.testing.assert_allclose(emulated.read(own, 0)[known], other[known], rtol=0, atol=3e-6)
    places, height = mcfast.local_maxima(values, 2, threshold=0.0, mask=inner)
    mean, deviation = expected.at(places)
    strength = (height - mean) / numpy.maximum(deviation, numpy.float32(0.1))
    count = int(emulated.read(found.count, 0)[0])
    assert 0 < count == len(places)
    numpy.testing.assert_allclose(emulated.read(scores, 0)[:count], strength, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_breast_mask(emulated, dtype):
    """Its own tests are in test_gpu_mask.py."""
    image, white = make(dtype, 75, 131, 1), white_of(dtype)
    valid = make(numpy.uint8, 75, 131, 2) > 20
    result = emulated.run("breast_mask", image, 0.5, max_value=white, valid=valid)
    numpy.testing.assert_array_equal(result, breast_mask(image, 0.5, max_value=white, valid=valid))


def test_kernels_do_not_depend_on_the_order_of_threads(pytestconfig):
    import emulated_device

    library = emulated_device.build(pytestconfig.cache)
    image = make(numpy.uint16, 90, 331, 1)
    options = {"size": (5, 5), "radius": 6, "omega": 0.9, "eps": 1e-3, "t_min": 0.1, "max_value": 4095.0}
    results = set()
    for seed in range(3):
        device = emulated_device.EmulatedDevice(library, shuffle=seed > 0, seed=seed)
        dehazed = device.run("dehaze", image, **options)
        positions, _ = device.run("local_maxima", dehazed, 2, threshold=0.0)
        results.add(dehazed.tobytes() + positions.tobytes() + device.run("opening", image, mcfast.disk(4)).tobytes())
    assert len(results) == 1


def test_every_kernel_has_run(emulated):
    """The last test of this file: no kernel is left untested by those before, nor by the files that name their own."""
    elsewhere = test_gpu_proposal.OWN | test_gpu_suppression.OWN | test_gpu_texture.OWN | test_gpu_tone.OWN
    assert set(emulated.kernels()) - elsewhere <= set(emulated.launches)
