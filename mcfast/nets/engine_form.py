"""An ONNX network as engine builders like it: no deconvolution, and all weights in one precision.

A deconvolution of stride s is a convolution that computes the s x s outputs of every input pixel as channels, and
DepthToSpace, which puts them in their places: the same products and sums, only in another order. (Shi et al., "Is the
deconvolution layer the same as a convolutional layer?", 2016.) Where a deconvolution comes last, the form ends at those
channels, and who reads them puts them in their places (`mcfast.nets.phases`): of open rows and columns, TensorRT for
RTX numbers the sizes that DepthToSpace makes of them in one order or the other, by chance. PRelu(x) is
Relu(x) - slope Relu(-x), to the bit: TensorRT for RTX takes that into the convolution before it, but makes a kernel of
its own of PRelu, and numbers what is between in another order each time. Strongly typed engines take their precision
from the file, so float16 is made here: weights and everything between are float16, input and output stay float32, and a
last sigmoid or softmax is computed in float32. Needs the package onnx (the extras `tensorrt-rtx` and `train`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from mcfast.errors import ConfigError
from mcfast.nets.onnx_library import load_model, onnx_library
from mcfast.nets.phases import final_deconvolution

__all__ = ["PRECISIONS", "Precision", "convolution_of", "engine_form"]

Precision = Literal["fp32", "fp16"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16")

_IN_FLOAT32 = ("Sigmoid", "Softmax")
_KNOWN = {
    *("Conv", "ConvTranspose", "Gemm", "PRelu", "Relu", "Sigmoid", "Softmax", "LRN", "Add", "Concat"),
    *("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Flatten", "DepthToSpace", "Identity"),
    *("Neg", "Mul", "Sub"),
}


def engine_form(network: bytes, precision: Precision = "fp32", sides: tuple[int, int] | None = None) -> bytes:
    """The network for an engine builder: the same bytes for the same input, every time.

    Where a deconvolution of stride s gives the output, (N, C, s H, s W), the form gives its phases, (N, C s s, H, W);
    `mcfast.nets.phases.placed` turns one into the other.

    Parameters
    ----------
    network
        An ONNX file's bytes, float32, one input and one output.
    precision
        `"fp32"` or `"fp16"`. With the shipped networks float16 changes a probability, or a magnified pixel in units of
        white, by less than 2e-3; without it the change is below 1e-5.
    sides
        Rows and columns of the input, if they are open in the file and the engine is for this size alone.

    Raises
    ------
    ConfigError
        If the bytes are no such network, an operator is not understood, a deconvolution does not enlarge by exactly
        its stride, or a weight does not fit into float16; it is named.
    DeviceError
        If the package onnx is not installed.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"engine_form(precision): expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    onnx, model = onnx_library(), load_model(network)
    graph = model.graph
    for node in graph.node:
        if node.op_type not in _KNOWN:
            raise ConfigError(f"engine_form({node.name or node.op_type}): operator {node.op_type} is not understood")
    for index, side in enumerate(sides or (), start=2):
        graph.input[0].type.tensor_type.shape.dim[index].dim_value = side
    last = final_deconvolution(graph)
    end = None if last is None else last.output[0]
    _replace(graph, "ConvTranspose", lambda node, weights: _as_convolution(onnx, node, weights, end))
    if end is not None:
        for dimension in graph.output[0].type.tensor_type.shape.dim[1:]:
            dimension.Clear()
    _replace(graph, "PRelu", lambda node, _: _as_relus(onnx, node))
    if precision == "fp16":
        _to_float16(onnx, graph)
    model.metadata_props.add(key="precision", value=precision)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def convolution_of(
    weights: NDArray[Any], stride: int, pad: int, output_padding: int, name: str = "deconvolution"
) -> tuple[NDArray[Any], tuple[int, int]]:
    """Weights and padding (before, after) of the convolution whose channels DepthToSpace (CRD) turns into the output.

    Output i = s m + r of a deconvolution is the sum over input m - d with tap s d + r + pad, d from
    ceil(-(s - 1 + pad) / s) to floor((kernel - 1 - pad) / s): a convolution with one set of weights for each r.

    Parameters
    ----------
    weights
        (inputs, outputs, kernel, kernel) of the deconvolution.

    Returns
    -------
    (outputs s s, inputs, side, side) weights of the same dtype, and the zero padding along each axis.

    Raises
    ------
    ConfigError
        If the deconvolution does not enlarge by exactly `stride`.
    """
    inputs, outputs, kernel, columns = weights.shape
    if columns != kernel or kernel - 2 * pad + output_padding != stride:
        raise ConfigError(
            f"engine_form({name}): expected a square deconvolution with kernel - 2 pad + output_padding = stride, got "
            f"kernel {kernel} x {columns}, pad {pad}, output_padding {output_padding}, stride {stride}"
        )
    before = max(0, (kernel - 1 - pad) // stride)
    after = (stride - 1 + pad) // stride
    side = before + after + 1
    result = numpy.zeros((outputs, stride, stride, inputs, side, side), weights.dtype)
    for row_phase in range(stride):
        for column_phase in range(stride):
            for u, row in _taps(row_phase + pad, stride, before, side, kernel):
                for v, column in _taps(column_phase + pad, stride, before, side, kernel):
                    result[:, row_phase, column_phase, :, u, v] = weights[:, :, row, column].T
    return result.reshape(outputs * stride * stride, inputs, side, side), (before, after)


def _taps(offset: int, stride: int, before: int, side: int, kernel: int) -> list[tuple[int, int]]:
    """(tap of the convolution, tap of the deconvolution) that belong together."""
    pairs = ((u, stride * (before - u) + offset) for u in range(side))
    return [(u, tap) for u, tap in pairs if 0 <= tap < kernel]


def _replace(graph: Any, kind: str, instead: Callable[[Any, dict[str, Any]], list[Any]]) -> None:
    """Put other nodes in the place of all of one kind."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = [new for node in graph.node for new in (instead(node, weights) if node.op_type == kind else [node])]
    del graph.node[:]
    graph.node.extend(nodes)


def _as_relus(onnx: Any, node: Any) -> list[Any]:
    """One of the two terms is 0, so that neither product nor difference is rounded otherwise than PRelu's product."""
    source, slope = node.input
    name, (out,) = node.name or node.output[0], node.output
    above, turned, below, scaled = (f"{out}.{part}" for part in ("above", "turned", "below", "scaled"))
    make = onnx.helper.make_node
    return [
        make("Relu", [source], [above], f"{name}.above"),
        make("Neg", [source], [turned], f"{name}.turned"),
        make("Relu", [turned], [below], f"{name}.below"),
        make("Mul", [below, slope], [scaled], f"{name}.scaled"),
        make("Sub", [above, scaled], [out], name),
    ]


def _as_convolution(onnx: Any, node: Any, weights: dict[str, Any], end: str | None) -> list[Any]:
    """The convolution, and, unless the node's output is called `end`, what puts the phases in their places."""
    options = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    strides, pads = options.get("strides", [1, 1]), options.get("pads", [0, 0, 0, 0])
    more = options.get("output_padding", [0, 0])
    plain = options.get("group", 1) == 1 and set(options.get("dilations", [1])) == {1} and "auto_pad" not in options
    if not plain or any(len(set(values)) != 1 for values in (strides, pads, more)) or node.input[1] not in weights:
        raise ConfigError(
            f"engine_form({node.name}): expected a deconvolution with constant weights, alike along rows and columns, "
            "without groups or dilation; export it so"
        )
    stride, name = int(strides[0]), node.name
    tensor = weights[node.input[1]]
    array, (before, after) = convolution_of(onnx.numpy_helper.to_array(tensor), stride, pads[0], more[0], name)
    tensor.CopyFrom(onnx.numpy_helper.from_array(numpy.ascontiguousarray(array), tensor.name))
    if len(node.input) > 2:
        bias = weights[node.input[2]]
        values = onnx.numpy_helper.to_array(bias).repeat(stride * stride)
        bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    result = node.output[0]
    phases = result if result == end else f"{name}.phases"
    convolution = onnx.helper.make_node(
        *("Conv", list(node.input), [phases], name),
        kernel_shape=list(array.shape[2:]),
        pads=[before, before, after, after],
        strides=[1, 1],
    )
    if result == end:
        return [convolution]
    places = onnx.helper.make_node("DepthToSpace", [phases], [result], f"{name}.places", blocksize=stride, mode="CRD")
    return [convolution, places]


def _to_float16(onnx: Any, graph: Any) -> None:
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if numpy.abs(values).max(initial=0) > numpy.finfo(numpy.float16).max:
            raise ConfigError(f"engine_form({tensor.name}): weights beyond 65504 do not fit into float16; use fp32")
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(numpy.float16), tensor.name))
    (source,) = graph.input
    # The node that ends the float16 part: the last one that is no probability.
    end = len(graph.node)
    while end > 1 and graph.node[end - 1].op_type in _IN_FLOAT32:
        end -= 1
    for node in graph.node[:end]:
        node.input[:] = [f"{source.name}.half" if name == source.name else name for name in node.input]
    last = graph.node[end - 1]
    name = last.output[0]
    last.output[0] = f"{name}.half"
    first = onnx.helper.make_node(
        "Cast", [source.name], [f"{source.name}.half"], "to_float16", to=onnx.TensorProto.FLOAT16
    )
    back = onnx.helper.make_node("Cast", [f"{name}.half"], [name], "to_float32", to=onnx.TensorProto.FLOAT)
    nodes = [first, *graph.node[:end], back, *graph.node[end:]]
    del graph.node[:]
    graph.node.extend(nodes)
