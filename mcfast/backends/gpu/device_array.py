"""An array on a GPU, for callers who have neither CuPy nor torch; both take it without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["DeviceArray", "StridedView", "pinned_empty"]

_KINDS = {"i": 0, "u": 1, "f": 2, "b": 6}  # DLDataTypeCode
_CUDA = 2  # DLDeviceType kDLCUDA


class DeviceArray:
    """Packed memory on one GPU. Speaks DLPack and `__cuda_array_interface__`.

    Parameters
    ----------
    shape
        Of the array.
    dtype
        Of its elements, anything that NumPy takes.
    device
        Number of the GPU.
    stream
        The stream (its handle) in whose order the memory is allocated and freed; it must outlast the array. It is what
        the array says of itself to libraries that synchronise: they wait for it before they use the array on another.

    Raises
    ------
    RuntimeError
        If there is no usable GPU or not enough memory.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, *, device: int = 0, stream: int = 0) -> None:
        from mcfast import _cuda

        self.shape = tuple(shape)
        self.dtype: numpy.dtype[Any] = numpy.dtype(dtype)
        self.device, self.stream = device, stream
        self._memory: Any = _cuda.DeviceMemory(max(self.nbytes, 1), device, stream)
        self.pointer: int = self._memory.pointer

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(numpy.prod(self.shape, dtype=numpy.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.dtype.itemsize

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @classmethod
    def from_host(cls, array: NDArray[Any], *, device: int = 0, stream: int = 0) -> DeviceArray:
        """A copy of a host array. From pinned memory the copy runs beside the host, and `array` must outlast it."""
        from mcfast import _cuda

        array = numpy.ascontiguousarray(array)
        result = cls(array.shape, array.dtype, device=device, stream=stream)
        _cuda.copy(result.pointer, array.ctypes.data, array.nbytes, stream, device)
        return result

    def to_host(self, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """A copy on the host, in `out` if it is given (contiguous, of this shape and dtype); waits for the stream."""
        from mcfast import _cuda

        host = numpy.empty(self.shape, self.dtype) if out is None else out
        if host.shape != self.shape or host.dtype != self.dtype or not host.flags.c_contiguous:
            raise ValueError(
                f"to_host(out): expected a contiguous {self.dtype} array of shape {self.shape}, got {host.dtype} of "
                f"shape {host.shape}"
            )
        _cuda.copy(host.ctypes.data, self.pointer, self.nbytes, self.stream, self.device)
        _cuda.synchronize(self.stream, self.device)
        return host

    def __getitem__(self, rows: slice) -> DeviceArray:
        """The first rows, `array[:n]`, without a copy; no other index is taken."""
        if not isinstance(rows, slice) or rows.start not in (None, 0) or rows.step not in (None, 1):
            raise TypeError(f"DeviceArray: expected an index [:n], got {rows!r}; hand it to CuPy or torch by DLPack")
        part = object.__new__(DeviceArray)
        part.__dict__ |= self.__dict__
        part.shape = (len(range(self.shape[0])[rows]), *self.shape[1:])
        return part

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.pointer, False),
            "version": 3,
            "strides": None,
            "stream": self.stream or 1,  # 0 is not allowed there; 1 is the legacy default stream
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CUDA, self.device

    def __dlpack__(self, *, stream: int | None = None, **_: Any) -> object:
        """A capsule of this memory. Unless the consumer's stream is this array's own, waits for the latter."""
        from mcfast import _cuda

        if stream != -1 and (stream or 1) != (self.stream or 1):
            _cuda.synchronize(self.stream, self.device)
        bits = 8 * self.dtype.itemsize
        return _cuda.dlpack_capsule(self, self.pointer, self.shape, _KINDS[self.dtype.kind], bits, self.device)

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype}, device={self.device})"


@dataclass(frozen=True, slots=True)
class StridedView:
    """Elements of an array on a GPU at other strides (in bytes), without a copy; CuPy and torch take it as an array.

    `base` keeps the memory. Speaks `__cuda_array_interface__`, which says that it is read-only.
    """

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: numpy.dtype[Any]
    device: int
    stream: int
    base: Any

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.pointer, True),
            "version": 3,
            "strides": self.strides,
            "stream": self.stream or 1,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CUDA, self.device


def pinned_empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """A NumPy array in page-locked memory: copies from and to a GPU run at full speed, beside the host."""
    from mcfast import _cuda

    dtype = numpy.dtype(dtype)
    count = int(numpy.prod(shape, dtype=numpy.int64))
    memory = _cuda.PinnedMemory(max(count * dtype.itemsize, 1))
    array: NDArray[Any] = numpy.frombuffer(memoryview(memory), dtype, count).reshape(shape)
    return array
