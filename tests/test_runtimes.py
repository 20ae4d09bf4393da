"""Runtimes: loading, running from several threads, and every error message."""

import builtins
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
import onnx
import pytest
from onnx import TensorProto, helper

from mcfast import nets, runtimes
from mcfast.errors import ConfigError, DeviceError


@pytest.fixture(scope="module")
def fsrcnn():
    return runtimes.load(nets.weights("fsrcnn"), threads=1)


def _model(inputs, outputs, nodes) -> bytes:
    graph = helper.make_graph(nodes, "small", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _doubling() -> bytes:
    """x + x on (n, 3, 4, 4), without metadata."""
    shape = ["n", 3, 4, 4]
    return _model(
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [helper.make_node("Add", ["x", "x"], ["y"])],
    )


def test_names_lists_what_is_there():
    assert "fsrcnn" in nets.names()
    assert nets.weights("fsrcnn") == nets.path("fsrcnn").read_bytes()
    assert nets.path("fsrcnn").with_suffix(".md").exists(), "every network has a model card"


def test_unknown_network_lists_names():
    with pytest.raises(ConfigError, match=r"nets\('fsrcn'\): no such network; use one of .*fsrcnn"):
        nets.weights("fsrcn")


def test_network_describes_itself(fsrcnn):
    assert fsrcnn.name == "fsrcnn"
    assert fsrcnn.sha256 == hashlib.sha256(nets.weights("fsrcnn")).hexdigest()
    assert fsrcnn.runtime == "onnxruntime"
    assert fsrcnn.runtime_version == runtimes.available()["onnxruntime"]
    assert fsrcnn.input_shape == (None, 1, None, None)
    assert fsrcnn.output_shape == (None, 1, None, None)
    assert {"input_range", "layers", "name", "recipe", "seed", "training_data", "version"} <= set(fsrcnn.metadata)
    assert "fsrcnn" in repr(fsrcnn)


def test_metadata_cannot_be_changed(fsrcnn):
    with pytest.raises(TypeError):
        fsrcnn.metadata["seed"] = "1"


def test_a_network_without_metadata_is_named_by_its_graph():
    network = runtimes.load(_doubling())
    assert network.name == "small"
    assert network.input_shape == (None, 3, 4, 4)
    batch = numpy.arange(96, dtype=numpy.float32).reshape(2, 3, 4, 4)
    numpy.testing.assert_array_equal(network.run(batch), 2 * batch)


def test_strided_batches(fsrcnn):
    batch = numpy.random.default_rng(0).random((2, 1, 20, 24), numpy.float32)
    strided = batch[:, :, ::2, ::3]
    numpy.testing.assert_array_equal(fsrcnn.run(strided), fsrcnn.run(strided.copy()))


def test_load_from_a_path(fsrcnn):
    for path in (nets.path("fsrcnn"), str(nets.path("fsrcnn"))):
        assert runtimes.load(path, threads=1).sha256 == fsrcnn.sha256


def test_same_result_from_many_threads_and_for_any_number(fsrcnn):
    batches = [numpy.random.default_rng(i).random((1, 1, 17 + i, 40), numpy.float32) for i in range(12)]
    alone = [fsrcnn.run(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for one, many in zip(alone, pool.map(fsrcnn.run, batches), strict=True):
            numpy.testing.assert_array_equal(one, many)
    wide = runtimes.load(nets.weights("fsrcnn"), threads=2)
    for one, batch in zip(alone, batches, strict=True):
        numpy.testing.assert_allclose(wide.run(batch), one, atol=1e-6)


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([[1.0]], TypeError, r"fsrcnn.run\(batch\): expected a NumPy array, got list; use numpy.asarray"),
        (numpy.zeros((1, 1, 4, 4)), TypeError, r"expected float32, got float64; cast it with batch.astype"),
        (numpy.zeros((1, 1, 4, 4), numpy.uint16), TypeError, r"expected float32, got uint16"),
        (numpy.zeros((4, 4), numpy.float32), ValueError, r"expected shape \(any, 1, any, any\), got \(4, 4\)"),
        (
            numpy.zeros((1, 3, 4, 4), numpy.float32),
            ValueError,
            r"expected shape .*, got \(1, 3, 4, 4\); reshape or crop",
        ),
        (numpy.zeros((1, 1, 0, 4), numpy.float32), ValueError, r"got \(1, 1, 0, 4\)"),
    ],
)
def test_wrong_batches_are_named(fsrcnn, batch, error, message):
    with pytest.raises(error, match=message):
        fsrcnn.run(batch)


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b"not a network", lambda b: b[: len(b) // 2], lambda b: b[5:]]
)
def test_broken_bytes_are_a_config_error(damage, capfd):
    with pytest.raises(
        ConfigError, match=r"network \(sha256 [0-9a-f]{12}, \d+ bytes\): ONNX Runtime .* cannot load it"
    ):
        runtimes.load(damage(nets.weights("fsrcnn")))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "", "the cause belongs into the exception, not on the screen"


def test_networks_of_another_form_are_refused():
    shape = ["n", 1]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "abc"]
    two_inputs = _model(values[:2], values[2:], [helper.make_node("Add", ["a", "b"], ["c"])])
    with pytest.raises(ConfigError, match="network 'small': expected one float32 input and one output, got"):
        runtimes.load(two_inputs)
    integers = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in "xy"]
    whole = _model(integers[:1], integers[1:], [helper.make_node("Identity", ["x"], ["y"])])
    with pytest.raises(ConfigError, match=r"tensor\(int64\)"):
        runtimes.load(whole)


def test_missing_file_and_unknown_runtime(tmp_path):
    with pytest.raises(ConfigError, match=r"absent.onnx: cannot be read \(No such file or directory\)"):
        runtimes.load(tmp_path / "absent.onnx")
    with pytest.raises(ConfigError, match="runtime: expected one of onnxruntime, native, tensorrt, auto, got 'abacus'"):
        runtimes.load(b"", runtime="abacus")


def test_a_missing_library_is_reported_with_its_cause(monkeypatch):
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name == "onnxruntime":
            raise ImportError("libonnxruntime.so: cannot open shared object file")
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    found = runtimes.available()["onnxruntime"]
    assert found.startswith("unavailable: runtime 'onnxruntime': cannot be imported (libonnxruntime.so")
    assert found.endswith("pip install onnxruntime")
    with pytest.raises(DeviceError, match="cannot be imported"):
        runtimes.load(nets.weights("fsrcnn"))


def test_importing_runtimes_does_not_import_onnxruntime():
    program = (
        "import sys, mcfast.runtimes, mcfast.nets;"
        "print([name for name in ('onnxruntime', 'torch', 'onnx') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_thread_count(monkeypatch):
    assert runtimes.thread_count(3) == 3
    assert runtimes.thread_count() >= 1
    with pytest.raises(ValueError, match="threads: expected None or at least 1, got 0"):
        runtimes.thread_count(0)
    program = "from mcfast import runtimes; print(runtimes.thread_count(), runtimes.thread_count(2))"
    for stated, expected in (("5", "5 2"), ("1", "1 2")):
        monkeypatch.setenv("MCFAST_THREADS", stated)
        shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert shown.stdout.strip() == expected


def test_the_first_runtime_that_takes_a_network():
    """By name in the order of the arguments too."""
    assert runtimes.load(nets.weights("fsrcnn"), "auto").runtime == "native"
    assert runtimes.load(nets.weights("vgg12"), "auto").runtime == "onnxruntime"
    assert runtimes.load(nets.weights("fsrcnn"), "native").runtime == "native"
    with pytest.raises(
        ConfigError, match=r"no runtime takes it: native: .*; onnxruntime: network \(sha256 .*; tensorrt"
    ):
        runtimes.load(b"none", "auto")


@pytest.mark.parametrize("runtime", ["onnxruntime", "native"])
def test_what_runtimes_on_the_host_can(runtime):
    shapes = [(1, 1, 20, 31), (3, 1, 8, 8)]
    network = runtimes.load(nets.weights("fsrcnn"), runtime, threads=1, precision="float32", shapes=shapes)
    assert (network.runtime, network.precision) == (runtime, "float32")
    assert network.takes((2, 1, 5, 6)) and not network.takes((2, 3, 5, 6)) and not network.takes((1, 1, 0, 6))
    assert network.run(numpy.zeros((1, 1, 9, 7), numpy.float32)).shape == (1, 1, 18, 14), "of another shape as well"
    with pytest.raises(
        ConfigError, match=rf"expected float32 for runtime '{runtime}', got 'float16'; runtime='tensorrt'"
    ):
        runtimes.load(nets.weights("fsrcnn"), runtime, precision="float16")
    with pytest.raises(ConfigError, match=r"load\(precision\): expected one of float32, float16, got 'bfloat16'"):
        runtimes.load(nets.weights("fsrcnn"), runtime, precision="bfloat16")
    for shape in ((1, 3, 8, 8), (1, 1, 8), (0, 1, 8, 8), 7):
        with pytest.raises(
            ConfigError, match=r"fsrcnn.prepare\(shapes\): expected batches of \(any, 1, any, any\), got"
        ):
            runtimes.load(nets.weights("fsrcnn"), runtime, shapes=[(1, 1, 8, 8), shape])
    with pytest.raises(DeviceError, match=rf"fsrcnn.on_stream: expected a runtime on a GPU, got '{runtime}', which"):
        network.on_stream(None)
