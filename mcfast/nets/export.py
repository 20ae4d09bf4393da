"""A torch `nn.Sequential` -> ONNX, node by node through `onnx.helper`: the same bytes for the same weights, every time.

One small function per kind of layer writes its node and weights; `_WRITERS` is the table of them. Names are those of
the module's children, so that a graph reads like the network's definition. Needs torch and onnx (the `train` extra).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from mcfast.errors import ConfigError
from mcfast.nets.local_response import LocalResponse
from mcfast.nets.receptive_field import Layer, layers_to_json
from mcfast.nets.residual import Residual

__all__ = ["INPUT", "OPSET", "OUTPUT", "export"]

OPSET = 17
INPUT = "input"
OUTPUT = "output"
_IR_VERSION = 8  # the one that came with opset 17: readable by every runtime that knows the opset

Dimension = int | str


@dataclass
class _Graph:
    """What has been written so far; `tensor` is the name of the last layer's output."""

    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    tensor: str = INPUT

    def add(self, operator: str, name: str, weights: Mapping[str, torch.Tensor | None], **attributes: Any) -> None:
        inputs = [self.tensor]
        for suffix, values in weights.items():
            if values is not None:
                array = numpy.ascontiguousarray(values.detach().cpu().numpy(), numpy.float32)
                self.weights.append(numpy_helper.from_array(array, f"{name}.{suffix}"))
                inputs.append(f"{name}.{suffix}")
        self.nodes.append(helper.make_node(operator, inputs, [f"{name}.out"], name=name, **attributes))
        self.tensor = f"{name}.out"


def export(
    module: nn.Sequential,
    *,
    name: str,
    version: str,
    input_shape: Sequence[Dimension],
    output_shape: Sequence[Dimension],
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The module as an ONNX file's bytes: opset 17, float32, one tensor `input`, one tensor `output`.

    Parameters
    ----------
    module
        `nn.Sequential` (nested ones too) of Conv2d, ConvTranspose2d, PReLU, ReLU, LocalResponseNorm, BatchNorm2d,
        InstanceNorm2d, MaxPool2d, AdaptiveAvgPool2d(1), Flatten, Linear, Sigmoid, Softmax, and
        `mcfast.nets.residual.Residual`; Dropout and Identity leave no trace.
    name, version
        Of the network; kept in the metadata with the layers' windows, from which the receptive field follows.
    input_shape, output_shape
        One number or, where the size may vary, a name for each dimension: `("n", 1, "rows", "columns")`.
    metadata
        More to keep: input range, seed, recipe. Nothing that changes from run to run, if the bytes are to repeat.

    Raises
    ------
    ConfigError
        For a layer of another kind or with an option (groups, dilation, ...) that is not written; it is named.
    """
    graph = _Graph()
    _write_all(graph, module, "")
    if not graph.nodes:
        raise ConfigError("export(module): expected at least one layer, got none")
    graph.nodes[-1].output[0] = OUTPUT
    proto = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, list(input_shape))],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, list(output_shape))],
        graph.weights,
    )
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="mcfast",
        producer_version=version,
    )
    kept = {**(metadata or {}), "name": name, "version": version, "layers": layers_to_json(graph.layers)}
    helper.set_model_props(model, dict(sorted(kept.items())))
    onnx.checker.check_model(model, full_check=True)
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _write_all(graph: _Graph, module: nn.Sequential, prefix: str) -> None:
    for child_name, layer in module.named_children():
        name = f"{prefix}{child_name}"
        if isinstance(layer, nn.Sequential):
            _write_all(graph, layer, f"{name}.")
        elif type(layer) in _WRITERS:
            _WRITERS[type(layer)](graph, name, layer)
        else:
            known = ", ".join(kind.__name__ for kind in _WRITERS)
            raise ConfigError(f"export({name}): cannot write a {type(layer).__name__}; use layers of {known}")


def _convolution(graph: _Graph, name: str, layer: Any) -> None:
    side, stride, pad = _window(name, layer)
    graph.add(
        "Conv",
        name,
        {"weight": layer.weight, "bias": layer.bias},
        kernel_shape=[side, side],
        strides=[stride, stride],
        pads=[pad] * 4,
    )
    graph.layers.append(Layer(transposed=False, kernel=side, stride=stride, pad=pad))


def _deconvolution(graph: _Graph, name: str, layer: Any) -> None:
    side, stride, pad = _window(name, layer)
    graph.add(
        "ConvTranspose",
        name,
        {"weight": layer.weight, "bias": layer.bias},
        kernel_shape=[side, side],
        strides=[stride, stride],
        pads=[pad] * 4,
        output_padding=[int(extra) for extra in layer.output_padding],
    )
    graph.layers.append(Layer(transposed=True, kernel=side, stride=stride, pad=pad))


def _max_pool(graph: _Graph, name: str, layer: Any) -> None:
    side, stride, pad = (_square(name, value) for value in (layer.kernel_size, layer.stride, layer.padding))
    if _square(name, layer.dilation) != 1 or layer.ceil_mode:
        raise ConfigError(f"export({name}): cannot write a MaxPool2d with dilation or ceil_mode; leave them out")
    graph.add("MaxPool", name, {}, kernel_shape=[side, side], strides=[stride, stride], pads=[pad] * 4)
    graph.layers.append(Layer(transposed=False, kernel=side, stride=stride, pad=pad))


def _prelu(graph: _Graph, name: str, layer: Any) -> None:
    # ONNX broadcasts the slope against (N, C, H, W) from the right.
    graph.add("PRelu", name, {"slope": layer.weight.reshape(-1, 1, 1)})


def _linear(graph: _Graph, name: str, layer: Any) -> None:
    graph.add("Gemm", name, {"weight": layer.weight, "bias": layer.bias}, transB=1)


def _local_response(graph: _Graph, name: str, layer: Any) -> None:
    graph.add("LRN", name, {}, size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=layer.k)


def _batch_norm(graph: _Graph, name: str, layer: Any) -> None:
    if layer.weight is None or layer.running_mean is None:
        raise ConfigError(f"export({name}): cannot write a BatchNorm2d without weights or running means; give it both")
    kept = ("weight", "bias", "running_mean", "running_var")
    graph.add("BatchNormalization", name, {one: getattr(layer, one) for one in kept}, epsilon=float(layer.eps))


def _instance_norm(graph: _Graph, name: str, layer: Any) -> None:
    if layer.affine or layer.track_running_stats:
        raise ConfigError(
            f"export({name}): cannot write an InstanceNorm2d with weights or running means; leave them out"
        )
    plain = {"scale": torch.ones(layer.num_features), "bias": torch.zeros(layer.num_features)}
    graph.add("InstanceNormalization", name, plain, epsilon=float(layer.eps))


def _residual(graph: _Graph, name: str, layer: Any) -> None:
    given = graph.tensor
    _write_all(graph, layer.residual, f"{name}.residual.")
    made, windows = graph.tensor, list(graph.layers)
    graph.tensor = given
    _write_all(graph, layer.shortcut, f"{name}.shortcut.")
    graph.layers = windows  # the shortcut looks no farther
    graph.nodes.append(helper.make_node("Add", [made, graph.tensor], [f"{name}.sum.out"], name=f"{name}.sum"))
    graph.tensor = f"{name}.sum.out"
    graph.add("Relu", f"{name}.relu", {})


def _average(graph: _Graph, name: str, layer: Any) -> None:
    if _square(name, layer.output_size) != 1:
        raise ConfigError(f"export({name}): cannot write an AdaptiveAvgPool2d of {layer.output_size}; use 1")
    graph.add("GlobalAveragePool", name, {})


def _softmax(graph: _Graph, name: str, layer: Any) -> None:
    graph.add("Softmax", name, {}, axis=-1 if layer.dim is None else int(layer.dim))


def _window(name: str, layer: Any) -> tuple[int, int, int]:
    plain = layer.groups == 1 and _square(name, layer.dilation) == 1 and layer.padding_mode == "zeros"
    if not plain or isinstance(layer.padding, str):
        raise ConfigError(
            f"export({name}): cannot write a {type(layer).__name__} with groups, dilation or other than numbered zero "
            "padding; leave them out"
        )
    return _square(name, layer.kernel_size), _square(name, layer.stride), _square(name, layer.padding)


def _square(name: str, value: int | Sequence[int]) -> int:
    sides = {int(value)} if isinstance(value, int) else {int(side) for side in value}
    if len(sides) != 1:
        raise ConfigError(f"export({name}): expected the same for rows and columns, got {value}; use square windows")
    return sides.pop()


_WRITERS: dict[type[nn.Module], Callable[[_Graph, str, Any], None]] = {
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _deconvolution,
    nn.MaxPool2d: _max_pool,
    nn.AdaptiveAvgPool2d: _average,
    nn.LocalResponseNorm: _local_response,
    LocalResponse: _local_response,
    nn.BatchNorm2d: _batch_norm,
    nn.InstanceNorm2d: _instance_norm,
    Residual: _residual,
    nn.PReLU: _prelu,
    nn.ReLU: lambda graph, name, layer: graph.add("Relu", name, {}),
    nn.Sigmoid: lambda graph, name, layer: graph.add("Sigmoid", name, {}),
    nn.Softmax: _softmax,
    nn.Flatten: lambda graph, name, layer: graph.add("Flatten", name, {}, axis=1),
    nn.Linear: _linear,
    nn.Dropout: lambda graph, name, layer: None,
    nn.Dropout2d: lambda graph, name, layer: None,
    nn.Identity: lambda graph, name, layer: None,
}
