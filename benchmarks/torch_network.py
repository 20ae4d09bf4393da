"""The ONNX networks in torch: on a GPU where there is no TensorRT, on the CPU where there is no ONNX Runtime either.

They let the device engine run, and be held against the CPU, with NumPy, SciPy, Pillow and torch alone. For measuring
only.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy

from mcfast.errors import DeviceError
from mcfast.nets.onnx_file import Node, read_onnx
from mcfast.runtimes.network import Shape, check_batch

__all__ = ["TorchNetwork", "load", "load_on_host"]


class TorchNetwork:
    """A network's layers one by one; see `mcfast.device.networks.DeviceNetwork`."""

    runtime = "torch"
    phases = 1
    capturable = False  # its allocator may ask the driver for memory, which a capture must not

    def __init__(self, network: bytes, device: str) -> None:
        import torch

        file = read_onnx(network)
        self.name, self.sha256 = file.name, hashlib.sha256(network).hexdigest()
        self.runtime_version = str(torch.__version__)
        self.input_shape: Shape = file.shapes[file.inputs[0]]
        self.output_shape: Shape = file.shapes[file.outputs[0]]
        self.metadata = file.metadata
        self._torch, self._device, self._file = torch, device, file
        self._weights = {name: torch.from_numpy(values.copy()).to(device) for name, values in file.tensors.items()}

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Any size that fits the input."""
        return all(want in (None, got) for want, got in zip(self.input_shape, shape, strict=True))

    def run(self, batch: numpy.ndarray) -> numpy.ndarray:
        """The output for a batch on the host; see `mcfast.runtimes.Network.run`."""
        check_batch(self.name, batch, self.input_shape)
        given = self._torch.from_numpy(numpy.ascontiguousarray(batch)).to(self._device)
        return self.forward(given).cpu().numpy()

    def on_stream(self, stream: Any) -> TorchExecutor:
        """The network on that stream."""
        return TorchExecutor(self, stream.handle, self._device)

    def forward(self, batch: Any) -> Any:
        """The output for a tensor."""
        values = {self._file.inputs[0]: batch, **self._weights}
        with self._torch.inference_mode():
            for node in self._file.nodes:
                values[node.outputs[0]] = self._layer(node, [values[name] for name in node.inputs])
        return values[self._file.outputs[0]]

    def _layer(self, node: Node, given: list[Any]) -> Any:
        layers = self._torch.nn.functional
        numbers = node.attributes
        if node.operator in ("Conv", "ConvTranspose", "MaxPool"):
            pads = numbers["pads"][:2]
            if tuple(numbers["pads"]) != tuple(pads) * 2:
                raise DeviceError(f"{self.name}: torch pads both sides alike, and {node.operator} does not")
            options = {"stride": numbers["strides"], "padding": pads}
            if node.operator == "MaxPool":
                return layers.max_pool2d(*given, numbers["kernel_shape"], **options)
            if node.operator == "Conv":
                return layers.conv2d(*given, **options)
            return layers.conv_transpose2d(*given, output_padding=numbers["output_padding"], **options)
        if node.operator == "Gemm":
            return layers.linear(*given)  # all of ours have transB = 1
        if node.operator == "PRelu":
            return layers.prelu(given[0], given[1].reshape(-1))
        simple = {"Relu": layers.relu, "Sigmoid": self._torch.sigmoid, "Flatten": lambda one: one.flatten(1)}
        if node.operator not in simple:
            raise DeviceError(f"{self.name}: the stand-in has no {node.operator}; install TensorRT")
        return simple[node.operator](*given)


class TorchExecutor:
    """See `mcfast.device.networks.Executor`."""

    def __init__(self, network: TorchNetwork, stream: int, device: str) -> None:
        import torch

        self._network, self._device, self._torch = network, device, torch
        self._stream = torch.cuda.ExternalStream(stream)

    def enqueue(self, source: int, target: int, shape: tuple[int, ...]) -> None:
        """Put a batch on the stream."""
        with self._torch.cuda.stream(self._stream):
            result = self._network.forward(self._tensor(source, shape))
            self._tensor(target, tuple(result.shape)).copy_(result)

    def keep_compiled(self) -> None:
        """Nothing is compiled."""

    def _tensor(self, pointer: int, shape: tuple[int, ...]) -> Any:
        return self._torch.as_tensor(_Memory(pointer, shape), device=self._device)


class _Memory:
    """Packed float32 at an address on the GPU."""

    def __init__(self, pointer: int, shape: tuple[int, ...]) -> None:
        typestr = numpy.dtype(numpy.float32).str
        self.__cuda_array_interface__ = {"data": (pointer, False), "shape": shape, "typestr": typestr, "version": 3}


def load(network: bytes, number: int = 0) -> TorchNetwork:
    """The network on GPU `number`. Raises `DeviceError` where torch or its CUDA is not there."""
    try:
        import torch
    except ImportError as error:
        raise DeviceError(f"torch cannot be imported ({error})") from error
    if not torch.cuda.is_available():
        raise DeviceError("this torch has no CUDA, or sees no GPU")
    torch.backends.cudnn.allow_tf32 = False  # scores would differ from the CPU's by more than they may
    return TorchNetwork(network, f"cuda:{number}")


def load_on_host(network: bytes, *, threads: int | None = None) -> TorchNetwork:
    """The network on the CPU, on torch's own threads; called as `mcfast.runtimes.load`."""
    try:
        return TorchNetwork(network, "cpu")
    except ImportError as error:
        raise DeviceError(f"torch cannot be imported ({error})") from error
