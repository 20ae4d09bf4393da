"""Dispatch on a GPU: picks the library that starts kernels, turns arrays into views, and calls the plan."""

from __future__ import annotations

import importlib
from typing import Any

import numpy

from mcfast.backends.arrays import is_on_gpu
from mcfast.backends.gpu.interop import device_of, stream_of, view
from mcfast.backends.gpu.launch import Call, Device
from mcfast.backends.gpu.operations import PLANS
from mcfast.errors import DeviceError

__all__ = ["GPU_BACKENDS", "device_for", "run_on_gpu", "unavailable"]

GPU_BACKENDS = ("cuda", "cupy")
_ARRAYS = ("centres", "guide", "mask", "out", "table", "valid")  # arguments that are arrays or None


def unavailable(name: str) -> str | None:
    """Why a GPU backend cannot be used on this machine; `None` if it can."""
    reason: str | None = importlib.import_module(f"mcfast.backends.{name}").unavailable()
    return reason


def device_for(name: str | None, number: int) -> Device:
    """GPU `number` through the backend `name`; `None` is the first that works. Raises `DeviceError` if none does."""
    reasons = []
    for candidate in GPU_BACKENDS if name is None else (name,):
        reason = unavailable(candidate)
        if reason is None:
            device: Device = importlib.import_module(f"mcfast.backends.{candidate}").device(number)
            return device
        reasons.append(f"{candidate}: {reason}")
    raise DeviceError("backend: no GPU backend can be used here; " + "; ".join(reasons))


def run_on_gpu(
    operation: str, image: Any, *args: Any, name: str, backend: str | None, stream: Any, **options: Any
) -> Any:
    """Call the plan of `operation` on an array on a GPU, on its device and stream; does not wait for the result."""
    if backend is not None and backend not in GPU_BACKENDS:
        raise DeviceError(
            f"backend: expected one of {', '.join(GPU_BACKENDS)} or None for an array on a GPU, got {backend!r}"
        )
    if operation not in PLANS:
        raise DeviceError(f"{operation}: there is no GPU kernel; copy the array to the host first")
    source, number = view(image, operation, name), device_of(image)
    device = device_for(backend, number)
    handle = stream_of(image, stream, operation)
    for key, value in options.items():
        if value is None or not (key in _ARRAYS or is_on_gpu(value) or isinstance(value, numpy.ndarray)):
            continue
        options[key] = view(value, operation, key)
        if device_of(value) != number:
            raise ValueError(f"{operation}({key}): expected the GPU of {name}, {number}, got another; copy it there")
    with Call(device, handle, image) as call:
        return PLANS[operation](call, source, *args, **options)
