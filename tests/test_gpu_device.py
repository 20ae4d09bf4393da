"""Every operation on a real GPU, against the CPU. Needs nothing but NumPy and pytest; uses CuPy and torch if there."""

import importlib
import subprocess
import sys

import numpy
import pytest
from gpu_calls import DTYPES, calls, random_image

import mcfast
from mcfast.backends import cuda
from mcfast.backends import cupy as cupy_backend

BACKENDS = [module for module in (cuda, cupy_backend) if module.unavailable() is None]
if not BACKENDS:
    pytest.skip(f"this machine has no GPU: {cuda.unavailable()}; {cupy_backend.unavailable()}", allow_module_level=True)
NAMES = [module.__name__.rpartition(".")[2] for module in BACKENDS]
SHAPES = ((1, 1), (1, 97), (65, 3), (203, 331), (1100, 700), (4096, 3328))


def to_gpu(array):
    """As CuPy has it if it is there, else as our own array."""
    if "cupy" in NAMES:
        return importlib.import_module("cupy").asarray(array)
    from mcfast.backends.gpu.device_array import DeviceArray

    return DeviceArray.from_host(array)


def to_host(array):
    if isinstance(array, tuple):
        return tuple(to_host(part) for part in array)
    return array.get() if hasattr(array, "get") else array.to_host()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", NAMES)
def test_equals_the_cpu(backend, dtype, shape):
    image = random_image(dtype, shape)
    on_gpu = to_gpu(image)
    for name, call, most in calls(dtype, shape):
        result, expected = to_host(call(on_gpu, to_gpu, backend=backend)), call(image, lambda array: array)
        for own, other in zip(*((x if isinstance(x, tuple) else (x,)) for x in (result, expected)), strict=True):
            assert own.dtype == other.dtype and own.shape == other.shape, name
            numpy.testing.assert_allclose(own.astype(float), other.astype(float), rtol=0, atol=most, err_msg=name)


@pytest.mark.parametrize("backend", NAMES)
def test_stitch(backend):
    image = random_image(numpy.uint16, (300, 400))
    windows = mcfast.sliding_windows(image, (64, 48), (40, 40), cover=True)
    result = mcfast.stitch(to_gpu(windows), image.shape, (40, 40), backend=backend)
    numpy.testing.assert_array_equal(to_host(result), mcfast.stitch(windows, image.shape, (40, 40)))


@pytest.mark.skipif("cuda" not in NAMES, reason="this machine has no GPU that the module _cuda can use")
def test_every_operation_can_be_captured_in_a_graph():
    from mcfast import _cuda
    from mcfast.backends.gpu.device_array import DeviceArray

    stream = _cuda.Stream(0)

    def put(array):
        if id(array) not in kept:
            kept[id(array)] = DeviceArray.from_host(array, stream=stream.handle)
        return kept[id(array)]

    for dtype in DTYPES:
        image = random_image(dtype, (700, 900))
        for name, call, most in calls(dtype, image.shape):
            if name == "local_maxima":  # its result has a shape that the host must know
                continue
            kept = {}
            on_gpu = DeviceArray.from_host(image, stream=stream.handle)
            out = call(on_gpu, put, stream=stream)  # sends tables and grows scratch memory
            graph = _cuda.Graph(stream, lambda: call(on_gpu, put, stream=stream, out=out))  # noqa: B023
            other = random_image(dtype, image.shape, 7)
            _cuda.copy(on_gpu.pointer, other.ctypes.data, other.nbytes, stream.handle, 0)
            graph.launch(stream)
            expected = call(other, lambda array: array)
            numpy.testing.assert_allclose(
                out.to_host().astype(float), expected.astype(float), rtol=0, atol=most, err_msg=name
            )


@pytest.mark.skipif("cuda" not in NAMES, reason="this machine has no GPU that the module _cuda can use")
def test_work_follows_its_stream():
    """An operation put behind long work on its stream sees what that work leaves."""
    from mcfast import _cuda
    from mcfast.backends.gpu.device_array import DeviceArray

    stream = _cuda.Stream(0)
    image = random_image(numpy.uint16, (4096, 3328))
    current = DeviceArray.from_host(image, stream=stream.handle)
    for _ in range(20):
        current = mcfast.dilate(current, mcfast.disk(9), stream=stream)
    delayed = mcfast.min_filter(current, 3, stream=stream)
    for _ in range(20):
        image = mcfast.dilate(image, mcfast.disk(9))
    numpy.testing.assert_array_equal(delayed.to_host(), mcfast.min_filter(image, 3))


@pytest.mark.parametrize("library", ("torch", "cupy"))
def test_arrays_of_other_libraries(library):
    module = pytest.importorskip(library, reason=f"this machine has no GPU build of {library}")
    image = random_image(numpy.float32, (300, 401))
    if library == "torch":
        if not module.cuda.is_available():
            pytest.skip("this machine has no GPU that torch can use")
        result = mcfast.opening(module.from_numpy(image).cuda(), mcfast.disk(4))
        assert isinstance(result, module.Tensor) and result.is_cuda
        host = result.cpu().numpy()
    else:
        result = mcfast.opening(module.asarray(image), mcfast.disk(4))
        assert isinstance(result, module.ndarray)
        host = result.get()
    numpy.testing.assert_array_equal(host, mcfast.opening(image, mcfast.disk(4)))


@pytest.mark.skipif("cuda" not in NAMES, reason="this machine has no GPU that the module _cuda can use")
def test_device_array_and_pinned_memory():
    from mcfast.backends.gpu.device_array import DeviceArray, pinned_empty

    pinned = pinned_empty((40, 50), numpy.uint16)
    pinned[:] = random_image(numpy.uint16, (40, 50))
    array = DeviceArray.from_host(pinned)
    numpy.testing.assert_array_equal(array.to_host(), pinned)
    numpy.testing.assert_array_equal(array[:7].to_host(), pinned[:7])
    torch = pytest.importorskip("torch", reason="this machine has no GPU build of torch")
    if torch.cuda.is_available():
        numpy.testing.assert_array_equal(torch.from_dlpack(array).cpu().numpy(), pinned)


def test_importing_mcfast_starts_no_gpu():
    code = "import sys, mcfast; assert not {'mcfast._cuda', 'cupy', 'torch', 'numba'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
