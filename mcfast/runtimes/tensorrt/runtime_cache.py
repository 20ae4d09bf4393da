"""What TensorRT for RTX compiles for a GPU when an engine is first run: kept beside the engine, for this GPU.

TensorRT 10 and 11 compile nothing at run time; their contexts are made plainly.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

from mcfast.errors import ConfigError
from mcfast.runtimes.tensorrt.cache import EngineCache, key_of
from mcfast.runtimes.tensorrt.device import Device
from mcfast.runtimes.tensorrt.engine import EngineFile
from mcfast.runtimes.tensorrt.library import Library

__all__ = ["CompiledKernels"]


class CompiledKernels:
    """The compiled kernels of one engine on one GPU, shared by its contexts.

    Parameters
    ----------
    library
        Whose.
    engine
        The opened engine, and `file` where it is kept.
    cache
        Where the file lies.
    device
        The GPU that they are compiled for.
    """

    def __init__(self, library: Library, engine: Any, file: EngineFile, cache: EngineCache, device: Device) -> None:
        self._engine, self._cache = engine, cache
        self._config: Any = None
        if not library.compiles_when_run:
            return
        words = "|".join((device.name, device.compute_capability, device.driver))
        self._digest = key_of(file.key)
        self._name = f"{self._digest}.runtime-{hashlib.sha256(words.encode()).hexdigest()[:16]}.bin"
        self._config = engine.create_runtime_config()
        # All kernels when the context is made: a graph must not be captured while some are still being compiled.
        strategy = library.module.DynamicShapesKernelSpecializationStrategy.EAGER
        self._config.dynamic_shapes_kernel_specialization_strategy = strategy
        self._compiled = self._config.create_runtime_cache()
        self._known = self._stored()
        if self._known is not None:
            self._compiled.deserialize(self._known)  # of another driver or damaged: it is refused and changes nothing
        self._config.set_runtime_cache(self._compiled)

    def context(self) -> Any:
        """An execution context, or `None` if the library makes none."""
        if self._config is None:
            return self._engine.create_execution_context()
        return self._engine.create_execution_context(self._config)

    def keep(self) -> None:
        """Write what has been compiled since it was read. A folder that cannot be written keeps nothing."""
        if self._config is None or bytes(self._compiled.serialize()) == self._known:
            return
        with suppress(OSError, ConfigError), self._cache.locked(self._digest):
            other = self._stored()
            if other is not None and other != self._known:
                self._compiled.deserialize(other)  # another process has been quicker, with other shapes perhaps
            self._known = bytes(self._compiled.serialize())
            self._cache.write(self._name, self._known)

    def _stored(self) -> bytes | None:
        try:
            return (self._cache.folder / self._name).read_bytes()
        except OSError:
            return None
