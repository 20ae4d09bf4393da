"""TensorRT engines: NVIDIA's TensorRT 10 and 11 and TensorRT for RTX, by one adapter that takes the module.

`library` finds a module, `build` makes an engine of a network, `cache` keeps it, `engine` puts the three together.
Nothing here imports NVIDIA's modules before it is asked to.
"""

from __future__ import annotations

from mcfast.runtimes.tensorrt.cache import EngineCache, Entry
from mcfast.runtimes.tensorrt.engine import EngineFile, engine_file, engine_files
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
    "engine_file",
    "engine_files",
    "find_library",
    "plans_for",
]
