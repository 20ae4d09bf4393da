"""FSRCNN(d, s, m) in the core: the whole network in one pass over the image, several times as fast as ONNX Runtime.

Runs that one architecture only, with the weights of any ONNX file that holds it. Results equal ONNX Runtime's within
1e-5 of white in float32, and have the same bits for any number of threads and any tiling; AVX-512 and AVX2 levels give
the same bits, the baseline, which has no fused multiply-add, other last ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import _core
from mcfast.boxes import Box
from mcfast.errors import ConfigError
from mcfast.nets.onnx_file import Node, OnnxFile, read_onnx
from mcfast.runtimes.network import OnHost, Shape, check_batch
from mcfast.runtimes.threads import thread_count
from mcfast.version import version as package_version

__all__ = ["NativeFsrcnn", "load", "version"]

Array = NDArray[Any]
Layer = tuple[Array, Array, Array | None]

_Attributes = Mapping[str, set[tuple[int, ...]]]

_WINDOW: _Attributes = {"strides": {(), (1, 1)}, "dilations": {(), (1, 1)}, "group": {(), (1,)}}
_DECONVOLUTION: _Attributes = {
    "strides": {(2, 2)},
    "pads": {(4, 4, 4, 4)},
    "output_padding": {(1, 1)},
    "dilations": {(), (1, 1)},
    "group": {(), (1,)},
}
"""Attributes that the kernel stands for; () is an attribute that is not there."""


class NativeFsrcnn(OnHost):
    """FSRCNN of an ONNX file in the core, behind `mcfast.runtimes.Network`. Made by `load`."""

    runtime = "native"
    input_shape: Shape = (None, 1, None, None)
    output_shape: Shape = (None, 1, None, None)

    def __init__(self, file: OnnxFile, sha256: str, threads: int) -> None:
        """Pack the file's weights for this processor. Raises `ConfigError` unless they are an FSRCNN."""
        self.name: str = file.name
        self.sha256 = sha256
        self.runtime_version = version()
        self.metadata: Mapping[str, str] = MappingProxyType(dict(file.metadata))
        self._threads = threads
        try:
            self._kernel = _core.Fsrcnn(_layers(file))
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"network {self.name!r}: no FSRCNN(d, s, m) for magnification by 2 ({error}); load it with "
                "runtime='onnxruntime'"
            ) from error

    @property
    def size(self) -> tuple[int, int, int]:
        """(d, s, m): wide maps, narrow maps, mapping layers."""
        return self._kernel.d, self._kernel.s, self._kernel.m

    def run(self, batch: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
        """(N, 1, H, W) -> (N, 1, 2 H, 2 W), not clipped; see `mcfast.runtimes.Network.run`."""
        check_batch(self.name, batch, self.input_shape)
        count, _, rows, columns = batch.shape
        out = numpy.empty((count, 1, 2 * rows, 2 * columns), numpy.float32)
        for image, target in zip(numpy.ascontiguousarray(batch)[:, 0], out[:, 0], strict=True):
            self._kernel.magnify(image, 1.0, [(0, 0, rows, columns)], [target], clip=False, threads=self._threads)
        return out

    def magnify(
        self,
        image: Array,
        white: float,
        boxes: Sequence[Box],
        outs: Sequence[Array],
        *,
        mask: NDArray[numpy.bool_] | None = None,
        tile: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Magnify boxes of an image into arrays, clipped to 0 .. white and rounded to nearest even for integers.

        Parameters
        ----------
        image
            (H, W) uint8, uint16 or float32, values 0 .. white.
        white
            Intensity of white.
        boxes, outs
            What to magnify, and for each an array of the image's dtype and twice its size.
        mask
            (H, W) bool; pixels outside are interpolated linearly, as `mcfast.resample(image, 2)` does.
        tile
            Longest side of a tile; `None` is the kernel's own. Changes no bit.
        threads
            `None` is the number given to `load`.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not fit together; the message names which.
        """
        self._kernel.magnify(image, white, boxes, outs, mask, tile, True, self._threads if threads is None else threads)

    def __repr__(self) -> str:
        """Name and size."""
        return f"NativeFsrcnn({self.name!r}, d, s, m = {self.size})"


def load(network: bytes, *, threads: int | None = None) -> NativeFsrcnn:
    """The network of an ONNX file's bytes, on `threads` threads (`None`: as `mcfast.runtimes.threads.thread_count`).

    Raises
    ------
    ConfigError
        If the bytes are no ONNX file, or hold another network than FSRCNN(d, s, m) with d, s <= 256 and m <= 16.
    """
    return NativeFsrcnn(read_onnx(network), hashlib.sha256(network).hexdigest(), thread_count(threads))


def version() -> str:
    """Version of mcfast, whose core this is."""
    return package_version()


def _layers(file: OnnxFile) -> list[Layer]:
    """Weight, bias and slope of each layer. Raises `ValueError` if the graph is no chain of FSRCNN's layers."""
    nodes, layers = list(file.nodes), list[Layer]()
    if len(file.inputs) != 1 or len(file.outputs) != 1:
        raise ValueError(f"{len(file.inputs)} inputs and {len(file.outputs)} outputs")
    tensor = file.inputs[0]
    while nodes:
        node = nodes.pop(0)
        last = not nodes
        _check(node, "ConvTranspose" if last else "Conv", tensor, _DECONVOLUTION if last else _WINDOW)
        weight = _tensor(file, node, 1)
        if not last and node.attributes.get("pads", (0,) * 4) != (weight.shape[-1] // 2,) * 4:
            raise ValueError(f"{node.name}: padding {node.attributes.get('pads')}")
        bias = _tensor(file, node, 2) if len(node.inputs) > 2 else numpy.zeros(1 if last else len(weight), "f4")
        tensor, slope = node.outputs[0], None
        if not last:
            activation = nodes.pop(0)
            _check(activation, "PRelu", tensor, {})
            slope = _tensor(file, activation, 1).ravel()
            slope = numpy.full(len(weight), slope[0]) if slope.size == 1 else slope
            tensor = activation.outputs[0]
        layers.append((weight, bias, slope))
    if tensor != file.outputs[0]:
        raise ValueError(f"output {file.outputs[0]!r} is not the last layer's")
    return layers


def _check(node: Node, operator: str, tensor: str, attributes: _Attributes) -> None:
    if node.operator != operator or not node.inputs or node.inputs[0] != tensor or len(node.outputs) != 1:
        raise ValueError(f"{node.name}: {node.operator} where {operator} of {tensor!r} was expected")
    for name, allowed in attributes.items():
        if node.attributes.get(name, ()) not in allowed:
            raise ValueError(f"{node.name}: {name} {node.attributes.get(name, ())}")


def _tensor(file: OnnxFile, node: Node, index: int) -> Array:
    if len(node.inputs) <= index or node.inputs[index] not in file.tensors:
        raise ValueError(f"{node.name}: its weights are not in the file")
    return file.tensors[node.inputs[index]]
