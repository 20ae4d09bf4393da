import cv2
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import DTYPES, THREADS, footprints, images, make
from scipy import ndimage

import mcfast

OPERATIONS = ("erode", "dilate", "opening", "closing", "white_tophat", "black_tophat")


@given(images(), footprints(), st.sampled_from(OPERATIONS), THREADS)
def test_equals_the_specification(image, mask, operation, threads):
    function = getattr(mcfast, operation)
    result = function(image, mask, threads=threads)
    assert result.dtype == image.dtype
    numpy.testing.assert_array_equal(result, function(image, mask, backend="reference"))


@given(images(), st.sampled_from((1, 3, 5, 17, 41)), st.sampled_from((1, 3, 9, 33, 101)), THREADS)
def test_rectangles_of_any_size(image, rows, columns, threads):
    size = rows, columns
    numpy.testing.assert_array_equal(
        mcfast.min_filter(image, size, threads=threads), mcfast.min_filter(image, size, backend="reference")
    )
    numpy.testing.assert_array_equal(
        mcfast.max_filter(image, size, threads=threads), mcfast.max_filter(image, size, backend="reference")
    )


@given(images(), footprints())
def test_equals_scipy(image, mask):
    high = numpy.inf if image.dtype.kind == "f" else numpy.iinfo(image.dtype).max
    expected = ndimage.minimum_filter(image, footprint=mask, mode="constant", cval=high)
    numpy.testing.assert_array_equal(mcfast.erode(image, mask), expected)


@given(images(), st.sampled_from((1, 2, 4, 7.5, 12)))
def test_disks_equal_opencv(image, radius):
    disk = mcfast.disk(radius)
    element = disk.mask.astype(numpy.uint8)
    numpy.testing.assert_array_equal(mcfast.erode(image, disk), cv2.erode(image, element))
    numpy.testing.assert_array_equal(mcfast.dilate(image, disk), cv2.dilate(image, element))


def _sum_of_segments(square, diagonal, steep, flat):
    """A square and segments along (1, 1), (1, 2), (2, 1) and their mirror images: what the core divides."""
    mask = numpy.ones((square, square), bool)
    for rows, columns, points in ((1, 1, diagonal), (2, 1, steep), (1, 2, flat)):
        for sign in (1, -1):
            for _ in range(points - 1):
                larger = numpy.zeros((mask.shape[0] + rows, mask.shape[1] + columns), bool)
                left, right = (0, columns) if sign > 0 else (columns, 0)
                larger[: mask.shape[0], left : left + mask.shape[1]] |= mask
                larger[rows:, right : right + mask.shape[1]] |= mask
                mask = larger
    return mask


@given(
    images(),
    st.one_of(
        st.sampled_from((7, 9, 15, 20, 25, 31)).map(lambda radius: mcfast.disk(radius).mask),
        st.builds(_sum_of_segments, *[st.integers(1, 9)] * 4),
    ),
    THREADS,
)
def test_footprints_that_are_sums_of_segments(image, mask, threads):
    footprint = mcfast.Footprint(mask)
    for function in (mcfast.erode, mcfast.dilate, mcfast.white_tophat):
        numpy.testing.assert_array_equal(
            function(image, footprint, threads=threads), function(image, footprint, backend="reference")
        )


def test_sums_of_segments_larger_than_a_box():
    image = make(numpy.uint8, 603, 2711, 4)
    for radius in (9, 25):
        disk = mcfast.disk(radius)
        expected = cv2.dilate(cv2.erode(image, disk.mask.astype(numpy.uint8)), disk.mask.astype(numpy.uint8))
        numpy.testing.assert_array_equal(mcfast.opening(image, disk), expected)


@given(images(), footprints())
def test_algebra(image, mask):
    """Duality, extensivity and idempotence, for footprints with or without their origin."""
    opened, closed = mcfast.opening(image, mask), mcfast.closing(image, mask)
    assert (opened <= image).all()
    assert (closed >= image).all()
    numpy.testing.assert_array_equal(mcfast.opening(opened, mask), opened)
    numpy.testing.assert_array_equal(mcfast.closing(closed, mask), closed)
    if image.dtype.kind == "u":
        top = numpy.iinfo(image.dtype).max
        mirrored = mcfast.Footprint(mask).reflected
        numpy.testing.assert_array_equal(mcfast.dilate(top - image, mirrored), top - mcfast.erode(image, mask))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_out_may_be_the_image(dtype, operation):
    image = make(dtype, 203, 131, 1)
    for footprint in (mcfast.disk(4), mcfast.rectangle(5, 9)):
        expected = getattr(mcfast, operation)(image, footprint)
        place = image.copy()
        assert getattr(mcfast, operation)(place, footprint, out=place) is place
        numpy.testing.assert_array_equal(place, expected)


def test_many_tiles_and_strips():
    """Larger than one task in both directions, for both kernels."""
    image = make(numpy.uint16, 700, 1501, 2, 65536)
    for footprint in (mcfast.rectangle(101, 45), mcfast.rectangle(3, 3), mcfast.disk(25), mcfast.rectangle(4, 6)):
        expected = cv2.erode(image, footprint.mask.astype(numpy.uint8))
        for threads in (1, 2, 5):
            numpy.testing.assert_array_equal(mcfast.erode(image, footprint, threads=threads), expected)


def test_dark_channel_of_colours():
    for dtype in DTYPES:
        planes = numpy.stack([make(dtype, 41, 67, seed) for seed in range(3)], axis=2)
        expected = ndimage.minimum_filter(planes.min(axis=2), (7, 11), mode="nearest")
        numpy.testing.assert_array_equal(mcfast.dark_channel(planes, (7, 11)), expected)
        numpy.testing.assert_array_equal(
            mcfast.dark_channel(planes[..., 0].copy(), 5, backend="reference"),
            mcfast.dark_channel(planes[..., 0].copy(), 5),
        )
        wide = numpy.zeros((41, 90, 3), dtype)
        wide[:, 5:72] = planes
        numpy.testing.assert_array_equal(mcfast.dark_channel(wide[:, 5:72], (7, 11)), expected)


def test_footprint():
    assert mcfast.disk(2).mask.sum() == 13
    assert mcfast.disk(0).shape == (1, 1)
    assert mcfast.rectangle(3, 5).is_rectangle
    assert not mcfast.rectangle(2, 5).is_rectangle
    assert mcfast.Footprint([[1, 1, 0, 1]]).chords.tolist() == [[0, -2, 2], [0, 1, 1]]
    assert mcfast.Footprint([[1, 1, 0, 1]]).reflected.mask.tolist() == [[False, True, False, True, True]]
    assert mcfast.disk(3) == mcfast.disk(3) != mcfast.disk(4)
    assert len({mcfast.disk(3), mcfast.disk(3)}) == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda a: mcfast.erode(a.astype(numpy.int64), mcfast.disk(1)),
            TypeError,
            "erode(image): expected uint8, uint16 or float32, got int64; cast it with image.astype(numpy.uint16)",
        ),
        (
            lambda a: mcfast.dilate(a.astype(numpy.float64), mcfast.disk(1)),
            TypeError,
            "dilate(image): expected uint8, uint16 or float32, got float64; cast it with image.astype(numpy.float32)",
        ),
        (lambda a: mcfast.erode(a.astype(">u2"), mcfast.disk(1)), TypeError, "got >u2"),
        (
            lambda a: mcfast.erode(a[None], mcfast.disk(1)),
            ValueError,
            "erode(image): expected a 2-D array (rows, columns), got shape (1, 6, 8)",
        ),
        (
            lambda a: mcfast.erode(a[:0], mcfast.disk(1)),
            ValueError,
            "erode(image): expected 1 to 2^30 rows and columns, got shape (0, 8)",
        ),
        (
            lambda a: mcfast.erode(a[:, ::2], mcfast.disk(1)),
            ValueError,
            "erode(image): expected contiguous rows, got a column stride of 4 bytes; use numpy.ascontiguousarray(image)",
        ),
        (
            lambda a: mcfast.erode(
                numpy.frombuffer(b"\0" * 97, numpy.uint8)[1:].view(numpy.uint16).reshape(6, 8), mcfast.disk(1)
            ),
            ValueError,
            "erode(image): expected aligned rows, got misaligned memory",
        ),
        (
            lambda a: mcfast.erode(a, mcfast.disk(1), out=a.astype(numpy.uint8)),
            TypeError,
            "erode(out): expected uint16, got uint8",
        ),
        (
            lambda a: mcfast.erode(a, mcfast.disk(1), out=a[:3]),
            ValueError,
            "erode(out): expected shape (6, 8), got (3, 8)",
        ),
        (
            lambda a: mcfast.erode(a, mcfast.disk(1), out=_read_only(a)),
            ValueError,
            "erode(out): expected a writable array, got a read-only one",
        ),
        (
            lambda a: mcfast.erode(a[1:], mcfast.disk(1), out=a[:-1]),
            ValueError,
            "erode(out): expected memory apart from the input (or the input itself), got an overlap; give another array",
        ),
        (
            lambda a: mcfast.erode(a, mcfast.disk(1), threads=0),
            ValueError,
            "erode(threads): expected None or a number from 1 to 256, got -1",
        ),
        (lambda a: mcfast.erode(a, mcfast.disk(1), stream=1), ValueError, "erode(stream): expected None"),
        (
            lambda a: mcfast.erode(a.tolist(), mcfast.disk(1)),
            TypeError,
            "erode(image): expected a NumPy array or a torch tensor, got builtins.list; convert it with numpy.asarray",
        ),
        (
            lambda a: mcfast.min_filter(a, 4),
            ValueError,
            "min_filter(size): expected odd sides of at least 1, got 4; use 5",
        ),
        (lambda a: mcfast.min_filter(a, 2.5), TypeError, "min_filter(size): expected an int or two, got 2.5"),
        (lambda a: mcfast.dark_channel(a, 2), ValueError, "dark_channel(size): expected odd sides"),
        (
            lambda a: mcfast.dark_channel(numpy.dstack([a, a, a])[:, ::2], 3),
            ValueError,
            "dark_channel(image): expected interleaved channels",
        ),
        (
            lambda a: mcfast.erode(a, numpy.zeros((3, 3))),
            ValueError,
            "Footprint(mask): expected at least one pixel set",
        ),
        (lambda a: mcfast.erode(a, numpy.ones(3)), ValueError, "Footprint(mask): expected a 2-D array, got 1-D"),
        (lambda a: mcfast.rectangle(0, 3), ValueError, "rectangle(height, width): expected at least 1 x 1, got 0 x 3"),
        (lambda a: mcfast.disk(-1), ValueError, "disk(radius): expected a finite radius of at least 0, got -1"),
        (lambda a: mcfast.disk(float("nan")), ValueError, "disk(radius): expected a finite radius"),
        (
            lambda a: mcfast.erode(a, mcfast.disk(1), backend="fpga"),
            mcfast.errors.DeviceError,
            "backend: expected one of native, reference, numba or None, got 'fpga'",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error) as raised:
        call(make(numpy.uint16, 6, 8, 0))
    assert message in str(raised.value)


def _read_only(image):
    copy = image.copy()
    copy.flags.writeable = False
    return copy


def test_a_mask_stays_its_owners():
    mask = numpy.ones((3, 3), bool)
    footprint = mcfast.Footprint(mask)
    mask[0, 0] = False  # still writable, and not seen
    assert footprint.mask.all()


def test_windows_far_larger_than_the_image():
    image = make(numpy.uint16, 5, 7, 1)
    assert (mcfast.min_filter(image, 32767) == image.min()).all()
    assert (mcfast.dilate(image, mcfast.rectangle(1, 32767)) == image.max(axis=1, keepdims=True)).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: mcfast.min_filter(a.astype(int), 3), TypeError, "min_filter(image): expected uint8"),
        (lambda a: mcfast.max_filter(a.astype(int), 3), TypeError, "max_filter(image): expected uint8"),
        (lambda a: mcfast.min_filter(a, 32769), ValueError, "min_filter(size): expected at most 32767 pixels"),
        (lambda a: mcfast.min_filter(a, 2**40 + 1), ValueError, "min_filter(size): expected a number below 2^31"),
        (lambda a: mcfast.erode(a.reshape(1, 1, 1, 6, 8), mcfast.disk(1)), ValueError, "got shape (1, 1, 1, 6, ...)"),
        (lambda a: mcfast.erode(a, mcfast.disk(1), threads=2.0), TypeError, "erode(threads): expected an int, got 2.0"),
        (lambda a: mcfast.erode(a, mcfast.disk(1), out=[1]), TypeError, "erode(out): expected a NumPy array"),
        (lambda a: mcfast.box_mean(a, 2.5), TypeError, "box_mean(radius): expected an int, got 2.5"),
        (lambda a: mcfast.box_mean(a, 2**40), ValueError, "box_mean(radius): expected a number below 2^31"),
        (lambda a: mcfast.gaussian_blur(a, "1"), TypeError, "gaussian_blur(sigma): expected a number, got '1'"),
        (lambda a: mcfast.lookup(a, [1]), TypeError, "lookup(table): expected a NumPy array"),
        (lambda a: mcfast.dehaze([[1]]), TypeError, "dehaze(image): expected a NumPy array"),
        (lambda a: mcfast.resample(a, "0.5"), TypeError, "resample(scale): expected a number, got '0.5'"),
        (lambda a: mcfast.resample(a, (1.0,)), TypeError, "resample(scale): expected a number or two"),
        (lambda a: mcfast.stitch([1], (1, 1), 1), TypeError, "stitch(patches): expected a NumPy array"),
    ],
)
def test_every_wrong_kind_is_named(call, error, message):
    with pytest.raises(error) as raised:
        call(make(numpy.uint16, 6, 8, 1))
    assert message in str(raised.value)
