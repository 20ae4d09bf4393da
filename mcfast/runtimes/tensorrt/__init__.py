"""TensorRT engines: NVIDIA's TensorRT 10 and 11 and TensorRT for RTX, by one adapter that takes the module.

`library` finds a module, `build` makes an engine of a network, `cache` keeps it, `engine` puts the three together,
`execute` runs batches. Nothing here imports NVIDIA's modules before it is asked to.
"""

from __future__ import annotations

from mcfast.runtimes.network import Precision
from mcfast.runtimes.tensorrt.cache import EngineCache, Entry
from mcfast.runtimes.tensorrt.device import find_device
from mcfast.runtimes.tensorrt.engine import EngineFile, engine_file, engine_files
from mcfast.runtimes.tensorrt.execute import TensorrtNetwork
from mcfast.runtimes.tensorrt.library import MODULES, Library, find_library
from mcfast.runtimes.tensorrt.profiles import Plan, Profile, plans_for

__all__ = [
    "MODULES",
    "EngineCache",
    "EngineFile",
    "Entry",
    "Library",
    "Plan",
    "Profile",
    "TensorrtNetwork",
    "engine_file",
    "engine_files",
    "find_library",
    "load",
    "load_on_device",
    "plans_for",
    "version",
]


def load(network: bytes, *, threads: int | None = None, precision: Precision = "float32") -> TensorrtNetwork:
    """The network on this machine's first GPU, by the first TensorRT that is here.

    `threads` has no meaning on a GPU. Engines are built when a shape first needs them, or by `prepare`.

    Raises
    ------
    DeviceError
        If there is no TensorRT, no GPU, or no GPU module; the message says which.
    ConfigError
        If the network is none that engines are built for.
    """
    library = find_library()
    find_device()
    return TensorrtNetwork(library, network, precision="fp16" if precision == "float16" else "fp32")


def load_on_device(network: bytes, number: int = 0) -> TensorrtNetwork:
    """The network on GPU `number`, for batches that are there; see `mcfast.device.networks.DeviceNetwork`.

    Raises
    ------
    DeviceError
        As `load`; and if the library does not work on this GPU, which opening its first engine shows.
    """
    library = find_library()
    find_device(number)
    loaded = TensorrtNetwork(library, network, device=number)
    loaded.open()
    return loaded


def version() -> str:
    """Module, version and GPU. Raises `DeviceError`, which says why, if one of them is missing."""
    library = find_library()
    return f"{library.name} {library.version} on {find_device().name}"
