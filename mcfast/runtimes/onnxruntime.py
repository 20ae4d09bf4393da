"""Networks on the CPU through ONNX Runtime: the default, and the reference that other runtimes are compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes.network import OnHost, Shape, check_batch
from mcfast.runtimes.threads import thread_count

__all__ = ["OnnxruntimeNetwork", "library", "load", "load_session", "version"]

_ERRORS_ONLY = 3  # ONNX Runtime's severities: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal


class OnnxruntimeNetwork(OnHost):
    """An ONNX Runtime session behind `mcfast.runtimes.Network`. Made by `load`."""

    runtime = "onnxruntime"

    def __init__(self, session: Any, sha256: str, runtime_version: str) -> None:
        """Wrap a session. Raises `ConfigError` unless it has one float32 input and one output."""
        inputs, outputs = session.get_inputs(), session.get_outputs()
        described = session.get_modelmeta()
        self.name: str = described.custom_metadata_map.get("name") or described.graph_name
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)":
            raise ConfigError(
                f"network {self.name!r}: expected one float32 input and one output, got "
                f"{[tensor.type for tensor in inputs]} and {[tensor.type for tensor in outputs]}; export it again"
            )
        self.sha256 = sha256
        self.runtime_version = runtime_version
        self.metadata: Mapping[str, str] = MappingProxyType(dict(described.custom_metadata_map))
        self.input_shape = _shape(inputs[0].shape)
        self.output_shape = _shape(outputs[0].shape)
        self._session = session
        self._input: str = inputs[0].name
        self._output: str = outputs[0].name

    def run(self, batch: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
        """The output for a batch; see `mcfast.runtimes.Network.run`. The interpreter's lock is released meanwhile."""
        check_batch(self.name, batch, self.input_shape)
        feed = {self._input: numpy.ascontiguousarray(batch)}
        result: NDArray[numpy.float32] = self._session.run([self._output], feed)[0]
        return result

    def __repr__(self) -> str:
        """Name and shapes."""
        return f"OnnxruntimeNetwork({self.name!r}, {self.input_shape} -> {self.output_shape})"


def load(network: bytes, *, threads: int | None = None) -> OnnxruntimeNetwork:
    """A session on the CPU with `threads` threads (`None`: as `mcfast.runtimes.threads.thread_count`).

    Raises
    ------
    DeviceError
        If ONNX Runtime is not installed or cannot be loaded.
    ConfigError
        If the bytes are no ONNX file that it can run.
    """
    digest = hashlib.sha256(network).hexdigest()
    return OnnxruntimeNetwork(load_session(network, thread_count(threads)), digest, version())


def load_session(network: bytes, threads: int, providers: Sequence[Any] = ("CPUExecutionProvider",)) -> Any:
    """ONNX Runtime's session of a network, by the given providers. Raises as `load`."""
    runtime = library()
    options = runtime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads that spin would take the processors from the stages that run beside the network.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return runtime.InferenceSession(network, options, providers=list(providers))
    except Exception as error:  # its exceptions have no base class of their own
        cause = " ".join(str(error).split())[:200]
        digest = hashlib.sha256(network).hexdigest()
        raise ConfigError(
            f"network (sha256 {digest[:12]}, {len(network)} bytes): ONNX Runtime {runtime.__version__} cannot load it "
            f"({cause}); give the bytes of an intact ONNX file"
        ) from error


def version() -> str:
    """Version of the installed ONNX Runtime. Raises `DeviceError`, which says why, if there is none."""
    return str(library().__version__)


def library() -> Any:
    """The module `onnxruntime`. Raises `DeviceError`, which says why, if it cannot be imported."""
    try:
        import onnxruntime
    except Exception as error:  # a broken installation fails with more than ImportError
        raise DeviceError(
            f"runtime 'onnxruntime': cannot be imported ({error}); install it with pip install onnxruntime"
        ) from error
    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _shape(dimensions: list[Any]) -> Shape:
    return tuple(side if isinstance(side, int) else None for side in dimensions)
