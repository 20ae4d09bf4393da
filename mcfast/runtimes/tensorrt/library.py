"""Which TensorRT is here: `tensorrt` 10 or 11, or `tensorrt_rtx`, behind one small description."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mcfast.errors import ConfigError, DeviceError

__all__ = ["MODULES", "Library", "find_library"]

MODULES = ("tensorrt", "tensorrt_rtx")
_OLDEST = {"tensorrt": 10, "tensorrt_rtx": 1}
_INSTALL = {"tensorrt": "pip install tensorrt", "tensorrt_rtx": "pip install tensorrt-rtx"}


@dataclass(frozen=True, slots=True)
class Library:
    """One of NVIDIA's modules.

    Attributes
    ----------
    name, version
        Of the module, as in `"tensorrt_rtx"`, `"1.7.1.116"`.
    module
        The module itself.
    """

    name: str
    version: str
    module: Any

    @property
    def builds_anywhere(self) -> bool:
        """Whether it builds engines on a machine without a GPU, that any GPU it supports can load."""
        return self.name == "tensorrt_rtx"

    @property
    def has_timing_cache(self) -> bool:
        """Whether times of kernels measured in one build help the next. TensorRT for RTX measures nothing."""
        return self.name != "tensorrt_rtx"

    @property
    def compiles_when_run(self) -> bool:
        """Whether kernels are compiled for the GPU when an engine is first run, and can be kept for the next time."""
        return self.name == "tensorrt_rtx"


def find_library(name: str | None = None) -> Library:
    """The module called `name`; `None` is the first of `MODULES` that can be imported.

    Raises
    ------
    ConfigError
        If there is no module of that name.
    DeviceError
        If it cannot be imported or is too old; the message says why, for each that was tried.
    """
    if name is not None and name not in MODULES:
        raise ConfigError(f"engines(module): expected one of {', '.join(MODULES)}, got {name!r}")
    reasons = []
    for candidate in MODULES if name is None else (name,):
        try:
            return _import(candidate)
        except DeviceError as error:
            reasons.append(str(error))
    raise DeviceError("; ".join(reasons))


def _import(name: str) -> Library:
    try:
        module = import_module(name)
        version = str(module.__version__)
    except Exception as error:  # a module whose libraries are missing fails in several ways
        raise DeviceError(f"runtime {name!r}: cannot be imported ({error}); {_INSTALL[name]}") from error
    if int(version.split(".")[0]) < _OLDEST[name]:
        raise DeviceError(f"runtime {name!r}: expected version {_OLDEST[name]} or later, got {version}")
    return Library(name, version, module)
