"""On a machine with a GPU, mcfast's GPU module and TensorRT: engines against ONNX Runtime. Skipped elsewhere."""

import numpy
import pytest

from mcfast import nets, runtimes
from mcfast.errors import DeviceError
from mcfast.runtimes.tensorrt import EngineCache, TensorrtNetwork, find_library
from mcfast.runtimes.tensorrt.device import find_device
from mcfast.runtimes.tensorrt.library import MODULES


@pytest.fixture(params=MODULES)
def library(request):
    pytest.importorskip("onnx", reason="this machine has no onnx to rewrite networks with")
    pytest.importorskip("onnxruntime", reason="this machine has no ONNX Runtime to compare with")
    try:
        find_device()
        return find_library(request.param)
    except DeviceError as error:
        pytest.skip(f"this machine has no GPU with {request.param}: {error}")


@pytest.mark.parametrize("name", nets.names())
@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-3), ("fp16", 4e-3)])
def test_outputs_are_those_of_onnxruntime(library, name, precision, bound, tmp_path):
    """Float32 on tensor cores may be TF32, so the bound is not that of the CPU."""
    network = TensorrtNetwork(library, nets.weights(name), precision=precision, cache=EngineCache(tmp_path))
    reference = runtimes.load(nets.weights(name))
    _, channels, rows, columns = network.input_shape
    sizes = [(rows, columns)] if rows is not None else [(256, 256), (61, 47), (500, 333)]
    for count in (1, 3, 200):
        for high, wide in sizes:
            if count * high * wide > 4_000_000:
                continue
            batch = numpy.random.default_rng(count).random((count, channels, high, wide), numpy.float32)
            numpy.testing.assert_allclose(network.run(batch), reference.run(batch), atol=bound)


def test_engines_are_found_again(library, tmp_path):
    batch = numpy.random.default_rng(0).random((2, 1, 256, 256), numpy.float32)
    first = TensorrtNetwork(library, nets.weights("fsrcnn"), cache=EngineCache(tmp_path)).run(batch)
    kept = {entry.path: entry.made for entry in EngineCache(tmp_path).entries()}
    again = TensorrtNetwork(library, nets.weights("fsrcnn"), cache=EngineCache(tmp_path)).run(batch)
    assert {entry.path: entry.made for entry in EngineCache(tmp_path).entries()} == kept
    numpy.testing.assert_allclose(again, first, atol=1e-6)
