"""Networks rewritten for engine builders: the same function, in either precision."""

import numpy
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from mcfast import nets, runtimes
from mcfast.errors import ConfigError
from mcfast.nets.engine_form import convolution_of, engine_form
from mcfast.nets.phases import phases_of, placed


def _model(nodes, weights, channels=1, elements=TensorProto.FLOAT) -> bytes:
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", elements, ["n", channels, "rows", "columns"])],
        [helper.make_tensor_value_info("output", elements, ["n", None, None, None])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def _deconvolution(weights, stride, pad, output_padding, bias=None, **more) -> bytes:
    inputs = ["input", "w"] if bias is None else ["input", "w", "b"]
    node = helper.make_node(
        "ConvTranspose",
        inputs,
        ["output"],
        "up",
        kernel_shape=list(weights.shape[2:]),
        strides=[stride] * 2,
        pads=[pad] * 4,
        output_padding=[output_padding] * 2,
        **more,
    )
    return _model([node], {"w": weights} | ({} if bias is None else {"b": bias}), weights.shape[0])


@given(st.integers(1, 4), st.integers(0, 5), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_deconvolutions_of_whole_numbers_keep_every_bit(stride, pad, more, inputs, outputs, with_bias):
    """Sums of small whole numbers are exact in float32, so any tap in a wrong place shows."""
    more = min(more, stride - 1)
    kernel = stride + 2 * pad - more
    if kernel < 1:
        return
    random = numpy.random.default_rng(stride * 100 + pad * 10 + more)
    weights = random.integers(-9, 10, (inputs, outputs, kernel, kernel)).astype(numpy.float32)
    bias = random.integers(-9, 10, outputs).astype(numpy.float32) if with_bias else None
    before = _deconvolution(weights, stride, pad, more, bias)
    after = engine_form(before)
    assert [node.op_type for node in onnx.load_from_string(after).graph.node] == ["Conv"]
    batch = random.integers(0, 50, (2, inputs, 7, 5)).astype(numpy.float32)
    expected = runtimes.load(before, threads=1).run(batch)
    phases = runtimes.load(after, threads=1).run(batch)
    assert phases.shape == (2, outputs * stride**2, 7, 5)
    numpy.testing.assert_array_equal(placed(phases, stride), expected)
    assert phases_of(onnx.load_from_string(before).graph) == stride


def test_phases_are_placed_as_depth_to_space_does():
    node = helper.make_node("DepthToSpace", ["input"], ["output"], blocksize=3, mode="CRD")
    phases = numpy.random.default_rng(0).random((2, 18, 5, 7), numpy.float32)
    expected = runtimes.load(_model([node], {}, 18), threads=1).run(phases)
    result = placed(phases, 3)
    assert result.shape == (2, 2, 15, 21) and result.flags.c_contiguous
    numpy.testing.assert_array_equal(result, expected)
    assert placed(phases, 1) is phases


@pytest.mark.parametrize("feeds_others", [False, True])
def test_deconvolutions_that_are_not_last_have_their_pixels_placed(feeds_others):
    """Followed by a layer; or giving the output and feeding a layer that nobody asks for."""
    weights = numpy.random.default_rng(0).integers(-9, 10, (2, 1, 5, 5)).astype(numpy.float32)
    up = onnx.load_from_string(_deconvolution(weights, 2, 2, 1)).graph.node[0]
    if not feeds_others:
        up.output[0] = "large"
    bend = helper.make_node("Relu", [up.output[0]], ["unused" if feeds_others else "output"], "bend")
    before = _model([up, bend], {"w": weights}, 2)
    after = engine_form(before)
    kinds = [node.op_type for node in onnx.load_from_string(after).graph.node]
    assert kinds == ["Conv", "DepthToSpace", "Relu"]
    assert phases_of(onnx.load_from_string(before).graph) == 1
    batch = numpy.random.default_rng(1).integers(0, 50, (2, 2, 7, 5)).astype(numpy.float32)
    expected = runtimes.load(before, threads=1).run(batch)
    numpy.testing.assert_array_equal(runtimes.load(after, threads=1).run(batch), expected)


def test_rectifiers_with_a_slope_keep_every_bit():
    """Slopes below and above 1, 0 and negative; each term of Relu(x) - slope Relu(-x) is 0 where the other is not."""
    slopes = numpy.array([0.25, 1.027, 0.0, -0.3, 1.0], numpy.float32).reshape(5, 1, 1)
    before = _model([helper.make_node("PRelu", ["input", "slope"], ["output"], "bend")], {"slope": slopes}, 5)
    after = engine_form(before)
    kinds = [node.op_type for node in onnx.load_from_string(after).graph.node]
    assert kinds == ["Relu", "Neg", "Relu", "Mul", "Sub"]
    batch = numpy.random.default_rng(0).normal(0, 3, (2, 5, 9, 7)).astype(numpy.float32)
    batch[0, :, 0] = 0
    expected = runtimes.load(before, threads=1).run(batch)
    numpy.testing.assert_array_equal(runtimes.load(after, threads=1).run(batch), expected)
    half = runtimes.load(engine_form(before, "fp16"), threads=1).run(batch)
    numpy.testing.assert_allclose(half, expected, rtol=2e-3)


def test_fsrcnn_keeps_its_multiplications_but_for_zeros():
    weights = numpy.ones((56, 1, 9, 9), numpy.float32)
    convolution, pads = convolution_of(weights, 2, 4, 1)
    assert convolution.shape == (4, 56, 5, 5)
    assert pads == (2, 2)
    assert convolution.sum() == weights.sum(), "every tap is used once"


@pytest.fixture(scope="module")
def batches():
    """For each shipped network, inputs as it sees them: noise in its range, an edge, extremes."""

    def batch(name):
        random = numpy.random.default_rng(0)
        _, channels, rows, columns = runtimes.load(nets.weights(name), threads=1).input_shape
        shape = (8, channels, rows or 61, columns or 47)
        if name == "fsrcnn":
            values = random.random(shape)
            values[1], values[2], values[3, :, :, 20:] = 0, 1, 1
        else:
            values = random.normal(0, 1, shape)
            values[1, :, rows // 2, columns // 2] = 24
            values[2] = -8
            values[3:6, :, rows // 2 - 1 : rows // 2 + 1, columns // 2 - 1 : columns // 2 + 1] += 5
        return values.astype(numpy.float32)

    return {name: batch(name) for name in nets.names()}


def _result(name, output):
    return placed(output, 2 if name == "fsrcnn" else 1)


@pytest.mark.parametrize("name", nets.names())
@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-5), ("fp16", 2e-3)])
def test_parity_with_onnxruntime(name, precision, bound, batches):
    """The bounds that `engine_form` states; what comes out differs from the original by less."""
    original, rewritten = nets.weights(name), engine_form(nets.weights(name), precision)
    expected = runtimes.load(original, threads=1).run(batches[name])
    result = _result(name, runtimes.load(rewritten, threads=1).run(batches[name]))
    assert result.dtype == numpy.float32
    assert result.shape == expected.shape
    assert numpy.abs(result - expected).max() < bound
    if precision == "fp16":
        assert not numpy.array_equal(result, expected), "it was computed in float16"


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_same_bytes_every_time(precision):
    network = nets.weights("fsrcnn")
    first = engine_form(network, precision)
    assert first == engine_form(network, precision)
    kept = {entry.key: entry.value for entry in onnx.load_from_string(first).metadata_props}
    assert kept["precision"] == precision
    assert kept["name"] == "fsrcnn"


def test_float16_is_all_between_the_first_and_the_last_layer():
    graph = onnx.load_from_string(engine_form(nets.weights(nets.names()[-1]), "fp16")).graph
    assert {tensor.data_type for tensor in graph.initializer} == {TensorProto.FLOAT16}
    kinds = [node.op_type for node in graph.node]
    assert kinds[0] == "Cast"
    assert kinds[-2:] == ["Cast", "Sigmoid"], "the probability is computed in float32"
    assert graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT


def test_sides_can_be_settled():
    settled = runtimes.load(engine_form(nets.weights("fsrcnn"), sides=(20, 31)), threads=1)
    assert settled.input_shape == (None, 1, 20, 31)
    batch = numpy.random.default_rng(0).random((2, 1, 20, 31), numpy.float32)
    expected = runtimes.load(nets.weights("fsrcnn"), threads=1).run(batch)
    numpy.testing.assert_allclose(placed(settled.run(batch), 2), expected, atol=1e-5)


ONES = numpy.ones((1, 1, 3, 3), numpy.float32)


@pytest.mark.parametrize(
    ("network", "precision", "message"),
    [
        (b"not a network", "fp32", r"network \(13 bytes\): no ONNX file that can be checked"),
        (
            _deconvolution(ONES, 2, 0, 0),
            "fp32",
            r"engine_form\(up\): .* got kernel 3 x 3, pad 0, output_padding 0, str",
        ),
        (_deconvolution(ONES, 1, 1, 0, dilations=[2, 2]), "fp32", r"engine_form\(up\): .* without groups or dilation"),
        (
            _model([helper.make_node("Cos", ["input"], ["output"], "wave")], {}),
            "fp32",
            r"engine_form\(wave\): operator Cos is not understood",
        ),
        (
            _model([helper.make_node("Conv", ["input", "w"], ["output"], "c")], {"w": 1e6 * ONES}),
            "fp16",
            r"engine_form\(w\): weights beyond 65504 do not fit into float16; use fp32",
        ),
        (nets.weights("fsrcnn"), "int8", r"engine_form\(precision\): expected one of fp32, fp16, got 'int8'"),
    ],
)
def test_what_is_refused(network, precision, message):
    with pytest.raises(ConfigError, match=message):
        engine_form(network, precision)
