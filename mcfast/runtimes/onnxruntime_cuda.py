"""Networks on a GPU through ONNX Runtime's CUDA provider, for batches that are there already. Never run so far.

Not one of `mcfast.runtimes.RUNTIMES`: what it gives takes addresses on the GPU, for the device engine alone.
"""

from __future__ import annotations

import hashlib
from typing import Any

from mcfast.errors import DeviceError
from mcfast.runtimes.onnxruntime import OnnxruntimeNetwork, load_session

__all__ = ["OnnxruntimeCudaNetwork", "load"]

PROVIDER = "CUDAExecutionProvider"
FLOAT = 1  # onnx.TensorProto.FLOAT


class OnnxruntimeCudaNetwork:
    """See `mcfast.device.networks.DeviceNetwork`. A session belongs to a stream, so each stream has one of its own."""

    runtime = "onnxruntime-cuda"
    phases = 1
    capturable = False  # it allocates as it runs

    def __init__(self, network: bytes, device: int) -> None:
        self._network, self._device = network, device
        described = OnnxruntimeNetwork(self._session({}), hashlib.sha256(network).hexdigest(), _version())
        self.name, self.sha256 = described.name, described.sha256
        self.input_shape, self.output_shape = described.input_shape, described.output_shape
        self.runtime_version = described.runtime_version

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Any shape that fits the network's input."""
        return len(shape) == len(self.input_shape) and all(
            want in (None, got) for want, got in zip(self.input_shape, shape, strict=True)
        )

    def on_stream(self, stream: Any) -> OnnxruntimeCudaExecutor:
        """A session that works on that stream."""
        session = self._session({"user_compute_stream": str(stream.handle)})
        return OnnxruntimeCudaExecutor(session, self._device)

    def _session(self, options: dict[str, str]) -> Any:
        own = {"device_id": str(self._device), **options}
        session = load_session(self._network, 1, [(PROVIDER, own)])
        if PROVIDER not in session.get_providers():
            raise DeviceError(f"ONNX Runtime {_version()}: its CUDA provider does not start on this machine")
        return session


class OnnxruntimeCudaExecutor:
    """See `mcfast.device.networks.Executor`."""

    def __init__(self, session: Any, device: int) -> None:
        import onnxruntime

        self._session, self._device = session, device
        self._input, self._output = session.get_inputs()[0].name, session.get_outputs()[0].name
        # Otherwise every run ends with a wait for the stream.
        self._options = onnxruntime.RunOptions()
        self._options.add_run_config_entry("disable_synchronize_execution_providers", "1")

    def enqueue(self, source: int, target: int, shape: tuple[int, ...]) -> None:
        """Put a batch on the stream."""
        binding = self._session.io_binding()
        binding.bind_input(self._input, "cuda", self._device, FLOAT, list(shape), source)
        binding.bind_output(self._output, "cuda", self._device, FLOAT, self._output_shape(shape), target)
        self._session.run_with_iobinding(binding, self._options)

    def keep_compiled(self) -> None:
        """Nothing is compiled."""

    def _output_shape(self, shape: tuple[int, ...]) -> list[int]:
        """A classifier's (N, 1), or a magnifier's, as large as the output's own shape says."""
        own = self._session.get_outputs()[0].shape
        if len(own) == 2:
            return [shape[0], own[1] if isinstance(own[1], int) else 1]
        return [shape[0], shape[1], 2 * shape[2], 2 * shape[3]]


def load(network: bytes, device: int = 0) -> OnnxruntimeCudaNetwork:
    """The network on GPU `device`. Raises `DeviceError`, which says why, where the provider is not there."""
    from mcfast.runtimes.onnxruntime import library

    if PROVIDER not in library().get_available_providers():
        raise DeviceError(
            f"ONNX Runtime {_version()} has no CUDA provider; pip install onnxruntime-gpu in place of onnxruntime"
        )
    return OnnxruntimeCudaNetwork(network, device)


def _version() -> str:
    from mcfast.runtimes.onnxruntime import version

    return version()
