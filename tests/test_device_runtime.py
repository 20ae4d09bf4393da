"""The stand-in GPU notices what it is there to notice; pinned memory comes back; who runs networks, and why not better."""

import gc
import subprocess
import sys

import device_engine
import numpy
import pytest

import mcfast
from mcfast import nets, phantom, runtimes
from mcfast.backends import cuda
from mcfast.device import networks
from mcfast.device.pinned import PinnedPool
from mcfast.device.runtime import find_runtime
from mcfast.errors import DeviceError
from mcfast.runtimes import onnxruntime, onnxruntime_cuda, tensorrt


@pytest.fixture
def gpu(emulated, tmp_path):
    with device_engine.emulated_gpu(emulated, tmp_path) as gpu:
        yield gpu


@pytest.fixture
def runtime(gpu):
    return find_runtime()


def image_on(runtime, stream, value=7):
    memory = runtime.kernels.allocate(64, stream.handle)
    host = numpy.full(64, value, numpy.uint8)
    runtime.copy(memory.pointer, host.ctypes.data, 64, stream)
    return memory, host


def copy_pixels(runtime, source, target, stream):
    arguments = (numpy.uint64(source), numpy.int64(64), numpy.uint64(target), numpy.int64(64))
    sides = numpy.int32(1), numpy.int32(64)
    runtime.kernels.launch(
        "lookup/lookup.cuh", "copy_pixels<uint8_t>", (1, 1), (64, 4), 0, (*arguments, *sides), stream.handle
    )


def test_nothing_is_done_before_it_is_waited_for(runtime):
    stream, result = runtime.stream(), runtime.pinned(64)
    memory, host = image_on(runtime, stream)
    target = runtime.kernels.allocate(64, stream.handle)
    copy_pixels(runtime, memory.pointer, target.pointer, stream)
    runtime.copy(result.ctypes.data, target.pointer, 64, stream)
    assert not (result == 7).any(), "read before the copy was done"
    stream.synchronize()
    assert (result == 7).all() and (host == 7).all()


def test_an_upload_must_not_be_overwritten(runtime):
    stream = runtime.stream()
    _memory, host = image_on(runtime, stream)
    host[0] = 1
    with pytest.raises(AssertionError, match="changed what it uploads before it was read"):
        stream.synchronize()


def test_memory_is_not_used_after_it_was_freed(runtime):
    stream = runtime.stream()
    memory, _host = image_on(runtime, stream)
    pointer = memory.pointer
    target = runtime.kernels.allocate(64, stream.handle)
    del memory
    with pytest.raises(AssertionError, match="copy_pixels<uint8_t> uses memory that was freed"):
        copy_pixels(runtime, pointer, target.pointer, stream)


def test_a_graph_does_not_outlive_its_memory(runtime):
    stream = runtime.stream()
    memory, _host = image_on(runtime, stream)
    target = runtime.kernels.allocate(64, stream.handle)
    pointer = memory.pointer
    graph = runtime.capture(stream, lambda: copy_pixels(runtime, pointer, target.pointer, stream))
    graph.launch(stream)
    del memory
    with pytest.raises(AssertionError, match="uses memory that was freed"):
        graph.launch(stream)


def test_two_streams_do_not_share_an_array(runtime):
    first, second = runtime.stream(), runtime.stream()
    memory, _host = image_on(runtime, first)
    target = runtime.kernels.allocate(64, second.handle)
    with pytest.raises(AssertionError, match="copy_pixels<uint8_t> and upload use one array on two streams"):
        copy_pixels(runtime, memory.pointer, target.pointer, second)
    first.synchronize()
    copy_pixels(runtime, memory.pointer, target.pointer, second)


def test_a_capture_neither_allocates_nor_waits(runtime):
    stream = runtime.stream()
    with pytest.raises(AssertionError, match="memory is allocated while a graph is captured"):
        runtime.capture(stream, lambda: runtime.kernels.allocate(64, stream.handle))
    memory, _host = image_on(runtime, stream)
    with pytest.raises(AssertionError, match="the host waits while a graph is captured"):
        runtime.capture(stream, stream.synchronize)
    with pytest.raises(AssertionError, match="beyond the end of an array"):
        runtime.copy(memory.pointer, memory.pointer, 65, stream)


def test_pinned_memory_comes_back_with_the_last_view(runtime):
    pool = PinnedPool(runtime, limit=1000)
    array = pool.take((10, 20), numpy.uint16)
    place, view = array.ctypes.data, array[3:5, ::2]
    assert array.shape == (10, 20) and array.dtype == numpy.uint16 and array.flags.c_contiguous
    del array
    gc.collect()
    other = pool.take((20, 10), numpy.uint16)
    assert other.ctypes.data != place, "a view of it is still held"
    del view
    gc.collect()
    assert pool.take((400,), numpy.uint8).ctypes.data == place


def test_past_its_limit_the_pool_pins_nothing(runtime):
    pool = PinnedPool(runtime, limit=1000)
    held = [pool.take((400,), numpy.uint8) for _ in range(4)]
    assert pool._pinned == 800 and [one.base is None for one in held] == [False, False, True, True]
    held.clear()
    gc.collect()
    large = pool.take((900,), numpy.uint8)  # what is free of another size makes room
    assert pool._pinned == 900 and large.base is not None


def test_without_tensorrt_it_is_onnxruntimes_cuda_provider(gpu, monkeypatch):
    """Over ONNX Runtime on the CPU, which reads and writes at the same addresses: host memory stands for the GPU's."""

    def no_library():
        raise DeviceError("runtime 'tensorrt': cannot be imported (none here)")

    load_on_cpu = onnxruntime.load_session

    class Session:
        def __init__(self, network, options):
            self._own, self._options = load_on_cpu(network, 1), options

        def __getattr__(self, name):
            return getattr(self._own, name)

        def get_providers(self):
            return [onnxruntime_cuda.PROVIDER, "CPUExecutionProvider"]

        def io_binding(self):
            return Binding(self)

        def run_with_iobinding(self, binding, options):
            (pointer, shape), (target, out_shape) = binding.input, binding.output

            def work(memory):
                batch = memory(pointer, 4 * int(numpy.prod(shape))).view(numpy.float32).reshape(shape)
                result = self._own.run(None, {self._own.get_inputs()[0].name: batch})[0]
                assert result.shape == tuple(out_shape)
                memory(target, result.nbytes)[:] = result.reshape(-1).view(numpy.uint8)

            gpu.enqueue(int(self._options["user_compute_stream"]), work, (pointer, target))

    class Binding:
        def __init__(self, session):
            self.session = session

        def bind_input(self, name, device_type, device_id, element_type, shape, buffer_ptr):
            assert (device_type, device_id, element_type) == ("cuda", 0, 1)
            self.input = buffer_ptr, shape

        def bind_output(self, name, device_type, device_id, element_type, shape, buffer_ptr):
            self.output = buffer_ptr, shape

    def load_session(network, threads, providers):
        ((name, options),) = providers
        assert name == "CUDAExecutionProvider" and options["device_id"] == "0"
        return Session(network, options)

    monkeypatch.setattr(tensorrt, "find_library", no_library)
    monkeypatch.setattr(onnxruntime_cuda, "load_session", load_session)
    monkeypatch.setattr(onnxruntime.library(), "get_available_providers", lambda: [onnxruntime_cuda.PROVIDER])
    reason = "tensorrt: runtime 'tensorrt': cannot be imported (none here)"
    image = phantom.mammogram(2, shape=(208, 160), clusters=1).image
    own = mcfast.Config(spacing_mm=0.28, magnify="breast", detector=mcfast.detect.DetectorConfig(limit=60))
    engine, expected = mcfast.Engine(own, "auto"), mcfast.Engine(own, "cpu")(image)
    assert (engine.record.device, engine.record.device_reason) == ("cuda: Emulated GPU", reason)
    assert engine.record.runtime.startswith("onnxruntime-cuda 1.")
    for _ in range(3):
        result = engine(image)
        assert [one.score for one in result.calcifications] == pytest.approx(
            [one.score for one in expected.calcifications], abs=1e-3
        )
        assert result.as_dict()["engine"]["device_reason"] == reason
        (one,), (other,) = result.magnified, expected.magnified
        assert one.box == other.box and numpy.abs(one.pixels.astype(int) - other.pixels).max() <= 1
    assert gpu.graphs == 0, "a session allocates, so nothing is captured"
    assert reason in mcfast.info()["devices"]["cuda"]


def test_without_any_runtime_all_reasons_are_told(gpu, monkeypatch):
    def no_library():
        raise DeviceError("runtime 'tensorrt': cannot be imported (none here)")

    monkeypatch.setattr(tensorrt, "find_library", no_library)
    with pytest.raises(DeviceError) as error:
        networks.choose_networks(find_runtime(), {"vgg12": nets.weights("vgg12")})
    for words in (
        "no runtime for networks on the GPU: tensorrt: runtime 'tensorrt'",
        "; onnxruntime-cuda: ONNX Runtime",
    ):
        assert words in str(error.value)
    with pytest.raises(DeviceError, match=r"Engine\(device\): cuda cannot be used here \(no runtime for networks"):
        mcfast.Engine(device="cuda")
    engine = mcfast.Engine(device="auto")
    assert engine.record.device == "cpu"
    assert engine.record.device_reason.startswith("no cuda: no runtime for networks on the GPU: tensorrt")


def test_without_a_gpu_the_error_names_the_mend(monkeypatch):
    if cuda.unavailable() is None:
        pytest.skip("this machine has a GPU, so nothing is missing")
    with pytest.raises(DeviceError) as error:
        mcfast.Engine(device="cuda")
    assert str(error.value).startswith("Engine(device): cuda cannot be used here (GPU 0: ")
    assert str(error.value).endswith("device='cpu' computes without")
    assert cuda.unavailable() in str(error.value)
    engine = mcfast.Engine(device="auto")
    assert engine.record.device == "cpu"
    assert engine.record.device_reason == f"no cuda: GPU 0: {cuda.unavailable()}"
    assert mcfast.Engine(device="cpu").record.device_reason == ""
    assert mcfast.info()["devices"]["cuda"].startswith(f"unavailable: GPU 0: {cuda.unavailable()}")


def test_the_cpu_engine_loads_nothing_of_the_gpus():
    code = (
        "import sys, mcfast; mcfast.Engine(device='cpu'); "
        "assert not {'mcfast._cuda', 'mcfast.device.pipeline', 'tensorrt', 'tensorrt_rtx', 'onnx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_runtimes_on_the_host_are_as_before():
    assert set(runtimes.available()) == {"onnxruntime", "native", "tensorrt"}
