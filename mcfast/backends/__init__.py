"""Ways to compute an operation: `native` (C++, the default) and `reference` (NumPy, the specification).

Each backend is a module with one function per operation, of the same name and arguments. `run` finds the
function, hands it host arrays, and gives back the kind of array that came in.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from mcfast.backends.arrays import as_host, like_input
from mcfast.errors import DeviceError

__all__ = ["BACKENDS", "load", "run"]

BACKENDS = ("native", "reference")


def load(name: str | None) -> ModuleType:
    """The backend module called `name`; `None` is the default for arrays in host memory, `native`.

    Raises `DeviceError` if there is no such backend.
    """
    if name is None:
        name = "native"
    if name not in BACKENDS:
        raise DeviceError(f"backend: expected one of {', '.join(BACKENDS)} or None, got {name!r}")
    return importlib.import_module(f"mcfast.backends.{name}")


def run(operation: str, image: Any, *args: Any, backend: str | None = None, stream: Any = None, **options: Any) -> Any:
    """Call `operation` of a backend on `image`; every other array may be of any kind in host memory."""
    if stream is not None:
        raise ValueError(f"{operation}(stream): expected None for an array in host memory, got {stream!r}")
    host = as_host(image, operation, "image")
    arguments = [as_host(value, operation, "argument") if _is_tensor(value) else value for value in args]
    options = {key: as_host(value, operation, key) if _is_tensor(value) else value for key, value in options.items()}
    result = getattr(load(backend), operation)(host, *arguments, **options)
    return like_input(result, image)


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "__dlpack__") or hasattr(value, "__cuda_array_interface__")
