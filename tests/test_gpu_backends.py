"""The CUDA and CuPy backends over stand-ins for `_cuda` and `cupy` that start kernels on the emulated GPU.

What the stand-ins show is that the backends hand over what those libraries take; not that the libraries do their part.
"""

import contextlib
import ctypes
import importlib
import json
import pathlib
import re
import sys
import types

import numpy
import pytest
from emulated_device import Host
from gpu_calls import calls, random_image

import mcfast
from mcfast.backends import cuda
from mcfast.backends import cupy as cupy_backend
from mcfast.backends.gpu.device_array import DeviceArray, pinned_empty
from mcfast.errors import DeviceError


def move(to, from_, size, *_):
    ctypes.memmove(to, from_, size)


class StandIn(types.ModuleType):
    """A module of these members."""

    def __init__(self, name, **members):
        super().__init__(name)
        self.__dict__.update(members)


CACHED = (cuda.unavailable, cuda.device, cupy_backend.unavailable, cupy_backend.device)


def forget():
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def fresh():
    forget()
    yield
    forget()


@pytest.fixture
def with_cuda(emulated, monkeypatch, fresh):
    """`_cuda` as csrc/python/cuda_module.cpp spells it."""

    def launch(kernel, grid, block, shared_bytes, arguments, stream, device):
        assert len(grid) == len(block) == 3 and device == 0
        assert all(isinstance(argument, bytes) for argument in arguments)
        values = [numpy.void(argument) for argument in arguments]
        emulated.launch("gpu/mc_gpu.h", kernel, grid, block, shared_bytes, values, stream)

    waits = []
    module = StandIn(
        "mcfast._cuda",
        launch=launch,
        copy=move,
        synchronize=lambda stream, device: waits.append(stream),
        device_count=lambda: 1,
        versions=lambda: (13000, 13000),
        properties=lambda device: {"name": "Stand-in", "compute_capability": "9.0"},
        DeviceMemory=lambda size, device, stream: Host(size),
        PinnedMemory=lambda size: bytearray(size),
        dlpack_capsule=lambda *arguments: arguments,
    )
    monkeypatch.setitem(sys.modules, "mcfast._cuda", module)
    monkeypatch.setattr(mcfast, "_cuda", module, raising=False)
    return waits


class CupyArray:
    """What of a CuPy array the backend sees."""

    __module__ = "cupy"

    def __init__(self, array):
        self.array = array

    @property
    def __cuda_array_interface__(self):
        return self.array.__array_interface__ | {"version": 3}

    def __dlpack_device__(self):
        return 2, 0

    def __getitem__(self, rows):
        return CupyArray(self.array[rows])


@pytest.fixture
def with_cupy(emulated, monkeypatch, fresh):
    """CuPy as its documentation spells it."""
    compiled = []

    class RawModule:
        def __init__(self, *, code, options, name_expressions):
            assert f"-I{cupy_backend.source_folder()}" in options
            self.source, self.names = re.search(r'#include "(.*)"', code)[1], name_expressions
            compiled.append(name_expressions)

        def get_function(self, name):
            assert (name,) == self.names

            def function(grid, block, args, *, shared_mem):
                assert all(isinstance(argument, numpy.generic) for argument in args)
                emulated.launch(self.source, name, grid, block, shared_mem, args, 0)

            return function

    class Memory:
        def __init__(self, size):
            self.host = Host(size)
            self.ptr = self.host.pointer

    def from_external(stream):
        assert stream.__cuda_stream__() == (0, 5)
        return contextlib.nullcontext()

    runtime = types.SimpleNamespace(
        getDeviceCount=lambda: 1,
        memcpyAsync=lambda to, from_, size, kind, stream: move(to, from_, size),
        memcpyHostToDevice=1,
        memcpyDeviceToHost=2,
        streamSynchronize=lambda stream: None,
    )
    module = StandIn(
        "cupy",
        __version__="14.0",
        RawModule=RawModule,
        empty=lambda shape, dtype: CupyArray(numpy.empty(shape, dtype)),
        cuda=types.SimpleNamespace(
            alloc=Memory,
            runtime=runtime,
            Device=lambda number: contextlib.nullcontext(),
            Stream=types.SimpleNamespace(from_external=from_external),
            get_current_stream=lambda device: types.SimpleNamespace(ptr=5),
        ),
    )
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.setattr(cuda, "unavailable", lambda: "no driver")
    return compiled


def parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("dtype", [numpy.uint16, numpy.float32])
def test_cuda(with_cuda, dtype):
    image = random_image(dtype, (41, 67))
    for name, call, most in calls(dtype, image.shape):
        result, expected = call(DeviceArray.from_host(image), DeviceArray.from_host), call(image, lambda array: array)
        for own, other in zip(parts(result), parts(expected), strict=True):
            assert isinstance(own, DeviceArray)
            host = own.to_host()
            numpy.testing.assert_allclose(host.astype(float), other.astype(float), rtol=0, atol=most, err_msg=name)


def test_calls_do_not_wait(with_cuda):
    image = DeviceArray.from_host(random_image(numpy.uint16, (41, 67)))
    out = mcfast.dehaze(image, max_value=4095)
    before = len(with_cuda)
    mcfast.dehaze(image, max_value=4095, out=out)
    mcfast.white_tophat(image, mcfast.rectangle(3, 5), out=out)
    assert len(with_cuda) == before
    mcfast.local_maxima(image, 2, threshold=0.0)  # whose number the host must know
    assert len(with_cuda) == before + 1


def test_cupy(with_cupy):
    image = random_image(numpy.uint16, (41, 67))
    for name, call, most in calls(numpy.uint16, image.shape):
        result, expected = call(CupyArray(image), CupyArray), call(image, lambda array: array)
        for own, other in zip(parts(result), parts(expected), strict=True):
            assert isinstance(own, CupyArray)
            numpy.testing.assert_allclose(own.array.astype(float), other.astype(float), rtol=0, atol=most, err_msg=name)
    assert len(with_cupy) == len(set(with_cupy))  # nothing is compiled twice


def test_what_cupy_keeps_changes_with_the_headers():
    """CuPy's cache sees the text of a program, not what it includes."""
    assert re.match(r"// [0-9a-f]{64}\n#include \"lookup/lookup.cuh\"\n", cupy_backend.program("lookup/lookup.cuh"))


def test_device_array(with_cuda):
    host = random_image(numpy.uint16, (7, 5))
    array = DeviceArray.from_host(host, stream=9)
    assert (array.shape, array.dtype, array.ndim, array.size, array.nbytes) == ((7, 5), numpy.uint16, 2, 35, 70)
    numpy.testing.assert_array_equal(array.to_host(), host)
    numpy.testing.assert_array_equal(array[:3].to_host(), host[:3])
    out = numpy.empty((7, 5), numpy.uint16)
    assert array.to_host(out) is out
    with pytest.raises(ValueError, match=r"to_host\(out\): expected a contiguous uint16 array of shape \(7, 5\), got"):
        array.to_host(numpy.empty((5, 7), numpy.uint16))
    before = len(with_cuda)
    assert array.__dlpack__(stream=9)[1:] == (array.pointer, (7, 5), 1, 16, 0)
    assert len(with_cuda) == before  # the consumer works on the array's own stream
    array.__dlpack__(stream=3)
    assert with_cuda[before:] == [9]
    pinned = pinned_empty((3, 4), numpy.float32)
    pinned[:] = 1.5
    assert pinned.shape == (3, 4) and pinned.dtype == numpy.float32


def test_info_names_the_gpu(with_cuda):
    assert mcfast.info()["backends"]["cuda"] == "Stand-in, compute capability 9.0, CUDA 13000, driver 13000"


def test_a_driver_without_a_gpu(with_cuda, monkeypatch):
    monkeypatch.setattr(sys.modules["mcfast._cuda"], "device_count", lambda: 0)
    cuda.unavailable.cache_clear()
    array = DeviceArray.from_host(random_image(numpy.uint8, (3, 3)))
    with pytest.raises(DeviceError, match="cuda: no GPU is visible; see CUDA_VISIBLE_DEVICES"):
        mcfast.min_filter(array, 3, backend="cuda")


def test_the_tests_for_a_gpu_run(with_cuda, monkeypatch):
    """Over the emulated GPU and on small images, so that their first run on a GPU does not fail for another reason."""
    module = sys.modules["mcfast._cuda"]
    module.Stream = lambda device: types.SimpleNamespace(handle=3, device=device)
    replay = lambda function: types.SimpleNamespace(launch=lambda stream: function())  # noqa: E731
    module.Graph = lambda stream, function: replay(function)
    monkeypatch.setattr(cupy_backend, "unavailable", lambda: "left out")
    monkeypatch.delitem(sys.modules, "test_gpu_device", raising=False)
    tests = importlib.import_module("test_gpu_device")
    for name, shape in (("CAPTURED", (70, 90)), ("DELAYED", (70, 90)), ("BREAST", (700, 600))):
        monkeypatch.setattr(tests, name, shape)
    tests.test_every_operation_can_be_captured_in_a_graph()
    tests.test_maxima_and_windows_can_be_captured_in_a_graph()
    tests.test_work_follows_its_stream()
    tests.test_stitch("cuda")
    tests.test_the_breast_of_a_mammogram("cuda")
    tests.test_a_breast_nearly_as_dark_as_air_and_a_crop_of_it("cuda")
    tests.test_a_closer_look_and_a_tone_can_be_captured_in_a_graph()
    tests.test_suppression_can_be_captured_in_a_graph()
    tests.test_equals_the_cpu("cuda", numpy.uint16, (65, 3))
    monkeypatch.delitem(sys.modules, "test_gpu_device")


def test_the_benchmark_measures_every_operation(with_cuda, monkeypatch, tmp_path):
    """On small images and in no time, so that its first run on a GPU does not fail for another reason."""
    module = sys.modules["mcfast._cuda"]
    module.Stream = lambda device: types.SimpleNamespace(handle=3, device=device)
    module.Event = lambda: types.SimpleNamespace(record=lambda stream: None, since=lambda earlier: 2.0)
    monkeypatch.chdir(pathlib.Path(mcfast.__file__).parents[1])
    monkeypatch.delitem(sys.modules, "benchmarks.gpu", raising=False)
    benchmark = importlib.import_module("benchmarks.gpu")
    for name, value in (("ROWS", 40), ("COLUMNS", 70), ("ROUNDS", 1), ("SECONDS", 0)):
        monkeypatch.setattr(benchmark, name, value)
    pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.setattr(importlib.import_module("benchmarks.peers.gpu.torch"), "DEVICE", "cpu")
    monkeypatch.setattr(sys, "argv", ["gpu", "--out", str(tmp_path / "gpu.json")])
    benchmark.main()
    written = json.loads((tmp_path / "gpu.json").read_text())
    ours = [record for record in written["records"] if record["who"] == "mcfast"]
    assert {record["dtype"] for record in ours} == {"uint8", "uint16", "float32"}
    names = {record["operation"] for record in ours}
    assert {"dehaze", "gaussian_blur 2", "white_tophat disk 7", "breast_mask", "sliding_windows 224"} <= names
    assert {"breast_mask dark fat", "tone dark fat", "residual dark fat", "suppress 3500"} <= names
    assert all(record["ms"] > 0 and record["share_of_copy"] > 0 for record in ours)
    assert set(written["peers"]) == {"CuPy", "torch", "cuCIM", "Kornia"}
    torch = {record["operation"]: record for record in written["records"] if record["who"].startswith("torch")}
    assert torch["resample 0.5"]["status"] == "agrees" and torch["resample 0.5"]["ms"] > 0
    assert torch["box_mean 22"]["difference"] <= 1e-5
    monkeypatch.delitem(sys.modules, "benchmarks.gpu")
