"""Every operation on a real GPU, against the CPU. Needs nothing but NumPy and pytest; uses CuPy and torch if there."""

import importlib
import pathlib
import subprocess
import sys

import numpy
import pytest
from gpu_calls import DTYPES, calls, random_image

import mcfast
from mcfast.backends import cuda
from mcfast.backends import cupy as cupy_backend

sys.path.append(str(pathlib.Path(__file__).parents[1]))  # at its end: this finds the benchmarks only

from benchmarks.gpu_images import dark_breast

BACKENDS = [module for module in (cuda, cupy_backend) if module.unavailable() is None]
if not BACKENDS:
    pytest.skip(f"this machine has no GPU: {cuda.unavailable()}; {cupy_backend.unavailable()}", allow_module_level=True)
NAMES = [module.__name__.rpartition(".")[2] for module in BACKENDS]
SHAPES = ((1, 1), (1, 97), (65, 3), (203, 331), (1100, 700), (4096, 3328))
CAPTURED, DELAYED, BREAST = (700, 900), (4096, 3328), (1100, 900)


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
        image = random_image(dtype, CAPTURED)
        for name, call, most in calls(dtype, image.shape):
            if name == "local_maxima":  # its result has a shape that the host must know; see the next test
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
def test_maxima_and_windows_can_be_captured_in_a_graph():
    """What the other test leaves out: the list of maxima of fixed capacity with its z-scores, and stitching."""
    from mcfast import _cuda
    from mcfast.backends.gpu import candidates, noise
    from mcfast.backends.gpu.device_array import DeviceArray
    from mcfast.backends.gpu.interop import view
    from mcfast.backends.gpu.launch import Call

    stream, room = _cuda.Stream(0), 5000

    def put(array):
        return DeviceArray.from_host(array, stream=stream.handle)

    image, other = random_image(numpy.float32, CAPTURED), random_image(numpy.float32, CAPTURED, 7)
    on_gpu, inner = put(image), put(numpy.ones(CAPTURED, bool))
    places, height = put(numpy.zeros((room, 2), numpy.int32)), put(numpy.zeros(room, numpy.float32))
    scores = put(numpy.zeros(room, numpy.float32))
    seen = [view(array, "test", "array") for array in (on_gpu, inner, places, height, scores)]

    def find():
        with Call(cuda.device(0), stream.handle, on_gpu) as call:
            around = noise.local_noise(call, seen[0], seen[1], 20)
            found = candidates.find_maxima(call, seen[0], 3, threshold=0.2, into=(seen[2], seen[3]))
            noise.zscores(call, found, around, floor=0.1, out=seen[4])
        return found

    found = find()
    graph = _cuda.Graph(stream, find)
    _cuda.copy(on_gpu.pointer, other.ctypes.data, other.nbytes, stream.handle, 0)
    graph.launch(stream)
    positions, values = mcfast.local_maxima(other, 3, threshold=0.2)
    kept = min(len(values), room)
    assert int(cuda.device(0).read(found.count, stream.handle)[0]) == len(values) > 0
    numpy.testing.assert_array_equal(places.to_host()[:kept], positions[:kept])
    numpy.testing.assert_array_equal(height.to_host()[:kept], values[:kept])
    ranks = scores.to_host()[:kept]
    assert numpy.isfinite(ranks).all() and numpy.ptp(ranks) > 0

    windows, again = (mcfast.sliding_windows(array, (64, 48), (40, 40), cover=True) for array in (image, other))
    on_gpu = put(windows)
    out = mcfast.stitch(on_gpu, CAPTURED, (40, 40), stream=stream)
    graph = _cuda.Graph(stream, lambda: mcfast.stitch(on_gpu, CAPTURED, (40, 40), stream=stream, out=out))
    _cuda.copy(on_gpu.pointer, again.ctypes.data, again.nbytes, stream.handle, 0)
    graph.launch(stream)
    numpy.testing.assert_array_equal(out.to_host(), other)


@pytest.mark.skipif("cuda" not in NAMES, reason="this machine has no GPU that the module _cuda can use")
def test_work_follows_its_stream():
    """An operation put behind long work on its stream sees what that work leaves."""
    from mcfast import _cuda
    from mcfast.backends.gpu.device_array import DeviceArray

    stream = _cuda.Stream(0)
    image = random_image(numpy.uint16, DELAYED)
    current = DeviceArray.from_host(image, stream=stream.handle)
    for _ in range(20):
        current = mcfast.dilate(current, mcfast.disk(9), stream=stream)
    delayed = mcfast.min_filter(current, 3, stream=stream)
    for _ in range(20):
        image = mcfast.dilate(image, mcfast.disk(9))
    numpy.testing.assert_array_equal(delayed.to_host(), mcfast.min_filter(image, 3))


@pytest.mark.parametrize("backend", NAMES)
def test_the_breast_of_a_mammogram(backend):
    """Half a disk at the left border, over noisy air, with a label: the CPU's mask, which holds it and nothing else."""
    pytest.importorskip("scipy", reason="the CPU's mask needs SciPy")
    from mcfast.detect import breast_mask

    rng = numpy.random.default_rng(5)
    y, x = numpy.mgrid[:1100, :900]
    distance = numpy.hypot((y - 540) / 1.2, x)
    image = rng.normal(60, 15, y.shape) + numpy.where(distance < 400, 1500 + 2 * (400 - distance), 0)
    image[40:90, 700:860] = 4000
    image = image.clip(0, 4095).astype(numpy.uint16)
    expected = breast_mask(image, 0.1, max_value=4095)
    assert expected[distance < 390].all() and not expected[distance > 410].any()
    result = to_host(breast_mask(to_gpu(image), 0.1, max_value=4095, backend=backend))
    numpy.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("backend", NAMES)
def test_a_breast_nearly_as_dark_as_air_and_a_crop_of_it(backend):
    pytest.importorskip("scipy", reason="the CPU's mask needs SciPy")
    from mcfast.detect import breast_mask

    image = dark_breast(*BREAST)
    for part in (image, numpy.ascontiguousarray(image[300:440, :140])):
        expected = breast_mask(part, 0.1, max_value=4095)
        assert (expected != breast_mask(part, 0.1, max_value=4095, thorough=False)).any()
        result = to_host(breast_mask(to_gpu(part), 0.1, max_value=4095, backend=backend))
        numpy.testing.assert_array_equal(result, expected)


@pytest.mark.skipif("cuda" not in NAMES, reason="this machine has no GPU that the module _cuda can use")
def test_a_closer_look_and_a_tone_can_be_captured_in_a_graph():
    """Of an image that needs neither; then of one that needs both."""
    from mcfast import _cuda
    from mcfast.backends.gpu import residual, tone
    from mcfast.backends.gpu.device_array import DeviceArray
    from mcfast.backends.gpu.interop import view
    from mcfast.backends.gpu.launch import Call
    from mcfast.backends.gpu.mask import find_breast
    from mcfast.detect.residual import flatten
    from mcfast.detect.tone import tone_of

    stream, dark = _cuda.Stream(0), dark_breast(*BREAST)
    plain = random_image(numpy.uint16, BREAST)
    image = DeviceArray.from_host(plain, stream=stream.handle)
    mask = DeviceArray.from_host(numpy.zeros(BREAST, bool), stream=stream.handle)
    seen, into = view(image, "test", "image"), view(mask, "test", "mask")
    lengths = {"max_value": 4095.0, "skin_px": 6, "border_px": 3, "window_px": 12}

    def find():
        with Call(cuda.device(0), stream.handle, image) as call:
            find_breast(call, seen, 0.1, max_value=4095.0, out=into)
            even = tone.find_tone(call, seen, into, max_value=4095.0)
            held[:] = even, residual.flatten(call, seen, into, tone=even, **lengths)

    held = []
    find()  # scratch memory has its size from then on, and what is captured its place there
    graph = _cuda.Graph(stream, find)
    for host, lifted in ((dark, True), (plain, False)):
        _cuda.copy(image.pointer, host.ctypes.data, host.nbytes, stream.handle, 0)
        graph.launch(stream)
        inside, device, (even, part) = mask.to_host(), cuda.device(0), held
        curve, table = (device.read(one, stream.handle) for one in (even.curve, even.table))
        expected = tone_of(host, inside, 4095.0)
        numpy.testing.assert_allclose(curve, [expected.bright, expected.exponent], rtol=1e-12)
        assert (expected.exponent < 1) == lifted
        values = expected(numpy.arange(4096, dtype=numpy.float32) * (numpy.float32(1) / numpy.float32(4095)))
        numpy.testing.assert_allclose(table[:4096], values, rtol=1e-6)
        flat = flatten(host, inside, tone=expected, **lengths)
        assert device.read(part.box, stream.handle).tolist() == [*flat.origin, *flat.values.shape]
        rows, columns = flat.values.shape
        result = device.read(part.values, stream.handle)[:rows, :columns]
        numpy.testing.assert_allclose(result, flat.values, rtol=0, atol=2e-6)


@pytest.mark.skipif("cuda" not in NAMES, reason="this machine has no GPU that the module _cuda can use")
def test_suppression_can_be_captured_in_a_graph():
    """Of other spots, and another number of them, than it was captured with."""
    pytest.importorskip("scipy", reason="the specification needs SciPy")
    from mcfast import _cuda
    from mcfast.backends.gpu.device_array import DeviceArray
    from mcfast.backends.gpu.interop import view
    from mcfast.backends.gpu.launch import Call
    from mcfast.backends.gpu.suppression import suppress
    from mcfast.detect.suppression import suppress as specification

    stream, rng = _cuda.Stream(0), numpy.random.default_rng(6)
    hosts = numpy.zeros((3500, 2), numpy.int32), numpy.zeros(3500, numpy.float32), numpy.zeros(1, numpy.int32)
    lists = [DeviceArray.from_host(one, stream=stream.handle) for one in hosts]
    out = DeviceArray.from_host(numpy.zeros(3500, bool), stream=stream.handle)

    def run():
        with Call(cuda.device(0), stream.handle, out) as call:
            suppress(call, *(view(one, "test", "lists") for one in lists), 4.0, out=view(out, "test", "out"))

    run()
    graph = _cuda.Graph(stream, run)
    for count in (3500, 0, 1, 2100):
        hosts[0][:], hosts[1][:], hosts[2][:] = rng.integers(0, 300, (3500, 2)), rng.integers(0, 200, 3500), count
        for one, host in zip(lists, hosts, strict=True):
            _cuda.copy(one.pointer, host.ctypes.data, host.nbytes, stream.handle, 0)
        graph.launch(stream)
        kept = specification(hosts[0][:count].astype(float), hosts[1][:count], 4.0)
        assert numpy.flatnonzero(out.to_host()[:count]).tolist() == sorted(kept.tolist())


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
