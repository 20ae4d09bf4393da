"""Whose array it is: views of arrays on a GPU, their device and stream, and new arrays of the same kind."""

from __future__ import annotations

from typing import Any

import numpy

from mcfast.backends.arrays import is_on_gpu
from mcfast.backends.gpu.device_array import DeviceArray, StridedView
from mcfast.backends.gpu.views import View, view_of

__all__ = ["cupy_stream", "device_of", "empty_like", "restrided", "stream_of", "view"]


def view(value: Any, operation: str, argument: str) -> View:
    """The view of an array on a GPU. Raises `TypeError` for anything else."""
    if not is_on_gpu(value):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise TypeError(
            f"{operation}({argument}): expected an array on the GPU, as the image is, got {kind}; copy it there first"
        )
    if not hasattr(value, "__cuda_array_interface__"):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise TypeError(
            f"{operation}({argument}): expected __cuda_array_interface__, which {kind} lacks; convert it with "
            "cupy.from_dlpack or torch.from_dlpack"
        )
    return view_of(value.__cuda_array_interface__, value)


def device_of(value: Any) -> int:
    """Number of the GPU that holds an array."""
    return int(value.__dlpack_device__()[1]) if hasattr(value, "__dlpack_device__") else 0


def stream_of(value: Any, stream: Any, operation: str) -> int:
    """The handle of the stream to work on: `stream`, else the current one of the library that `value` belongs to."""
    if stream is None:
        library = type(value).__module__.partition(".")[0]
        if library == "torch":
            import torch

            return int(torch.cuda.current_stream(value.device).cuda_stream)
        if library == "cupy":
            import cupy

            return int(cupy.cuda.get_current_stream(device_of(value)).ptr)
        return int(getattr(value, "stream", 0))
    if hasattr(stream, "__cuda_stream__"):
        return int(stream.__cuda_stream__()[1])
    for name in ("cuda_stream", "ptr", "handle"):
        if hasattr(stream, name):
            return int(getattr(stream, name))
    if isinstance(stream, int) and not isinstance(stream, bool):
        return stream
    raise TypeError(f"{operation}(stream): expected a stream of CuPy, torch or mcfast, or its handle, got {stream!r}")


def restrided(value: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """Elements of an array on a GPU from its first on, at other strides (in bytes), as its own library views them."""
    own = view(value, "restrided", "value")
    library = type(value).__module__.partition(".")[0]
    if library == "torch":
        return value.as_strided(shape, [step // own.dtype.itemsize for step in strides])
    if library == "cupy":
        import cupy

        return cupy.lib.stride_tricks.as_strided(value, shape, strides)
    stream = int(getattr(value, "stream", 0))
    return StridedView(own.pointer, shape, strides, own.dtype, device_of(value), stream, value)


class _Handle:
    """A stream of another library, under CUDA's stream protocol."""

    def __init__(self, stream: int) -> None:
        self._stream = stream

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self._stream


def cupy_stream(stream: int, device: int) -> Any:
    """The stream of that handle as CuPy has it, to work on in a `with` statement."""
    import cupy

    if hasattr(cupy.cuda.Stream, "from_external"):  # CuPy 14; it deprecates the other
        return cupy.cuda.Stream.from_external(_Handle(stream))
    return cupy.cuda.ExternalStream(stream, device)


def empty_like(value: Any, shape: tuple[int, ...], dtype: Any, stream: int) -> tuple[Any, View]:
    """A new array of the kind of `value`, on its device, whose memory belongs to `stream`; and its view."""
    library = type(value).__module__.partition(".")[0]
    result: Any
    if library == "torch":
        import torch

        with torch.cuda.stream(torch.cuda.ExternalStream(stream, device=value.device)):
            result = torch.empty(shape, dtype=getattr(torch, numpy.dtype(dtype).name), device=value.device)
    elif library == "cupy":
        import cupy

        with cupy.cuda.Device(device_of(value)), cupy_stream(stream, device_of(value)):
            result = cupy.empty(shape, dtype)
    else:
        result = DeviceArray(shape, dtype, device=device_of(value), stream=stream)
    return result, view_of(result.__cuda_array_interface__, result)
