"""What devices of every library have in common: their memory of calls, and copies to and from the host."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.interop import empty_like
from mcfast.backends.gpu.launch import Extent, Memory, Scratch, Values
from mcfast.backends.gpu.views import View

__all__ = ["LibraryDevice"]


class LibraryDevice(ABC):
    """One GPU, through one library. See `mcfast.backends.gpu.launch.Device`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = threading.RLock()
        self.scratches: dict[int, Scratch] = {}
        self.constants: dict[tuple[str, tuple[int, ...], bytes], tuple[Memory, View]] = {}

    @abstractmethod
    def launch(
        self, source: str, kernel: str, grid: Extent, block: Extent, shared_bytes: int, arguments: Values, stream: int
    ) -> None:
        """Start a kernel."""

    @abstractmethod
    def allocate(self, size: int, stream: int) -> Memory:
        """`size` bytes."""

    @abstractmethod
    def copy_and_wait(self, to: int, source: int, size: int, stream: int, *, to_host: bool) -> None:
        """Copy between host and device in the order of the stream, and wait for it."""

    def upload(self, array: NDArray[Any], stream: int) -> Memory:
        """A copy on the device; waits for it, since other streams may use it next."""
        memory = self.allocate(max(array.nbytes, 1), stream)
        self.copy_and_wait(memory.pointer, array.ctypes.data, array.nbytes, stream, to_host=False)
        return memory

    def read(self, view: View, stream: int) -> NDArray[Any]:
        """A copy of a packed view on the host; waits for the stream."""
        host = numpy.empty(view.shape, view.dtype)
        self.copy_and_wait(host.ctypes.data, view.pointer, host.nbytes, stream, to_host=True)
        return host

    def empty(self, shape: tuple[int, ...], dtype: Any, like: Any, stream: int) -> tuple[Any, View]:
        """A new array of the kind of `like`."""
        return empty_like(like, shape, dtype, stream)
