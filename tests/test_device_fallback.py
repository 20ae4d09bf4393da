"""What an engine does when the GPU, or what it needs there, fails: another runtime, the CPU, or an error that says why."""

import device_engine
import fake_tensorrt
import numpy
import pytest

import mcfast
from mcfast import nets, phantom, runtimes
from mcfast.detect import DetectorConfig
from mcfast.device.networks import load_on_host
from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes.tensorrt import EngineCache

OWN = mcfast.Config(spacing_mm=0.28, detector=DetectorConfig(limit=60), magnify="none")


@pytest.fixture
def gpu(unchecked, tmp_path):
    with device_engine.emulated_gpu(unchecked, tmp_path / "cache") as gpu:
        yield gpu


@pytest.fixture(scope="module")
def image():
    return phantom.mammogram(2, shape=(208, 160), clusters=1).image


def limit_memory(gpu, most):
    """The GPU gives no block of memory larger than `most`."""
    given = gpu.DeviceMemory

    def memory(size, device, stream):
        if size > most:
            raise RuntimeError(f"cudaMallocAsync of {size} bytes: cudaErrorMemoryAllocation, out of memory")
        return given(size, device, stream)

    gpu.DeviceMemory = memory


def scores(result):
    return [one.score for one in result.calcifications]


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """A cache of engines that cannot be made, whoever asks: its parent is a file."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MCFAST_CACHE", str(tmp_path / "file" / "cache"))
    return r"file.*: engines cannot be kept here \(Not a directory\); name another folder with MCFAST_CACHE"


def test_a_cache_that_cannot_be_written_is_a_reason(gpu, image, unwritable):
    with pytest.raises(DeviceError, match=rf"cuda cannot be used here \(no runtime.*tensorrt: .*{unwritable}; onnx"):
        mcfast.Engine(OWN, "cuda")
    engine = mcfast.Engine(OWN, "auto")
    assert engine.record.device == "cpu" and "engines cannot be kept here" in engine.record.device_reason
    assert engine(image).status == "ok"
    assert "engines cannot be kept here" in mcfast.info()["devices"]["cuda"]


def test_a_refused_engine_that_cannot_be_deleted_is_one_too(tmp_path, monkeypatch):
    cache = EngineCache(tmp_path)
    cache.get_or_build({"a": "b"}, lambda: b"engine")

    def denied(*_):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(cache, "locked", denied)
    with pytest.raises(ConfigError, match=r"engines cannot be kept here \(Permission denied\)"):
        cache.discard({"a": "b"})


def test_too_little_memory_names_the_bytes(gpu, image):
    engine = mcfast.Engine(OWN, "cuda")
    limit_memory(gpu, 100_000)
    for _ in range(3):
        with pytest.raises(
            DeviceError, match=r"GPU 0: gives no [1-9][\d,]+ bytes of its memory \(cudaMallocAsync of \d+"
        ):
            engine(image)
    with engine.stream([image, image]) as stream:
        assert [one.failure.type for one in stream] == ["DeviceError"] * 2
    assert engine.record.device == "cuda: Emulated GPU"


def test_auto_goes_on_on_the_cpu_and_says_why_once(gpu, image, monkeypatch):
    engine, expected = mcfast.Engine(OWN, "auto"), mcfast.Engine(OWN, "cpu")(image)
    limit_memory(gpu, 100_000)
    with engine.stream([image] * 3, in_flight=2) as stream:
        results = [*stream, engine(image)]
    for result in results:
        assert scores(result) == scores(expected)
        assert (result.engine.device, result.engine.runtime) == ("cpu", expected.engine.runtime)
        assert result.engine.device_reason.startswith("no cuda any more: GPU 0: gives no ")
    assert len({id(one.engine) for one in results}) == 1, "one change of device, told once"
    assert engine.record is results[0].engine


def test_auto_does_again_what_the_gpu_could_not_finish(gpu, image):
    """Two images are on the GPU when one fails; the other keeps its result, and what it says of its device."""
    engine, expected = mcfast.Engine(OWN, "auto"), mcfast.Engine(OWN, "cpu")(image)
    first, second = (engine._begin(engine._load(image)) for _ in range(2))
    assert first.way is second.way and first.way.record.device == "cuda: Emulated GPU"

    def fails():
        raise RuntimeError("cudaEventSynchronize: cudaErrorIllegalAddress")

    first.state.slot.wait = fails
    again, kept = engine._finish(first), engine._finish(second)
    assert again.engine.device == "cpu" and again.engine.device_reason == (
        "no cuda any more: cudaEventSynchronize: cudaErrorIllegalAddress"
    )
    assert kept.engine.device == "cuda: Emulated GPU"
    assert scores(again) == scores(expected) == pytest.approx(scores(kept), abs=1e-3)
    assert engine(image).engine is again.engine


def test_a_failing_network_is_left_for_the_cpu(gpu, image, monkeypatch):
    engine = mcfast.Engine(OWN, "auto")
    monkeypatch.setattr(fake_tensorrt.IExecutionContext, "refuses", "execute")
    assert "fails in execute_async_v3" in engine(image).engine.device_reason
    monkeypatch.setattr(fake_tensorrt.IExecutionContext, "refuses", None)
    assert engine(image).engine.device == "cpu", "a GPU that has failed is not asked again"


def test_a_bad_image_is_no_failure_of_the_gpu(gpu, image):
    engine = mcfast.Engine(OWN, "auto")
    with pytest.raises(mcfast.errors.InputError):
        engine(numpy.zeros((3, 3, 3), numpy.uint16))
    assert engine(image).engine.device == "cuda: Emulated GPU"


def test_what_runs_beside_the_gpu_takes_the_next_runtime_or_says_why_not(monkeypatch):
    def gone(network, *, threads):
        raise DeviceError("gone")

    monkeypatch.setattr("mcfast.device.networks.HOST_LOADERS", {"first": gone, "onnxruntime": runtimes.load})
    assert load_on_host(nets.weights("context24"), 1).name == "context24"
    monkeypatch.setattr("mcfast.device.networks.HOST_LOADERS", {"first": gone, "second": gone})
    with pytest.raises(DeviceError, match="no runtime for networks on the host: first: gone; second: gone"):
        load_on_host(nets.weights("context24"), 1)
