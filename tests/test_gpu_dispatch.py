"""Arrays on a GPU find their device, stream and backend; the GPU itself is emulated."""

import sys
import types

import numpy
import pytest
from gpu_calls import DTYPES, calls, random_image
from images import make

import mcfast
from mcfast import ops
from mcfast.backends import cuda
from mcfast.backends import cupy as cupy_backend
from mcfast.backends.gpu import device_array, interop, run
from mcfast.backends.gpu.operations import PLANS
from mcfast.backends.gpu.views import view_of
from mcfast.errors import DeviceError


class OnGpu:
    """A host array that says that it lies on a GPU."""

    def __init__(self, array, device=0):
        self.array, self.device = array, device
        self.stream = 7

    @property
    def __cuda_array_interface__(self):
        return self.array.__array_interface__ | {"version": 3}

    def __dlpack_device__(self):
        return 2, self.device

    def __getitem__(self, rows):
        return OnGpu(self.array[rows], self.device)


@pytest.fixture
def gpu(emulated, monkeypatch):
    """The emulated device in place of the first backend; remembers the streams it was given."""
    streams = []
    launch = emulated.launch

    def remember(*arguments):
        streams.append(arguments[-1])
        launch(*arguments)

    def empty(shape, dtype, like, stream):
        array = numpy.empty(shape, dtype)
        result = OnGpu(array, like.device)
        return result, view_of(result.__cuda_array_interface__, result)

    monkeypatch.setattr(emulated, "launch", remember)
    monkeypatch.setattr(emulated, "empty", empty)
    monkeypatch.setattr(run, "device_for", lambda name, number: emulated)
    return types.SimpleNamespace(streams=streams)


@pytest.mark.parametrize("shape", [(1, 1), (41, 67)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_operation_comes_back_as_it_came_in(gpu, dtype, shape):
    image = random_image(dtype, shape)
    names = set()
    for name, call, most in calls(dtype, shape):
        result, expected = call(OnGpu(image), OnGpu), call(image, lambda array: array)
        several = isinstance(expected, tuple)
        for own, other in zip(result if several else (result,), expected if several else (expected,), strict=True):
            assert isinstance(own, OnGpu)
            assert own.array.dtype == other.dtype
            numpy.testing.assert_allclose(own.array.astype(float), other.astype(float), rtol=0, atol=most, err_msg=name)
        names.add(name)
    assert names >= PLANS.keys() - {"stitch", "lookup"}
    assert set(gpu.streams) == {7}


def test_stitch(gpu):
    image = random_image(numpy.uint16, (41, 67))
    windows = mcfast.sliding_windows(image, 9, 7, cover=True)
    result = mcfast.stitch(OnGpu(windows), image.shape, 7)
    numpy.testing.assert_array_equal(result.array, mcfast.stitch(windows, image.shape, 7))


def test_windows_without_a_copy(gpu):
    image = OnGpu(make(numpy.uint16, 23, 31, 1)[::2])
    windows = mcfast.sliding_windows(image, (5, 7), (2, 3))
    assert isinstance(windows, device_array.StridedView)
    assert windows.__dlpack_device__() == (2, 0)
    interface = windows.__cuda_array_interface__
    assert interface["data"][1] and interface["stream"] == 7  # read-only
    expected = mcfast.sliding_windows(image.array, (5, 7), (2, 3))
    seen = numpy.lib.stride_tricks.as_strided(image.array, windows.shape, windows.strides)
    numpy.testing.assert_array_equal(seen, expected)
    assert interface["data"][0] == image.array.ctypes.data
    with pytest.raises(ValueError, match=r"sliding_windows\(out\): expected None for a view without a copy, got an"):
        mcfast.sliding_windows(image, 5, 2, out=image)
    with pytest.raises(
        ValueError, match=r"sliding_windows\(stream\): expected None for an array in host memory, got 3"
    ):
        mcfast.sliding_windows(image.array, 5, 2, cover=True, stream=3)


def test_windows_of_other_libraries(monkeypatch):
    """torch counts strides in elements, CuPy in bytes; neither library is at hand without a GPU."""
    calls = []
    cupy = types.ModuleType("cupy")
    tricks = types.SimpleNamespace(as_strided=lambda *arguments: calls.append(arguments[1:]))
    cupy.lib = types.SimpleNamespace(stride_tricks=tricks)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    for library in ("cupy", "torch"):
        kind = type(
            "Array", (OnGpu,), {"__module__": library, "as_strided": lambda self, *arguments: calls.append(arguments)}
        )
        mcfast.sliding_windows(kind(IMAGE), (3, 5), (2, 1))
    shape = (16, 31, 3, 5)
    assert [(tuple(a), tuple(b)) for a, b in calls] == [(shape, (140, 2, 70, 2)), (shape, (70, 1, 35, 1))]


def test_streams(gpu):
    image = OnGpu(make(numpy.uint8, 9, 9, 1))
    for stream, handle in (
        (None, 7),
        (11, 11),
        (types.SimpleNamespace(cuda_stream=12), 12),
        (types.SimpleNamespace(ptr=13), 13),
        (types.SimpleNamespace(handle=14), 14),
        (types.SimpleNamespace(__cuda_stream__=lambda: (0, 15)), 15),
    ):
        mcfast.min_filter(image, 3, stream=stream)
        assert gpu.streams[-1] == handle
    with pytest.raises(TypeError, match=r"min_filter\(stream\): expected a stream of CuPy, torch or mcfast"):
        mcfast.min_filter(image, 3, stream="fast")


def test_out_on_the_gpu(gpu):
    image = make(numpy.uint16, 33, 35, 1)
    place = OnGpu(image.copy())
    assert mcfast.opening(place, mcfast.disk(2), out=place) is place
    numpy.testing.assert_array_equal(place.array, mcfast.opening(image, mcfast.disk(2)))


def test_half_precision_patches(gpu):
    image = make(numpy.uint16, 33, 35, 1)
    centres = numpy.array([[3, 4]], numpy.int32)
    batch = mcfast.gather_patches(OnGpu(image), OnGpu(centres), 5, dtype=numpy.float16).array
    numpy.testing.assert_array_equal(batch, mcfast.gather_patches(image, centres, 5).astype(numpy.float16))
    with pytest.raises(TypeError, match=r"gather_patches\(dtype\): expected float32 or float16, got float64"):
        mcfast.gather_patches(OnGpu(image), OnGpu(centres), 5, dtype=numpy.float64)


IMAGE = make(numpy.uint16, 33, 35, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: mcfast.erode(a.astype(numpy.int64), mcfast.disk(1)), TypeError, "got int64; cast it with"),
        (lambda a: mcfast.erode(a[0], mcfast.disk(1)), ValueError, "expected a 2-D array (rows, columns), got shape"),
        (lambda a: mcfast.erode(a[:0], mcfast.disk(1)), ValueError, "expected 1 to 2^30 rows and columns"),
        (lambda a: mcfast.erode(a[:, ::2], mcfast.disk(1)), ValueError, "expected contiguous rows"),
        (lambda a: mcfast.lookup(a.astype(numpy.float32), a[0]), TypeError, "expected uint8 or uint16, got float32"),
        (lambda a: mcfast.lookup(a, a), ValueError, "expected a contiguous 1-D array of 1 to 65536 entries"),
        (lambda a: mcfast.lookup(a, a[0].astype(numpy.uint8)), TypeError, "lookup(table): expected uint16, got uint8"),
        (lambda a: mcfast.dark_channel(a, 4), ValueError, "expected odd sides from 1 to 32767, got (4, 4)"),
        (lambda a: mcfast.box_mean(a, -1), ValueError, "box_mean(radius): expected 0 to 16384 pixels, got -1"),
        (lambda a: mcfast.guided_filter(a, 1, -1.0), ValueError, "guided_filter(eps): expected a finite number"),
        (lambda a: mcfast.guided_filter(a, 1, 0.0, subsample=2), ValueError, "expected above 0 together with"),
        (lambda a: mcfast.guided_filter(a, 1, 1.0, subsample=65), ValueError, "expected 1 to 64, got 65"),
        (lambda a: mcfast.guided_filter(a, 1, 1.0, guide=a[1:]), ValueError, "expected the shape of src, (33, 35)"),
        (lambda a: mcfast.dehaze(a, omega=2.0), ValueError, "dehaze(omega): expected 0 to 1, got 2"),
        (lambda a: mcfast.dehaze(a, max_value=1e6), ValueError, "expected above 0, at most 65535, got 1e+06"),
        (lambda a: mcfast.resample(a, 100.0), ValueError, "resample(scale): expected 1/64 to 64, got 100"),
        (lambda a: mcfast.local_maxima(a, 1, threshold=float("nan")), ValueError, "expected a number, got NaN"),
        (lambda a: mcfast.local_maxima(a, 1, threshold=0.0, mask=a), TypeError, "expected bool, got uint16"),
        (lambda a: mcfast.gather_patches(a, a, 3), TypeError, "gather_patches(centres): expected int32, got uint16"),
        (
            lambda a: mcfast.gather_patches(a, a[:, :2].copy_as(numpy.int32), 3, std=0.0),
            ValueError,
            "gather_patches(std): expected positive values, got 0.000000 at 0",
        ),
        (
            lambda a: mcfast.sliding_windows(a.copy_as(numpy.int32), 3, 1, cover=True),
            TypeError,
            "sliding_windows(image): expected uint8, uint16 or float32, got int32; cast it with",
        ),
        (
            lambda a: mcfast.sliding_windows(a, 3, 1, cover=True, out=a),
            ValueError,
            "sliding_windows(out): expected a contiguous (31, 33, 3, 3) array, got shape (33, 35)",
        ),
        (
            lambda a: mcfast.gaussian_blur(a, 0.05),
            ValueError,
            "gaussian_blur(sigma): expected 0.1 to 64 pixels, got 0.05",
        ),
        (lambda a: mcfast.stitch(a, (3, 3), 1), ValueError, "expected a contiguous (grid rows, grid columns, h, w)"),
        (lambda a: mcfast.min_filter(a, 3, out=a[1:]), ValueError, "min_filter(out): expected shape (33, 35)"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(gpu, call, error, message):
    class Everywhere(OnGpu):
        """Operations of NumPy on it give what they would, on the GPU."""

        def __getitem__(self, index):
            return Everywhere(self.array[index])

        def astype(self, dtype):
            return Everywhere(self.array.astype(dtype))

        def copy_as(self, dtype):
            return Everywhere(numpy.ascontiguousarray(self.array, dtype))

    with pytest.raises(error) as caught:
        call(Everywhere(IMAGE))
    assert message in str(caught.value)


def test_arrays_must_be_together(gpu):
    with pytest.raises(TypeError, match=r"min_filter\(out\): expected an array on the GPU, as the image is, got numpy"):
        mcfast.min_filter(OnGpu(IMAGE), 3, out=IMAGE.copy())
    with pytest.raises(ValueError, match=r"min_filter\(out\): expected the GPU of image, 0, got another"):
        mcfast.min_filter(OnGpu(IMAGE), 3, out=OnGpu(IMAGE.copy(), 1))
    with pytest.raises(ValueError, match=r"min_filter\(out\): expected memory apart from the input"):
        place = numpy.zeros((40, 35), numpy.uint16)
        mcfast.min_filter(OnGpu(place[:33]), 3, out=OnGpu(place[1:34]))


def test_backends_are_named_where_they_belong():
    with pytest.raises(DeviceError, match="'cuda' computes on arrays on a GPU, got one in host memory"):
        mcfast.min_filter(IMAGE, 3, backend="cuda")
    with pytest.raises(DeviceError, match="expected one of cuda, cupy or None for an array on a GPU, got 'native'"):
        mcfast.min_filter(OnGpu(IMAGE), 3, backend="native")
    with pytest.raises(DeviceError, match=r"sharpen: there is no GPU kernel; copy the array to the host first"):
        run.run_on_gpu("sharpen", OnGpu(IMAGE), name="image", backend=None, stream=None)


def test_every_operation_takes_arrays_on_a_gpu():
    assert PLANS.keys() == {*ops.__all__, "breast_mask"}


def test_without_a_gpu_every_reason_is_named(monkeypatch):
    monkeypatch.setattr(cuda, "unavailable", lambda: "no driver")
    monkeypatch.setattr(cupy_backend, "unavailable", lambda: "no CuPy")
    with pytest.raises(DeviceError, match="no GPU backend can be used here; cuda: no driver; cupy: no CuPy"):
        mcfast.min_filter(OnGpu(IMAGE), 3)
    backends = mcfast.info()["backends"]
    assert backends["cuda"] == "unavailable: no driver"
    assert backends["cupy"] == "unavailable: no CuPy"


def test_streams_of_libraries(monkeypatch):
    """The current stream of the array's own library; neither library is at hand without a GPU."""

    def module(name, **members):
        fake = types.ModuleType(name)
        fake.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, fake)

    def current(value):
        return lambda *_: types.SimpleNamespace(cuda_stream=value, ptr=value)

    module("cupy", cuda=types.SimpleNamespace(get_current_stream=current(21)))
    module("torch", cuda=types.SimpleNamespace(current_stream=current(22)))
    for library, handle in (("cupy", 21), ("torch", 22), ("elsewhere", 7)):
        kind = type("Array", (OnGpu,), {"__module__": f"{library}.core"})
        assert interop.stream_of(kind(IMAGE), None, "erode") == handle


def test_scratch_memory_is_found_again(emulated, monkeypatch):
    """After one call for an image of a size, no call for another of that size allocates."""
    monkeypatch.setattr(emulated, "scratches", {})
    image = make(numpy.uint16, 70, 90, 1)
    dehaze = {"size": (5, 5), "radius": 6, "omega": 0.9, "eps": 1e-3, "t_min": 0.1, "max_value": 4095.0}
    for operation, arguments, options, out in (
        ("breast_mask", (0.8,), {"max_value": 4095.0}, numpy.empty(image.shape, bool)),
        ("guided_filter", (9, 2.0), {"subsample": 2}, numpy.empty(image.shape, numpy.float32)),
        ("dehaze", (), dehaze, numpy.empty_like(image)),
        ("white_tophat", (mcfast.disk(5),), {}, numpy.empty_like(image)),
    ):
        emulated.scratches.clear()
        emulated.run(operation, image, *arguments, out=out, **options)
        before = len(emulated.memories)
        for _ in range(3):
            emulated.run(operation, image, *arguments, out=out, **options)
        assert len(emulated.memories) == before, operation


def test_device_array_refuses_other_indices():
    array = object.__new__(device_array.DeviceArray)
    array.shape, array.dtype, array.pointer, array.device, array.stream = (5, 2), numpy.dtype("f4"), 4096, 0, 3
    assert array[:2].shape == (2, 2)
    assert array[:9].shape == (5, 2)
    assert array.nbytes == 40
    assert array.__cuda_array_interface__["stream"] == 3
    assert array.__dlpack_device__() == (2, 0)
    for index in (1, slice(1, 2), slice(None, None, 2)):
        with pytest.raises(TypeError, match=r"expected an index \[:n\]"):
            array[index]
