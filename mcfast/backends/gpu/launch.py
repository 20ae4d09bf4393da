"""What a launch plan stands on: a device, and one call of an operation on it.

A plan (`mcfast/backends/gpu/<noun>.py`) is written once and runs on every device: the CUDA module, CuPy, and the
emulation that the tests use. It checks its arguments, names kernels by their C++ expression, and hands them pointers,
strides and extents. It never waits for the device and, once its scratch memory has grown to the size that an image
needs, never allocates; `Call` sees to both.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.views import View, view_of

__all__ = ["Call", "Device", "Extent", "Memory", "Scratch", "Values", "by_pixel", "ctype"]

Extent = tuple[int, ...]  # of a grid or a block: up to three
Values = Sequence[numpy.generic]  # the arguments of a kernel

THREADS, ROWS = 64, 4  # of the blocks of kernels with a thread for each pixel
SHARED_BYTES = 48 * 1024  # of a block, on every GPU without asking for more
_ALIGNMENT = 256
_CTYPES = {"uint8": "uint8_t", "uint16": "uint16_t", "float32": "float"}


def ctype(dtype: numpy.dtype[Any]) -> str:
    """The C++ name of a pixel type."""
    return _CTYPES[dtype.name]


class Memory(Protocol):
    """A block of device memory, freed with its last reference."""

    @property
    def pointer(self) -> int:
        """Its address."""
        ...


class Device(Protocol):
    """One GPU, through one library."""

    lock: threading.RLock
    scratches: dict[int, Scratch]
    constants: dict[tuple[str, tuple[int, ...], bytes], tuple[Memory, View]]

    def launch(
        self, source: str, kernel: str, grid: Extent, block: Extent, shared_bytes: int, arguments: Values, stream: int
    ) -> None:
        """Start `kernel`, an expression over templates of csrc/`source`, with its arguments in order."""
        ...

    def allocate(self, size: int, stream: int) -> Memory:
        """`size` bytes."""
        ...

    def upload(self, array: NDArray[Any], stream: int) -> Memory:
        """A copy of `array` on the device, complete before anything that is put on any stream afterwards."""
        ...

    def read(self, view: View, stream: int) -> NDArray[Any]:
        """A copy of a packed `view` on the host; waits for `stream`."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: Any, like: Any, stream: int) -> tuple[Any, View]:
        """A new array of the same library as `like`, and its view."""
        ...


class Scratch:
    """Memory of one stream that operations use in turn.

    It only grows, and what it grew out of is kept: a captured CUDA graph may hold addresses in it. A new block is at
    least twice as large as the last, so all of them together are at most twice the largest. An operation that took more
    than the last block holds leaves one that holds all of it, so that the same operation never allocates again.
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[Memory, int]] = []
        self._used = self._taken = 0

    def begin(self) -> None:
        """A new operation begins; what earlier ones left may be overwritten, in the order of the stream."""
        self._used = self._taken = 0

    def take(self, size: int, device: Device, stream: int) -> int:
        """The address of `size` bytes."""
        size = -(-size // _ALIGNMENT) * _ALIGNMENT
        self._taken += size
        if not self._blocks or self._used + size > self._blocks[-1][1]:
            self._grow(device, stream)
        memory, _ = self._blocks[-1]
        self._used += size
        return memory.pointer + self._used - size

    def end(self, device: Device, stream: int) -> None:
        """The operation has taken all that it needs."""
        if self._blocks and self._taken > self._blocks[-1][1]:
            self._grow(device, stream)

    def _grow(self, device: Device, stream: int) -> None:
        capacity = max(self._taken, 2 * self._blocks[-1][1] if self._blocks else 0)
        self._blocks.append((device.allocate(capacity, stream), capacity))
        self._used = 0


class Call:
    """One call of an operation: holds the device's lock, so that the launches of two calls never mix on a stream."""

    def __init__(self, device: Device, stream: int, like: Any) -> None:
        self.device, self.stream, self._like = device, stream, like

    def __enter__(self) -> Call:
        self.device.lock.acquire()
        self._scratch = self.device.scratches.setdefault(self.stream, Scratch())
        self._scratch.begin()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._scratch.end(self.device, self.stream)
        finally:
            self.device.lock.release()

    def launch(
        self,
        source: str,
        kernel: str,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        *arguments: View | numpy.generic | None,
        shared_bytes: int = 0,
    ) -> None:
        """Start a kernel. A view becomes its pointer; `None` a null pointer."""
        if shared_bytes > SHARED_BYTES:
            raise AssertionError(f"{kernel}: {shared_bytes} bytes of shared memory; its plan must keep to 48 kB")
        values = [
            numpy.uint64(value.pointer) if isinstance(value, View) else numpy.uint64(0) if value is None else value
            for value in arguments
        ]
        self.device.launch(source, kernel, grid, block, shared_bytes, values, self.stream)

    def scratch(self, shape: tuple[int, ...], dtype: Any) -> View:
        """A packed array that lasts until this call's work is done."""
        dtype = numpy.dtype(dtype)
        size = int(numpy.prod(shape, dtype=numpy.int64)) * dtype.itemsize
        pointer = self._scratch.take(max(size, 1), self.device, self.stream)
        return view_of({"data": (pointer, False), "shape": shape, "typestr": dtype.str}, None)

    def constant(self, array: NDArray[Any]) -> View:
        """`array` on the device. It is kept, so that the same table is never sent twice."""
        array = numpy.ascontiguousarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.device.constants:
            memory = self.device.upload(array, self.stream)
            interface = {"data": (memory.pointer, True), "shape": array.shape, "typestr": array.dtype.str}
            self.device.constants[key] = memory, view_of(interface, memory)
        return self.device.constants[key][1]

    def read(self, view: View) -> NDArray[Any]:
        """A copy of a packed view on the host; waits for the stream."""
        return self.device.read(view, self.stream)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> View:
        """A new array for a result, of the kind that came in."""
        return self.device.empty(shape, dtype, self._like, self.stream)[1]


def by_pixel(
    call: Call, source: str, kernel: str, shape: tuple[int, ...], *arguments: View | numpy.generic | None
) -> None:
    """Start a kernel with one thread for each pixel, in blocks of 64 x 4."""
    rows, columns = shape
    call.launch(source, kernel, (-(-columns // THREADS), -(-rows // ROWS)), (THREADS, ROWS), *arguments)
