"""The CUDA backend: the kernels that nvcc compiled into `_cuda`. Imported when an array on a GPU comes in."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.interop import empty_like
from mcfast.backends.gpu.launch import Memory, Scratch
from mcfast.backends.gpu.views import View

__all__ = ["CudaDevice", "device", "unavailable"]


@cache
def unavailable() -> str | None:
    """Why the backend cannot be used on this machine; `None` if it can."""
    try:
        from mcfast import _cuda
    except ImportError:
        return "this build has no GPU module; install with MCFAST_CUDA=ON where nvcc is"
    try:
        count = _cuda.device_count()
    except RuntimeError as error:
        return str(error)
    return None if count else "no GPU is visible; see CUDA_VISIBLE_DEVICES"


@cache
def device(number: int) -> CudaDevice:
    """The GPU of that number."""
    return CudaDevice(number)


class CudaDevice:
    """One GPU, through `_cuda`. See `mcfast.backends.gpu.launch.Device`."""

    def __init__(self, number: int) -> None:
        from mcfast import _cuda

        self._cuda, self.number = _cuda, number
        self.lock = threading.RLock()
        self.scratches: dict[int, Scratch] = {}
        self.constants: dict[tuple[str, tuple[int, ...], bytes], tuple[Memory, View]] = {}

    def launch(
        self,
        source: str,
        kernel: str,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        shared_bytes: int,
        arguments: Sequence[numpy.generic],
        stream: int,
    ) -> None:
        """Start a kernel."""
        values = [argument.tobytes() for argument in arguments]
        self._cuda.launch(kernel, _three(grid), _three(block), shared_bytes, values, stream, self.number)

    def allocate(self, size: int, stream: int) -> Memory:
        """`size` bytes, in the order of the stream."""
        return self._cuda.DeviceMemory(size, self.number, stream)

    def upload(self, array: NDArray[Any], stream: int) -> Memory:
        """A copy on the device; waits for it, since other streams may use it next."""
        memory = self._cuda.DeviceMemory(max(array.nbytes, 1), self.number, stream)
        self._cuda.copy(memory.pointer, array.ctypes.data, array.nbytes, stream, self.number)
        self._cuda.synchronize(stream, self.number)
        return memory

    def read(self, view: View, stream: int) -> NDArray[Any]:
        """A copy of a packed view on the host; waits for the stream."""
        host = numpy.empty(view.shape, view.dtype)
        self._cuda.copy(host.ctypes.data, view.pointer, host.nbytes, stream, self.number)
        self._cuda.synchronize(stream, self.number)
        return host

    def empty(self, shape: tuple[int, ...], dtype: Any, like: Any, stream: int) -> tuple[Any, View]:
        """A new array of the kind of `like`."""
        return empty_like(like, shape, dtype, stream)


def _three(extent: tuple[int, ...]) -> tuple[int, ...]:
    return (*extent, 1, 1)[:3]
