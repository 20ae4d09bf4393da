"""Kinds of arrays: what comes in comes back, without a copy.

NumPy arrays pass through. Other host arrays that speak DLPack are viewed as NumPy arrays; results for torch tensors
are handed back as tensors. Arrays on a GPU are told apart here, and refused where a host array is needed: a silent copy
would hide its cost.
"""

from __future__ import annotations

from typing import Any

import numpy

__all__ = ["as_host", "dtype_of", "is_on_gpu", "like_input"]

_CPU, _CUDA = 1, 2  # DLDeviceType kDLCPU and kDLCUDA (DLPack specification)


def is_on_gpu(value: Any) -> bool:
    """True for an array in the memory of an NVIDIA GPU."""
    if isinstance(value, numpy.ndarray):
        return False
    if hasattr(value, "__dlpack_device__"):
        return bool(value.__dlpack_device__()[0] == _CUDA)
    return hasattr(value, "__cuda_array_interface__")


def dtype_of(value: Any, operation: str, argument: str) -> numpy.dtype[Any]:
    """The NumPy dtype of an array, wherever it lies."""
    described = value.__cuda_array_interface__["typestr"] if is_on_gpu(value) else None
    dtype: numpy.dtype[Any] = numpy.dtype(described or as_host(value, operation, argument).dtype)
    return dtype


def as_host(value: Any, operation: str, argument: str) -> numpy.ndarray[Any, Any]:
    """View `value` as a NumPy array. Raises `TypeError` if it is no array or lies on a GPU."""
    if isinstance(value, numpy.ndarray):
        return value
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "__dlpack_device__"):
        if value.__dlpack_device__()[0] == _CPU:
            return _writable_view(value)
        raise TypeError(
            f"{operation}({argument}): expected an array in host memory, got {kind} on a GPU; copy it to the host first"
        )
    raise TypeError(
        f"{operation}({argument}): expected a NumPy array or a torch tensor, got {kind}; convert it with numpy.asarray"
    )


def like_input(result: Any, image: Any) -> Any:
    """Give `result` back as the kind of array that `image` is: a tensor for a torch tensor, else a NumPy array."""
    if not type(image).__module__.startswith("torch") or not isinstance(result, numpy.ndarray):
        return result
    from torch.utils.dlpack import from_dlpack

    return from_dlpack(result)


def _writable_view(value: Any) -> numpy.ndarray[Any, Any]:
    # numpy.from_dlpack marks its views read-only where the exporter cannot say; torch's own view is writable.
    if hasattr(value, "detach") and hasattr(value, "numpy"):
        view: numpy.ndarray[Any, Any] = value.detach().numpy()
        return view
    imported: numpy.ndarray[Any, Any] = numpy.from_dlpack(value)
    return imported
