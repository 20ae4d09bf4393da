"""What the device engine asks of a GPU besides kernels: memory, streams, copies, events and graphs. One small protocol.

`CudaRuntime` is the module `_cuda`. CuPy is none of its members: what it would need (NVRTC, pinned memory, graphs) is
there, but a machine that has CuPy and no `_cuda` has no TensorRT runtime either, which takes its memory from `_cuda`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.launch import Device
from mcfast.errors import DeviceError

__all__ = ["CudaRuntime", "Event", "Graph", "Runtime", "Stream", "find_runtime"]


class Stream(Protocol):
    """Work in order."""

    @property
    def handle(self) -> int:
        """CUDA's own handle."""

    def synchronize(self) -> None:
        """Wait until everything on it is done."""


class Event(Protocol):
    """A point in the order of a stream."""

    def record(self, stream: int) -> None:
        """Put it at the end of a stream, given by its handle."""

    def synchronize(self) -> None:
        """Wait until the stream has come to it."""

    def since(self, earlier: Any) -> float:
        """Milliseconds on the GPU from an earlier event; waits for both."""


class Graph(Protocol):
    """Work that was captured, to be repeated by one call."""

    def launch(self, stream: Any) -> None:
        """Put it on a stream."""


class Runtime(Protocol):
    """One GPU."""

    name: str
    number: int
    kernels: Device

    def stream(self) -> Stream:
        """A stream of its own, which waits for no other."""

    def event(self) -> Event:
        """An event that is not recorded yet."""

    def pinned(self, size: int) -> NDArray[numpy.uint8]:
        """`size` bytes of page-locked host memory: copies from and to it run beside the host."""

    def copy(self, to: int, from_: int, size: int, stream: Stream) -> None:
        """`size` bytes between host and GPU, or on it, in the order of the stream."""

    def capture(self, stream: Stream, record: Callable[[], object]) -> Graph:
        """What `record` puts on the stream, as a graph; nothing of it is done yet. It must not allocate or wait."""


class CudaRuntime:
    """A GPU through `mcfast._cuda`; see `Runtime`."""

    def __init__(self, number: int = 0) -> None:
        from mcfast import _cuda
        from mcfast.backends import cuda

        self._cuda, self.number = _cuda, number
        self.kernels: Device = cuda.device(number)
        self.name = str(_cuda.properties(number)["name"])

    def stream(self) -> Stream:
        """A stream of its own."""
        return self._cuda.Stream(self.number)

    def event(self) -> Event:
        """An event that is not recorded yet."""
        return self._cuda.Event()

    def pinned(self, size: int) -> NDArray[numpy.uint8]:
        """Page-locked host memory."""
        memory: NDArray[numpy.uint8] = numpy.frombuffer(memoryview(self._cuda.PinnedMemory(size)), numpy.uint8)
        return memory

    def copy(self, to: int, from_: int, size: int, stream: Stream) -> None:
        """Put a copy on the stream."""
        self._cuda.copy(to, from_, size, stream.handle, self.number)

    def capture(self, stream: Any, record: Callable[[], object]) -> Graph:
        """What `record` puts on the stream."""
        return self._cuda.Graph(stream, record)


def find_runtime(number: int = 0) -> CudaRuntime:
    """The GPU of that number. Raises `DeviceError`, which says why, if there is none that can be used."""
    from mcfast.backends import cuda

    reason = cuda.unavailable()
    if reason is not None:
        raise DeviceError(f"GPU {number}: {reason}")
    return CudaRuntime(number)
