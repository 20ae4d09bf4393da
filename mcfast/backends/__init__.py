"""Ways to compute an operation.

In host memory `native` (C++, the default), `reference` (NumPy, the specification) and `numba` (to read and to teach
from): each a module with one function per operation, of the same name and arguments. `run` finds the function, hands
it host arrays, and gives back the kind of array that came in. Arrays on a GPU go to `mcfast.backends.gpu`, and with
them to `cuda` or `cupy`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from mcfast.arguments import integer
from mcfast.backends.arrays import as_host, is_on_gpu, like_input
from mcfast.errors import DeviceError

__all__ = ["BACKENDS", "load", "run"]

BACKENDS = ("native", "reference", "numba")
_ARRAYS = ("centres", "guide", "mask", "out", "table", "valid")  # arguments that are arrays or None


def load(name: str | None) -> ModuleType:
    """The backend module called `name`; `None` is the default for arrays in host memory, `native`.

    Raises `DeviceError` if there is no such backend.
    """
    if name is None:
        name = "native"
    if name in ("cuda", "cupy"):
        raise DeviceError(
            f"backend: {name!r} computes on arrays on a GPU, got one in host memory; copy it to the GPU first"
        )
    if name not in BACKENDS:
        raise DeviceError(f"backend: expected one of {', '.join(BACKENDS)} or None, got {name!r}")
    return importlib.import_module(f"mcfast.backends.{name}")


def run(
    operation: str,
    image: Any,
    *args: Any,
    name: str = "image",
    backend: str | None = None,
    stream: Any = None,
    threads: int | None = None,
    **options: Any,
) -> Any:
    """Call `operation` of a backend on `image`; every other array must be where the image is: on the host, or its GPU.

    `name` is what messages call the image. Arrays are handed over by keyword, for messages to name them as well.
    """
    if threads is not None:
        threads = integer(operation, "threads", threads)
    if is_on_gpu(image):
        from mcfast.backends.gpu.run import run_on_gpu

        return run_on_gpu(operation, image, *args, name=name, backend=backend, stream=stream, **options)
    if stream is not None:
        raise ValueError(f"{operation}(stream): expected None for an array in host memory, got {stream!r}")
    host = as_host(image, operation, name)
    for key, value in options.items():
        if _is_tensor(value) or (key in _ARRAYS and value is not None):
            options[key] = as_host(value, operation, key)
    result = getattr(load(backend), operation)(host, *args, threads=threads, **options)
    return like_input(result, image)


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "__dlpack__") or hasattr(value, "__cuda_array_interface__")
