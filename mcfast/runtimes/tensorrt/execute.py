"""Networks on an NVIDIA GPU through TensorRT, behind the protocol of all runtimes. Never run on a GPU so far."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.errors import ConfigError, DeviceError
from mcfast.nets.engine_form import Precision
from mcfast.nets.onnx_library import load_model
from mcfast.runtimes.network import Shape, check_batch
from mcfast.runtimes.tensorrt.cache import EngineCache
from mcfast.runtimes.tensorrt.engine import load_engine
from mcfast.runtimes.tensorrt.library import Library
from mcfast.runtimes.tensorrt.profiles import Plan, Profile, plans_for

__all__ = ["TensorrtNetwork"]

Batch = NDArray[numpy.float32]


@dataclass
class _Context:
    """An opened engine with its execution context, and the profile that this was last set to."""

    engine: Any
    context: Any
    input: str
    output: str
    profile: int = field(default=-1)


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
        self._plans = plans_for(self.input_shape)
        self._library, self._network, self._precision, self._cache = library, network, precision, cache
        self._cuda, self._device = _cuda(), device
        self._stream = self._cuda.Stream(device)
        self._contexts: dict[str, _Context] = {}
        self._lock = threading.Lock()

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
            context = self._context(plan)
            parts = [
                self._run(context, plan, numpy.ascontiguousarray(batch[first : first + most]))
                for first in range(0, len(batch), most)
            ]
        return parts[0] if len(parts) == 1 else numpy.concatenate(parts)

    def _choose(self, shape: tuple[int, ...]) -> tuple[Plan, int]:
        """The first plan that takes images of this size, and its profile with the smallest batch that is enough."""
        for plan in self._plans:
            fitting = [index for index, one in enumerate(plan.profiles) if _holds_sides(one, shape)]
            if fitting:
                enough = [index for index in fitting if plan.profiles[index].largest[0] >= shape[0]]
                return plan, enough[0] if enough else fitting[-1]
        sizes = " or ".join(f"{one.smallest[2:]} to {one.largest[2:]}" for plan in self._plans for one in plan.profiles)
        raise ConfigError(f"{self.name}.run(batch): expected rows and columns of {sizes}, got {shape[2:]}; cut it up")

    def _context(self, plan: Plan) -> _Context:
        if plan.name not in self._contexts:
            engine = load_engine(
                self._library, self.name, self._network, plan, precision=self._precision, cache=self._cache
            )
            context = engine.create_execution_context()
            if context is None:
                raise DeviceError(
                    f"{self.runtime_version}: no execution context for engine {plan.name!r}; is memory left?"
                )
            names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
            is_input = self._library.module.TensorIOMode.INPUT
            (source,) = (name for name in names if engine.get_tensor_mode(name) == is_input)
            (result,) = (name for name in names if name != source)
            self._contexts[plan.name] = _Context(engine, context, source, result)
        return self._contexts[plan.name]

    def _run(self, opened: _Context, plan: Plan, batch: Batch) -> Batch:
        context, stream = opened.context, self._stream.handle
        profile = plan.profile_for(batch.shape)
        if profile != opened.profile:
            self._check(context.set_optimization_profile_async(profile, stream), "set_optimization_profile_async")
            opened.profile = profile
        self._check(context.set_input_shape(opened.input, batch.shape), "set_input_shape")
        result = numpy.empty(tuple(context.get_tensor_shape(opened.output)), numpy.float32)
        source = self._cuda.DeviceMemory(batch.nbytes, self._device, stream)
        target = self._cuda.DeviceMemory(result.nbytes, self._device, stream)
        self._check(context.set_tensor_address(opened.input, source.pointer), "set_tensor_address")
        self._check(context.set_tensor_address(opened.output, target.pointer), "set_tensor_address")
        try:
            self._cuda.copy(source.pointer, batch.ctypes.data, batch.nbytes, stream, self._device)
            self._check(context.execute_async_v3(stream), "execute_async_v3")
            self._cuda.copy(result.ctypes.data, target.pointer, result.nbytes, stream, self._device)
        finally:
            # Also when a call fails: what has been queued still reads the batch and writes the result.
            self._cuda.synchronize(stream, self._device)
        return result

    def _check(self, succeeded: bool, call: str) -> None:
        if not succeeded:
            raise DeviceError(f"{self.name}.run(batch): {self.runtime_version} fails in {call}; its log says more")

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
