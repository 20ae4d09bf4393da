"""The TensorRT runtime over a stand-in for TensorRT and one for the GPU: same outputs, calls in order, memory alive.

The stand-in GPU does nothing before its stream is waited for, so what is read, written or freed too early shows. It does
not show what NVIDIA's libraries do.
"""

import ctypes
import sys
import types

import fake_tensorrt
import numpy
import pytest
from patch_networks import Builder

import mcfast
from mcfast import nets, runtimes
from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes import tensorrt
from mcfast.runtimes.tensorrt import EngineCache, Library, TensorrtNetwork
from mcfast.runtimes.tensorrt.profiles import BUCKETS


class LazyGpu(types.ModuleType):
    """`mcfast._cuda` whose work waits for `synchronize`; memory is host memory that is checked when it is used."""

    def __init__(self):
        super().__init__("mcfast._cuda")
        self.blocks, self.queue, self.log = {}, [], []
        gpu = self

        class DeviceMemory:
            def __init__(self, size, device, stream):
                assert stream == 77
                self._bytes = numpy.full(size, 0xAB, numpy.uint8)
                self.pointer = self._bytes.ctypes.data
                gpu.blocks[self.pointer] = self._bytes

            def __del__(self):
                pointer = self.pointer
                gpu.queue.append(lambda: gpu.blocks.pop(pointer))

        class Stream:
            def __init__(self, device):
                self.handle, self.device = 77, device

        self.DeviceMemory, self.Stream = DeviceMemory, Stream
        self.properties = lambda device: {
            "name": ("H200", "A100")[device],
            "compute_capability": ("9.0", "8.0")[device],
        }
        self.versions = lambda: (13000, 13000)

    def memory(self, pointer, size):
        block = self.blocks[pointer]
        assert block.nbytes == size
        return block

    def copy(self, to, from_, size, stream, device):
        assert stream == 77
        assert (to in self.blocks) != (from_ in self.blocks), "from host to device, or back"
        self.log.append("upload" if to in self.blocks else "download")
        self.queue.append(lambda: ctypes.memmove(to, from_, size))

    def enqueue(self, stream, work, pointers):
        assert stream == 77
        self.log.append("execute")
        self.queue.append(lambda: work(self.memory))

    def synchronize(self, stream, device):
        self.log.append("wait")
        while self.queue:
            self.queue.pop(0)()


@pytest.fixture
def gpu(monkeypatch):
    gpu = LazyGpu()
    monkeypatch.setitem(sys.modules, "mcfast._cuda", gpu)
    monkeypatch.setattr(mcfast, "_cuda", gpu, raising=False)
    monkeypatch.setattr(fake_tensorrt.IExecutionContext, "enqueue", gpu.enqueue)
    monkeypatch.setattr(fake_tensorrt.IExecutionContext, "refuses", None)
    monkeypatch.setattr(fake_tensorrt.Builder, "built", [])
    return gpu


@pytest.fixture
def make(gpu, tmp_path):
    library = Library("tensorrt_rtx", "1.7", fake_tensorrt)
    return lambda network, **options: TensorrtNetwork(library, network, cache=EngineCache(tmp_path), **options)


def patch_network():
    return Builder(2, 6, 6).conv(3, 3).add("Relu").add("Flatten", axis=1).full(48, 1).add("Sigmoid").onnx()


@pytest.mark.parametrize("name", nets.names())
def test_outputs_are_those_of_onnxruntime(make, gpu, name):
    network, reference = make(nets.weights(name)), runtimes.load(nets.weights(name), threads=1)
    assert (network.name, network.sha256, network.metadata) == (name, reference.sha256, reference.metadata)
    assert (network.input_shape, network.output_shape) == (reference.input_shape, reference.output_shape)
    assert network.runtime_version == "tensorrt_rtx 1.7"
    _, channels, rows, columns = network.input_shape
    for count in (1, 3):
        shape = (count, channels, rows or 40, columns or 33)
        batch = numpy.random.default_rng(count).random(shape, numpy.float32)
        numpy.testing.assert_allclose(network.run(batch), reference.run(batch), atol=1e-5)
    assert gpu.queue == [] or gpu.synchronize(77, 0) is None
    assert gpu.blocks == {}, "all memory is given back"


def test_calls_come_in_order_and_the_host_waits_once_for_a_batch(make, gpu):
    network = make(patch_network())
    network.run(numpy.zeros((5, 2, 6, 6), numpy.float32))
    assert gpu.log == ["upload", "execute", "download", "wait"]


def test_batches_take_the_smallest_bucket_and_are_cut_to_the_largest(make, gpu):
    network, reference = make(patch_network()), runtimes.load(patch_network(), threads=1)
    for count, profiles in ((3, [0]), (BUCKETS[0] + 1, [0, 1]), (7, [0, 1, 0]), (BUCKETS[-1] + 5, [0, 1, 0, 2, 0])):
        batch = numpy.random.default_rng(count).normal(size=(count, 2, 6, 6)).astype(numpy.float32)
        numpy.testing.assert_allclose(network.run(batch), reference.run(batch), atol=1e-6)
        assert network._own._contexts["patches"].context.profiles == profiles
    assert len(fake_tensorrt.Builder.built) == 1, "one engine for all of them"


def test_each_gpu_has_engines_of_its_own(gpu, tmp_path):
    """Where they are tied to one, as TensorRT's are: under the key of the GPU that the network is on."""
    library, cache = Library("tensorrt", "10.16", fake_tensorrt), EngineCache(tmp_path)
    batch = numpy.ones((2, 2, 6, 6), numpy.float32)
    for number in (1, 0, 1):
        TensorrtNetwork(library, patch_network(), cache=cache, device=number).run(batch)
    keys = {(one.key["device"], one.key["compute_capability"], one.key["driver"]) for one in cache.entries()}
    assert keys == {("A100", "8.0", "13.0"), ("H200", "9.0", "13.0")}
    assert len(fake_tensorrt.Builder.built) == 2 and len(list(cache.folder.glob("timings-*.bin"))) == 2


def test_tiles_and_frames_have_engines_of_their_own_built_when_needed(make):
    network = make(nets.weights("fsrcnn"))
    network.run(numpy.zeros((2, 1, 256, 256), numpy.float32))
    assert set(network._own._contexts) == {"tiles"}
    network.run(numpy.zeros((2, 1, 20, 31), numpy.float32))
    assert set(network._own._contexts) == {"tiles", "frame"}
    assert len(fake_tensorrt.Builder.built) == 2
    with pytest.raises(
        ConfigError, match=r"fsrcnn.run\(batch\): expected rows and columns of \(256, 256\) to \(256, 256"
    ):
        network.run(numpy.zeros((1, 1, 8, 20), numpy.float32))


def test_strided_batches_and_float16_weights(make):
    network = make(patch_network(), precision="fp16")
    batch = numpy.random.default_rng(0).random((4, 2, 6, 12), numpy.float32)[..., ::2]
    expected = runtimes.load(patch_network(), threads=1).run(numpy.ascontiguousarray(batch))
    result = network.run(batch)
    numpy.testing.assert_allclose(result, expected, atol=2e-3)
    assert not numpy.array_equal(result, expected)


def test_a_call_that_fails_is_named_and_its_work_is_waited_for(make, gpu):
    network = make(patch_network())
    fake_tensorrt.IExecutionContext.refuses = "execute"
    with pytest.raises(DeviceError, match=r"small.run\(batch\): tensorrt_rtx 1.7 fails in execute_async_v3"):
        network.run(numpy.zeros((1, 2, 6, 6), numpy.float32))
    assert gpu.log == ["upload", "wait"], "the upload reads the batch, which is about to be freed"
    with pytest.raises(TypeError, match=r"small.run\(batch\): expected float32, got float64"):
        network.run(numpy.zeros((1, 2, 6, 6)))


def test_loaded_for_shapes_and_precision_by_the_one_call(gpu, tmp_path, monkeypatch):
    """Engines are there when `runtimes.load` returns; the executor on a stream and the batch on the host agree."""
    monkeypatch.setattr(tensorrt, "find_library", lambda: Library("tensorrt_rtx", "1.7", fake_tensorrt))
    monkeypatch.setattr(tensorrt, "find_device", lambda: None)
    monkeypatch.setenv("MCFAST_CACHE", str(tmp_path))
    built = fake_tensorrt.Builder.built
    network = runtimes.load(patch_network(), "tensorrt", precision="float16", shapes=[(1, 2, 6, 6), (300, 2, 6, 6)])
    assert (network.runtime, network.precision, len(built)) == ("tensorrt", "float16", 1)
    batch = numpy.random.default_rng(0).random((4, 2, 6, 6), numpy.float32)
    expected = runtimes.load(patch_network(), threads=1).run(batch)
    numpy.testing.assert_allclose(network.run(batch), expected, atol=2e-3)
    assert not numpy.array_equal(network.run(batch), expected) and len(built) == 1, "nothing was left to build"
    exact = runtimes.load(patch_network(), "tensorrt")
    assert (exact.precision, len(built)) == ("float32", 1), "without shapes nothing is built ahead"
    source, target = (gpu.DeviceMemory(size, 0, 77) for size in (batch.nbytes, expected.nbytes))
    result = numpy.empty_like(expected)
    gpu.copy(source.pointer, batch.ctypes.data, batch.nbytes, 77, 0)
    exact.on_stream(gpu.Stream(0)).enqueue(source.pointer, target.pointer, batch.shape)
    gpu.copy(result.ctypes.data, target.pointer, result.nbytes, 77, 0)
    gpu.synchronize(77, 0)
    numpy.testing.assert_allclose(result, expected, atol=1e-6)
    assert runtimes.load(nets.weights("fsrcnn"), "auto", precision="float16").runtime == "tensorrt"
    for shapes, message in (
        ([(1, 1, 8, 20)], r"expected rows and columns of \(256, 256\) to \(256, 256"),
        ([(1, 2, 256, 256)], r"fsrcnn.prepare\(shapes\): expected batches of \(any, 1, any, any\), got \(1, 2,"),
    ):
        with pytest.raises(ConfigError, match=message):
            runtimes.load(nets.weights("fsrcnn"), "tensorrt", shapes=shapes)


def test_without_the_gpu_module_it_says_so(make, monkeypatch):
    monkeypatch.delattr(mcfast, "_cuda")
    monkeypatch.setitem(sys.modules, "mcfast._cuda", None)
    with pytest.raises(
        DeviceError, match="runtime 'tensorrt': this build has no GPU module; install with MCFAST_CUDA=ON"
    ):
        make(patch_network())


def test_the_runtime_is_listed_with_why_it_does_not_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    assert runtimes.available()["tensorrt"].startswith("unavailable: runtime 'tensorrt': cannot be imported")
    with pytest.raises(DeviceError, match="cannot be imported"):
        runtimes.load(nets.weights("fsrcnn"), runtime="tensorrt")
