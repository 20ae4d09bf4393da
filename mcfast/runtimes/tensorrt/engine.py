"""A network's engines: found in the cache or built, loaded, and built again once if the library refuses them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcfast.errors import DeviceError
from mcfast.nets.engine_form import Precision, engine_form
from mcfast.runtimes.network import Shape
from mcfast.runtimes.tensorrt.build import build_engine, open_engine
from mcfast.runtimes.tensorrt.cache import EngineCache, Key
from mcfast.runtimes.tensorrt.device import Device, find_device
from mcfast.runtimes.tensorrt.library import Library
from mcfast.runtimes.tensorrt.profiles import Plan, plans_for

__all__ = ["EngineFile", "engine_file", "engine_files", "engine_key", "load_engine"]

_FORMAT = "3"  # of what this module asks the builder for; another number makes every engine be built anew


@dataclass(frozen=True, slots=True)
class EngineFile:
    """An engine in the cache: where, what for, and whether it has just been built."""

    path: Path
    plan: Plan
    key: Key
    built: bool


def engine_key(
    library: Library, name: str, network: bytes, precision: Precision, plan: Plan, device: Device | None
) -> Key:
    """Everything that decides whether an engine is the one that is wanted, in words.

    The network's digest, the module and its whole version, precision, flags and profiles; and, where an engine is
    tied to them, GPU, compute capability and driver.
    """
    where = "any GPU" if device is None else device.name
    return {
        "network": name,
        "onnx_sha256": hashlib.sha256(network).hexdigest(),
        "module": library.name,
        "version": library.version,
        "precision": precision,
        "plan": plan.name,
        "profiles": str([(one.smallest, one.usual, one.largest) for one in plan.profiles]),
        "flags": "strongly typed",
        "device": where,
        "compute_capability": "any" if device is None else device.compute_capability,
        "driver": "any" if device is None else device.driver,
        "format": _FORMAT,
    }


def engine_file(
    library: Library,
    name: str,
    network: bytes,
    plan: Plan,
    *,
    precision: Precision = "fp32",
    cache: EngineCache | None = None,
    device: Device | None = None,
) -> EngineFile:
    """The engine of a network for one plan; built on first use, in a tenth of a second to minutes.

    Parameters
    ----------
    library
        Of `find_library`.
    name, network
        What to call it; the bytes of the float32 ONNX file.
    plan
        One of `plans_for(input_shape)`.
    precision
        Of weights and of all between the first and the last layer.
    cache
        `None` is the user's.
    device
        For which GPU; `None` is this machine's first. TensorRT for RTX builds for all it supports, and needs none.

    Raises
    ------
    ConfigError
        If the network cannot be rewritten or parsed, or the cache cannot be written.
    DeviceError
        If the engine cannot be built here.
    """
    cache = cache or EngineCache()
    if library.builds_anywhere:
        device = None
    elif device is None:
        device = find_device()
    key = engine_key(library, name, network, precision, plan, device)

    def build() -> bytes:
        form = engine_form(network, precision, plan.sides)
        if device is None or not library.has_timing_cache:
            return build_engine(library, form, plan)[0]
        timings = _timings_name(library, device)
        # Held while kernels are measured: builds of other engines would lose these times, and disturb them.
        with cache.locked(timings):
            path = cache.folder / f"{timings}.bin"
            engine, measured = build_engine(library, form, plan, path.read_bytes() if path.is_file() else b"")
            if measured is not None:
                cache.write(path.name, measured)
        return engine

    path, built = cache.get_or_build(key, build)
    return EngineFile(path, plan, key, built)


def engine_files(
    library: Library,
    name: str,
    network: bytes,
    input_shape: Shape,
    *,
    precision: Precision = "fp32",
    cache: EngineCache | None = None,
    device: Device | None = None,
) -> list[EngineFile]:
    """`engine_file` for every plan of a network."""
    return [
        engine_file(library, name, network, plan, precision=precision, cache=cache, device=device)
        for plan in plans_for(input_shape)
    ]


def load_engine(
    library: Library,
    name: str,
    network: bytes,
    plan: Plan,
    *,
    precision: Precision = "fp32",
    cache: EngineCache | None = None,
    device: Device | None = None,
) -> tuple[Any, EngineFile]:
    """The engine of a network, opened (NVIDIA's `ICudaEngine`), and its file.

    An engine that was in the cache and is damaged, or that the library refuses, is built again, once.

    Raises
    ------
    ConfigError, DeviceError
        As `engine_file`; `DeviceError` too if the library refuses an engine that it has just built.
    """
    cache = cache or EngineCache()
    while True:
        file = engine_file(library, name, network, plan, precision=precision, cache=cache, device=device)
        engine = cache.read(file.path)
        try:
            if engine is None:
                raise DeviceError(f"{file.path}: the engine is damaged or gone")
            return open_engine(library, engine), file
        except DeviceError as error:
            if file.built:
                raise DeviceError(f"{error}; it was built just now, so building again would not help") from error
            cache.discard(file.key)


def _timings_name(library: Library, device: Device) -> str:
    """One file, and one lock, for each of what measured times depend on."""
    words = "|".join((library.name, library.version, device.name, device.compute_capability, device.driver))
    return f"timings-{hashlib.sha256(words.encode()).hexdigest()[:16]}"
