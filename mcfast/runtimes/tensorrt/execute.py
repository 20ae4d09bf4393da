"""Networks on an NVIDIA GPU through TensorRT, behind the protocol of all runtimes. Never run on a GPU so far."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.errors import ConfigError, DeviceError
from mcfast.nets.engine_form import Precision
from mcfast.nets.onnx_library import load_model
from mcfast.nets.phases import phases_of, placed
from mcfast.runtimes.network import Precision as NetworkPrecision
from mcfast.runtimes.network import Shape, check_batch, check_shapes
from mcfast.runtimes.tensorrt.cache import EngineCache
from mcfast.runtimes.tensorrt.device import Device
from mcfast.runtimes.tensorrt.engine import load_engine
from mcfast.runtimes.tensorrt.executor import TensorrtExecutor
from mcfast.runtimes.tensorrt.library import Library
from mcfast.runtimes.tensorrt.profiles import Plan, Profile, plans_for
from mcfast.runtimes.tensorrt.runtime_cache import CompiledKernels

__all__ = ["TensorrtNetwork"]

Batch = NDArray[numpy.float32]


class TensorrtNetwork:
    """A network's engines behind `mcfast.runtimes.Network`. Engines are found or built when a shape first needs them.

    Parameters
    ----------
    library
        Of `find_library`.
    network
        A float32 ONNX file's bytes.
    precision, cache
        As in `engine_file`.
    device
        Number of the GPU.

    Raises
    ------
    ConfigError
        If the network is none that engines are built for.
    DeviceError
        If `mcfast._cuda` is not there: memory and streams are its.
    """

    runtime = "tensorrt"
    capturable = True

    def __init__(
        self,
        library: Library,
        network: bytes,
        *,
        precision: Precision = "fp32",
        cache: EngineCache | None = None,
        device: int = 0,
    ) -> None:
        model = load_model(network)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        self.name: str = metadata.get("name") or model.graph.name
        self.sha256 = hashlib.sha256(network).hexdigest()
        self.runtime_version = f"{library.name} {library.version}"
        self.metadata: Mapping[str, str] = MappingProxyType(metadata)
        self.input_shape, self.output_shape = _shape(model.graph.input[0]), _shape(model.graph.output[0])
        self.precision: NetworkPrecision = "float16" if precision == "fp16" else "float32"
        self.phases = phases_of(model.graph)
        self._plans = plans_for(self.input_shape)
        self._library, self._network, self._precision, self._cache = library, network, precision, cache
        self._cuda, self._device = _cuda(), device
        self._engines: dict[str, tuple[Any, CompiledKernels]] = {}
        self._lock = threading.RLock()
        self._stream = self._cuda.Stream(device)
        self._own = self.on_stream(self._stream)

    def run(self, batch: Batch) -> Batch:
        """The output for a batch on the host; see `mcfast.runtimes.Network.run`. Waits for the GPU.

        A batch that is larger than an engine takes is cut up.

        Raises
        ------
        ConfigError
            If rows and columns fit no engine.
        DeviceError
            If an engine can be neither built nor loaded, or does not run.
        """
        check_batch(self.name, batch, self.input_shape)
        plan, profile = self._choose(batch.shape)
        most = plan.profiles[profile].largest[0]
        with self._lock:
            parts = [
                self._run(numpy.ascontiguousarray(batch[first : first + most])) for first in range(0, len(batch), most)
            ]
            self._own.keep_compiled()
        return parts[0] if len(parts) == 1 else numpy.concatenate(parts)

    def open(self) -> None:
        """Open the first plan's engine, built if need be: what tells whether the library takes this GPU.

        Raises
        ------
        DeviceError
            If it does not.
        """
        self._opened(self._plans[0])

    def prepare(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Have the engines for batches of these shapes built and opened; see `mcfast.runtimes.Network.prepare`."""
        check_shapes(self.name, shapes, self.input_shape)
        for plan in {plan.name: plan for plan, _ in map(self._choose, shapes)}.values():
            self._opened(plan)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether there is a plan for batches of this shape, without cutting them up."""
        return any(profile.holds(shape) for plan in self._plans for profile in plan.profiles)

    def on_stream(self, stream: Any) -> TensorrtExecutor:
        """The network on that stream, for batches that are on the GPU already; its engines are shared."""
        return TensorrtExecutor(self.name, self._library, self._choose, self._opened, stream.handle)

    def _choose(self, shape: tuple[int, ...]) -> tuple[Plan, int]:
        """The first plan that takes images of this size, and its profile with the smallest batch that is enough."""
        for plan in self._plans:
            fitting = [index for index, one in enumerate(plan.profiles) if _holds_sides(one, shape)]
            if fitting:
                enough = [index for index in fitting if plan.profiles[index].largest[0] >= shape[0]]
                return plan, enough[0] if enough else fitting[-1]
        sizes = " or ".join(f"{one.smallest[2:]} to {one.largest[2:]}" for plan in self._plans for one in plan.profiles)
        raise ConfigError(f"{self.name}.run(batch): expected rows and columns of {sizes}, got {shape[2:]}; cut it up")

    def _opened(self, plan: Plan) -> tuple[Any, CompiledKernels]:
        with self._lock:
            if plan.name not in self._engines:
                cache, gpu = self._cache or EngineCache(), self._gpu()
                options: dict[str, Any] = {"precision": self._precision, "cache": cache, "device": gpu}
                engine, file = load_engine(self._library, self.name, self._network, plan, **options)
                kernels = CompiledKernels(self._library, engine, file, cache, gpu)
                self._engines[plan.name] = engine, kernels
            return self._engines[plan.name]

    def _gpu(self) -> Device:
        own, (driver, _) = self._cuda.properties(self._device), self._cuda.versions()
        return Device(own["name"], own["compute_capability"], f"{driver // 1000}.{driver % 1000 // 10}")

    def _run(self, batch: Batch) -> Batch:
        stream = self._stream.handle
        result = numpy.empty(self._own.output_shape(batch.shape), numpy.float32)
        source = self._cuda.DeviceMemory(batch.nbytes, self._device, stream)
        target = self._cuda.DeviceMemory(result.nbytes, self._device, stream)
        try:
            self._cuda.copy(source.pointer, batch.ctypes.data, batch.nbytes, stream, self._device)
            self._own.enqueue(source.pointer, target.pointer, batch.shape)
            self._cuda.copy(result.ctypes.data, target.pointer, result.nbytes, stream, self._device)
        finally:
            # Also when a call fails: what has been queued still reads the batch and writes the result.
            self._cuda.synchronize(stream, self._device)
        return placed(result, self.phases)

    def __repr__(self) -> str:
        """Name and shapes."""
        return f"TensorrtNetwork({self.name!r}, {self.input_shape} -> {self.output_shape})"


def _holds_sides(profile: Profile, shape: tuple[int, ...]) -> bool:
    return profile.holds((profile.smallest[0], *shape[1:]))


def _shape(tensor: Any) -> Shape:
    return tuple(side.dim_value if side.HasField("dim_value") else None for side in tensor.type.tensor_type.shape.dim)


def _cuda() -> Any:
    try:
        from mcfast import _cuda
    except ImportError as error:
        raise DeviceError(
            "runtime 'tensorrt': this build has no GPU module; install with MCFAST_CUDA=ON where nvcc is"
        ) from error
    return _cuda
