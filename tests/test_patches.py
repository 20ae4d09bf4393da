import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import DTYPES, THREADS, images, make

import mcfast
from mcfast.windows import window_origins


@given(images(), st.sampled_from((1, 2, 5, 12, 40)), st.integers(0, 9), THREADS)
def test_gather_equals_the_specification(image, size, count, threads):
    rng = numpy.random.default_rng(count)
    centres = rng.integers(0, image.shape, (count, 2)).astype(numpy.int32)
    mean, std = rng.random(count, numpy.float32) * 100, rng.random(count, numpy.float32) + 0.5
    result = mcfast.gather_patches(image, centres, size, mean=mean, std=std, threads=threads)
    expected = mcfast.gather_patches(image, centres, size, mean=mean, std=std, backend="reference")
    assert result.shape == (count, 1, size, size)
    numpy.testing.assert_allclose(result, expected, rtol=2e-6, atol=2e-2 if image.dtype == numpy.uint16 else 1e-4)


def test_gather_equals_slices_of_a_padded_image():
    image = make(numpy.uint16, 50, 60, 1)
    padded = numpy.pad(image, 8, mode="edge")
    centres = numpy.array([[0, 0], [49, 59], [20, 30], [3, 58]], numpy.int32)
    patches = mcfast.gather_patches(image, centres, 12)
    for (row, column), patch in zip(centres, patches, strict=True):
        numpy.testing.assert_array_equal(patch[0], padded[row + 2 : row + 14, column + 2 : column + 14])
    shifted = mcfast.gather_patches(image, centres, 12, mean=7.0, std=2.0)
    numpy.testing.assert_allclose(shifted, (patches - 7) / 2)


def test_gather_into_a_batch():
    image = make(numpy.float32, 20, 20, 2)
    centres = numpy.array([[5, 5], [9, 9]], numpy.int32)
    batch = numpy.full((2, 1, 3, 3), -1, numpy.float32)
    assert mcfast.gather_patches(image, centres, 3, out=batch) is batch
    numpy.testing.assert_array_equal(batch[1, 0], image[8:11, 8:11])
    assert mcfast.gather_patches(image, numpy.empty((0, 2), numpy.int32), 3).shape == (0, 1, 3, 3)


@given(images(), st.integers(1, 6), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
def test_sliding_windows(image, height, width, down, right):
    height, width = min(height, image.shape[0]), min(width, image.shape[1])
    windows = mcfast.sliding_windows(image, (height, width), (down, right))
    assert numpy.shares_memory(windows, image)
    assert not windows.flags.writeable
    for i in range(windows.shape[0]):
        for j in range(windows.shape[1]):
            expected = image[i * down : i * down + height, j * right : j * right + width]
            numpy.testing.assert_array_equal(windows[i, j], expected)
    assert windows.shape[:2] == ((image.shape[0] - height) // down + 1, (image.shape[1] - width) // right + 1)


@given(images(), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), THREADS)
def test_stitch_puts_the_image_together_again(image, height, width, down, right, threads):
    height, width = min(height, image.shape[0]), min(width, image.shape[1])
    stride = min(down, height), min(right, width)
    windows = mcfast.sliding_windows(image, (height, width), stride, cover=True)
    result = mcfast.stitch(windows, image.shape, stride, threads=threads)
    if image.dtype.kind == "u":
        numpy.testing.assert_array_equal(result, image)
    else:
        numpy.testing.assert_allclose(result, image, rtol=1e-6)


def test_stitch_averages():
    for dtype in DTYPES:
        windows = make(dtype, 3 * 4 * 5, 6, 1).reshape(3, 4, 5, 6).copy()
        shape = (5 + 2 * 2, 6 + 3 * 4 - 1)
        result = mcfast.stitch(windows, shape, (2, 4))
        numpy.testing.assert_allclose(result, mcfast.stitch(windows, shape, (2, 4), backend="reference"), rtol=1e-6)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_window_origins_cover(length, size, stride):
    size = min(size, length)
    stride = min(stride, size)
    origins = window_origins(length, size, stride)
    covered = numpy.zeros(length, int)
    for origin in origins:
        covered[origin : origin + size] += 1
    assert covered.min() >= 1
    assert origins == sorted(set(origins))
    assert origins[-1] == length - size


CENTRE = numpy.array([[1, 1]], numpy.int32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda a: mcfast.gather_patches(a, CENTRE + 7, 3),
            ValueError,
            "gather_patches(centres): expected pixels of the image (6, 8), got (8, 8) at 0",
        ),
        (
            lambda a: mcfast.gather_patches(a, CENTRE.astype(numpy.int64), 3),
            TypeError,
            "gather_patches(centres): expected int32, got int64; cast it with centres.astype(numpy.int32)",
        ),
        (
            lambda a: mcfast.gather_patches(a, CENTRE[0], 3),
            ValueError,
            "gather_patches(centres): expected a contiguous (n, 2) array",
        ),
        (
            lambda a: mcfast.gather_patches(a, CENTRE, 0),
            ValueError,
            "gather_patches(size): expected 1 to 1024 pixels, got 0",
        ),
        (
            lambda a: mcfast.gather_patches(a, CENTRE, 3, std=0.0),
            ValueError,
            "gather_patches(std): expected positive values, got 0.0",
        ),
        (
            lambda a: mcfast.gather_patches(a, CENTRE, 3, mean=numpy.ones(2, numpy.float32)),
            ValueError,
            "gather_patches(mean): expected a number or one value for each of 1 centres, got shape (2,)",
        ),
        (
            lambda a: mcfast.gather_patches(a, CENTRE, 3, mean=numpy.ones(1)),
            TypeError,
            "gather_patches(mean): expected float32, got float64",
        ),
        (
            lambda a: mcfast.gather_patches(a, CENTRE, 3, dtype=numpy.float16),
            TypeError,
            "gather_patches(dtype): expected float32",
        ),
        (
            lambda a: mcfast.gather_patches(a, CENTRE, 3, out=numpy.empty((1, 1, 3, 4), numpy.float32)),
            ValueError,
            "gather_patches(out): expected a writable, contiguous (1, 1, 3, 3) array, got shape (1, 1, 3, 4)",
        ),
        (
            lambda a: mcfast.sliding_windows(a, 7, 1),
            ValueError,
            "sliding_windows(size): expected at most the image's (6, 8), got (7, 7)",
        ),
        (lambda a: mcfast.sliding_windows(a, 3, 0), ValueError, "sliding_windows(stride): expected at least 1, got 0"),
        (
            lambda a: mcfast.sliding_windows(a[0], 3, 1),
            ValueError,
            "sliding_windows(image): expected (rows, columns), got shape (8,)",
        ),
        (lambda a: mcfast.sliding_windows(a, 3, 4, cover=True), ValueError, "window_origins(stride): expected 1 .. 3"),
        (
            lambda a: mcfast.sliding_windows(a, "x", 4),
            TypeError,
            "sliding_windows(size): expected an int or two, got 'x'",
        ),
        (
            lambda a: mcfast.stitch(a, (6, 8), 2),
            ValueError,
            "stitch(patches): expected a contiguous (grid rows, grid columns, h, w) array",
        ),
        (
            lambda a: mcfast.stitch(a.reshape(2, 2, 3, 4).copy(), (6, 9), 3),
            ValueError,
            "stitch(patches): expected 2 x 3 windows, the covering grid, got shape (2, 2, 3, 4)",
        ),
        (
            lambda a: mcfast.stitch(a.reshape(2, 2, 3, 4).copy(), (6, 8), 5),
            ValueError,
            "stitch(stride): expected 1 to the window's height, got 5",
        ),
        (
            lambda a: mcfast.stitch(a.reshape(2, 2, 3, 4).copy(), (0, 8), 1),
            ValueError,
            "stitch(shape): expected at least (1, 1), got (0, 8)",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error) as raised:
        call(make(numpy.uint16, 6, 8, 0))
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["centres", "mean", "std"])
def test_out_apart_from_every_input(name):
    out = numpy.ones((2, 1, 3, 3), numpy.float32)
    inputs = {"centres": numpy.zeros((2, 2), numpy.int32)}
    inputs[name] = out.view(numpy.int32).reshape(-1)[:4].reshape(2, 2) if name == "centres" else out.reshape(-1)[:2]
    if name == "centres":
        inputs[name][:] = 0
    with pytest.raises(ValueError, match="out.: expected memory apart from the input"):
        mcfast.gather_patches(make(numpy.uint16, 6, 8, 1), size=3, out=out, **inputs)


def test_misaligned_arrays_are_refused():
    image, memory = make(numpy.uint16, 6, 8, 1), numpy.zeros(400, numpy.uint8)[1:]
    centres = numpy.zeros((2, 2), numpy.int32)
    with pytest.raises(ValueError, match=r"gather_patches\(centres\): expected a contiguous"):
        mcfast.gather_patches(image, memory[:16].view(numpy.int32).reshape(2, 2), 3)
    with pytest.raises(ValueError, match=r"gather_patches\(out\): expected a writable, contiguous"):
        mcfast.gather_patches(image, centres, 3, out=memory[:72].view(numpy.float32).reshape(2, 1, 3, 3))
    with pytest.raises(ValueError, match=r"stitch\(patches\): expected a contiguous"):
        mcfast.stitch(memory[:32].view(numpy.uint16).reshape(1, 1, 4, 4), (4, 4), 4)
    with pytest.raises(ValueError, match=r"lookup\(table\): expected a contiguous"):
        mcfast.lookup(image, memory[:200].view(numpy.uint16))


def test_a_huge_grid_is_refused_before_it_is_built():
    with pytest.raises(ValueError, match=r"expected 1 x 268435456 windows"):
        mcfast.stitch(numpy.zeros((1, 1, 1, 1), numpy.uint8), (1, 2**28), 1)
