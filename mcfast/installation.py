"""`info`: what this installation is made of, and why what is missing is missing."""

from __future__ import annotations

import platform
from typing import Any

import numpy

from mcfast import _core, nets, runtimes
from mcfast.backends import BACKENDS
from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes.tensorrt.library import MODULES, find_library
from mcfast.version import version

__all__ = ["info"]


def info() -> dict[str, Any]:
    """Version, processor, threads, backends, runtimes, devices, builders of engines and networks, as plain values.

    What cannot be used is listed as `"unavailable: "` and the reason.
    """
    return {
        "mcfast": version(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_level": _core.cpu_level(),
        "threads": _core.default_threads(),
        "backends": {name: _backend(name) for name in (*BACKENDS, "cuda", "cupy")},
        "runtimes": runtimes.available(),
        "devices": {"cpu": _core.cpu_level(), "cuda": _cuda_engine()},
        "engines": {name: _builder(name) for name in MODULES},
        "networks": {name: _network(name) for name in nets.names()},
    }


def _backend(name: str) -> str:
    if name == "native":
        return f"C++, {_core.cpu_level()}"
    if name == "reference":
        return "NumPy: the specification, slow"
    from importlib import import_module

    reason = import_module(f"mcfast.backends.{name}").unavailable()
    if reason is not None:
        return f"unavailable: {reason}"
    return {"numba": "compiled from Python: four operations, to teach from"}.get(name) or _gpu(name)


def _gpu(name: str) -> str:
    if name == "cupy":
        import cupy

        return f"CuPy {cupy.__version__}, the kernels of mcfast compiled by NVRTC"
    from mcfast import _cuda

    device, (driver, runtime) = _cuda.properties(0), _cuda.versions()
    return f"{device['name']}, compute capability {device['compute_capability']}, CUDA {runtime}, driver {driver}"


def _cuda_engine() -> str:
    """What `Engine(device="cuda")` would run networks with, and why not with something better."""
    from mcfast.device.networks import available
    from mcfast.device.runtime import find_runtime

    try:
        found, reasons = available(find_runtime())
    except (DeviceError, ConfigError) as error:
        return f"unavailable: {error}; Engine computes on the CPU"
    return found if not reasons else f"{found} (not {'; '.join(reasons)})"


def _builder(name: str) -> str:
    try:
        return f"{find_library(name).version}, builds engines"
    except DeviceError as error:
        return f"unavailable: {error}"


def _network(name: str) -> str:
    import hashlib

    weights = nets.weights(name)
    return f"{len(weights) / 1000:.0f} kB, sha256 {hashlib.sha256(weights).hexdigest()[:16]}"
