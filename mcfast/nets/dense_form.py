"""A patch classifier as a fully convolutional network that gives, in one pass, its output at every position.

What a patch classifier computes on overlapping patches it computes many times over. Rules under which one pass gives
the same (Giusti et al. 2013; Li, Zhao and Wang 2014, "d-regularly sparse kernels"):

1. No layer pads: zeros at a patch's edge are tissue in the image.
2. A layer of stride s has stride 1 instead, and the windows of all later layers are dilated by s.
3. Fully connected layers are convolutions whose window is the map that they saw; global pooling likewise.
4. What works on single pixels stays as it is; batch normalisation must be in its inference form.

Every other layer is refused by name. Needs the package onnx.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy

from mcfast.errors import ConfigError
from mcfast.nets.onnx_library import load_model, onnx_library

__all__ = ["dense_form"]

Pair = tuple[int, int]
_POINTWISE = {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "LRN", "BatchNormalization", "Identity", "Dropout"}


@dataclass
class _State:
    """Where a patch has come to: its size, how far apart its pixels lie in the image's map, whether it is flattened."""

    onnx: Any
    weights: dict[str, Any]
    channels: int
    size: Pair
    apart: Pair = (1, 1)
    flat: bool = False
    nodes: list[Any] = field(default_factory=list)

    def array(self, node: Any, index: int) -> Any:
        """The constant that a node reads; refused if it is computed."""
        name = node.input[index]
        if name not in self.weights:
            _refuse(node, f"its input {name!r} is no constant")
        return self.onnx.numpy_helper.to_array(self.weights[name])

    def keep(self, name: str, values: Any) -> str:
        self.weights[name] = self.onnx.numpy_helper.from_array(numpy.ascontiguousarray(values), name)
        return name

    def slide(self, node: Any, kernel: Pair, strides: Pair, dilations: Pair = (1, 1)) -> dict[str, list[int]]:
        """Let a window slide over the map; the attributes that it has in the dense network."""
        spread = [dilation * apart for dilation, apart in zip(dilations, self.apart, strict=True)]
        extents = [(side - 1) * dilation + 1 for side, dilation in zip(kernel, dilations, strict=True)]
        if any(extent > side for extent, side in zip(extents, self.size, strict=True)):
            _refuse(node, f"its window {kernel} is larger than its {self.size} map")
        rows, columns = ((side - e) // s + 1 for side, e, s in zip(self.size, extents, strides, strict=True))
        self.size = rows, columns
        self.apart = self.apart[0] * strides[0], self.apart[1] * strides[1]
        return {"kernel_shape": list(kernel), "dilations": spread, "strides": [1, 1], "pads": [0, 0, 0, 0]}

    def add(self, operator: str, inputs: list[str], node: Any, **attributes: Any) -> None:
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, list(node.output[:1]), node.name, **attributes))


def dense_form(network: bytes) -> tuple[bytes, tuple[int, int, int]]:
    """The dense network's ONNX file, and channels, rows and columns of the patches.

    Parameters
    ----------
    network
        An ONNX file of (N, C, h, w) -> (N, K), or (N, K, 1, 1), float32, h and w settled; a chain of layers.

    Returns
    -------
    A network (N, C, H, W) -> (N, K, at least H - h + 1, at least W - w + 1): what stands at (r, c) is the patch
    classifier's output for rows r to r + h - 1 and columns c to c + w - 1.

    Raises
    ------
    ConfigError
        If the network has no exact dense form; the layer that is in the way is named, with the reason.
    DeviceError
        If the package onnx is not installed.
    """
    onnx, model = onnx_library(), load_model(network)
    graph = model.graph
    sides = [one.dim_value for one in graph.input[0].type.tensor_type.shape.dim]
    if len(graph.input) != 1 or len(graph.output) != 1 or len(sides) != 4 or min(sides[1:]) < 1:
        raise ConfigError(
            "dense(network): expected one input of (any, channels, rows, columns), all but the first settled"
        )
    channels, rows, columns = sides[1:]
    state = _State(onnx, {tensor.name: tensor for tensor in graph.initializer}, channels, (rows, columns))
    tensor = graph.input[0].name
    for node in graph.node:
        if node.input[0] != tensor or sum(list(one.input).count(tensor) for one in graph.node) != 1:
            _refuse(node, "it is no link of a chain")
        _WRITERS.get(node.op_type, _unknown)(state, node)
        tensor = node.output[0]
    if state.size != (1, 1):
        _refuse(graph.node[-1], f"a map of {state.size} is left; end with a fully connected layer or global pooling")
    used = {name for node in state.nodes for name in node.input}
    describe = onnx.helper.make_tensor_value_info
    kind = onnx.TensorProto.FLOAT
    new = onnx.helper.make_graph(
        state.nodes,
        f"{graph.name} dense",
        [describe(graph.input[0].name, kind, ["n", channels, "rows", "columns"])],
        [describe(graph.output[0].name, kind, ["n", state.channels, "rows_out", "columns_out"])],
        [tensor for name, tensor in state.weights.items() if name in used],
    )
    result = onnx.helper.make_model(new, opset_imports=model.opset_import, ir_version=model.ir_version)
    result.metadata_props.add(key="name", value=f"{graph.name}-dense")
    onnx.checker.check_model(result)
    return bytes(result.SerializeToString(deterministic=True)), (channels, rows, columns)


def _refuse(node: Any, reason: str) -> NoReturn:
    name = node.name or node.output[0]
    raise ConfigError(
        f"dense({name}): expected a layer with an exact dense form, got {node.op_type}: {reason}; "
        "classify patch by patch"
    )


def _options(state: _State, node: Any) -> dict[str, Any]:
    return {one.name: state.onnx.helper.get_attribute_value(one) for one in node.attribute}


def _window(state: _State, node: Any, options: dict[str, Any], kernel: Pair) -> dict[str, list[int]]:
    if state.flat:
        _refuse(node, "it comes after Flatten")
    if any(options.get("pads", [])) or options.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        _refuse(node, "it pads, and zeros at a patch's edge are tissue in the image")
    if options.get("ceil_mode", 0):
        _refuse(node, "ceil_mode lets windows hang over a patch's edge")
    rows, columns = options.get("strides", [1, 1])
    return state.slide(node, kernel, (rows, columns), tuple(options.get("dilations", [1, 1])))


def _convolution(state: _State, node: Any) -> None:
    options, weights = _options(state, node), state.array(node, 1)
    attributes = _window(state, node, options, weights.shape[2:])
    state.channels = weights.shape[0]
    state.add("Conv", list(node.input), node, group=options.get("group", 1), **attributes)


def _max_pool(state: _State, node: Any) -> None:
    options = _options(state, node)
    state.add("MaxPool", [node.input[0]], node, **_window(state, node, options, tuple(options["kernel_shape"])))


def _average_pool(state: _State, node: Any) -> None:
    options = _options(state, node)
    kernel = tuple(options["kernel_shape"])
    _average(state, node, kernel, _window(state, node, options, kernel))


def _average(state: _State, node: Any, kernel: Pair, attributes: dict[str, list[int]]) -> None:
    """A mean over a dilated window is a convolution of each channel: AveragePool has dilations from opset 19 only."""
    mean = numpy.full((state.channels, 1, *kernel), 1 / (kernel[0] * kernel[1]), numpy.float32)
    weights = state.keep(f"{node.output[0]}.mean", mean)
    state.add("Conv", [node.input[0], weights], node, group=state.channels, **attributes)


def _global_average(state: _State, node: Any) -> None:
    kernel = state.size
    _average(state, node, kernel, state.slide(node, kernel, (1, 1)))


def _global_maximum(state: _State, node: Any) -> None:
    state.add("MaxPool", [node.input[0]], node, **state.slide(node, state.size, (1, 1)))


def _flatten(state: _State, node: Any) -> None:
    if _options(state, node).get("axis", 1) != 1:
        _refuse(node, "it does not flatten all but the batch")
    state.flat = True
    state.add("Identity", [node.input[0]], node)


def _connected(state: _State, node: Any) -> None:
    options, weights = _options(state, node), state.array(node, 1)
    plain = options.get("alpha", 1.0) == 1 and options.get("beta", 1.0) == 1 and not options.get("transA", 0)
    if not plain or not state.flat:
        _refuse(node, "it is no fully connected layer after Flatten")
    if not options.get("transB", 0):
        weights = weights.T
    kernel = state.size
    name = state.keep(f"{node.output[0]}.window", weights.reshape(len(weights), state.channels, *kernel))
    inputs = [node.input[0], name]
    if len(node.input) > 2:
        bias = numpy.broadcast_to(state.array(node, 2), (len(weights),))
        inputs.append(state.keep(f"{node.output[0]}.bias", bias))
    attributes = state.slide(node, kernel, (1, 1))
    state.channels = len(weights)
    state.add("Conv", inputs, node, **attributes)


def _prelu(state: _State, node: Any) -> None:
    slope = state.array(node, 1)
    if slope.size not in (1, state.channels) or (not state.flat and slope.shape[-2:] != (1, 1) and slope.size > 1):
        _refuse(node, "its slope differs from pixel to pixel")
    if state.flat and state.size != (1, 1):
        _refuse(node, "it comes between Flatten and the fully connected layer; put it before Flatten")
    name = state.keep(f"{node.output[0]}.slope", slope.reshape(-1, 1, 1))
    state.add("PRelu", [node.input[0], name], node)


def _softmax(state: _State, node: Any) -> None:
    axis = _options(state, node).get("axis", -1)
    if state.size != (1, 1) or axis not in ((1, -1) if state.flat else (1, -3)):
        _refuse(node, "it is not over the classes")
    state.add("Softmax", [node.input[0]], node, axis=1)


def _pointwise(state: _State, node: Any) -> None:
    options = _options(state, node)
    if options.get("training_mode", 0) or (node.op_type == "Dropout" and len(node.input) > 2):
        _refuse(node, "it is in training mode")
    if state.flat and node.op_type in ("LRN", "BatchNormalization") and state.size != (1, 1):
        _refuse(node, "it comes between Flatten and the fully connected layer; put it before Flatten")
    if node.op_type == "Dropout":
        state.add("Identity", [node.input[0]], node)
    else:
        state.add(node.op_type, list(node.input), node, **options)


def _unknown(state: _State, node: Any) -> None:
    _refuse(node, "it is not understood")


_WRITERS: dict[str, Callable[[_State, Any], None]] = {
    "Conv": _convolution,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_maximum,
    "Flatten": _flatten,
    "Gemm": _connected,
    "PRelu": _prelu,
    "Softmax": _softmax,
    **dict.fromkeys(_POINTWISE, _pointwise),
}
