"""Named arrays in one block of device memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from mcfast.backends.gpu.views import View, view_of
from mcfast.device.runtime import Runtime, Stream

__all__ = ["Layout"]

ALIGNMENT = 256


class Layout:
    """Arrays by name, packed, one block of memory that lives as long as this does.

    Parameters
    ----------
    arrays
        Name to shape and dtype.
    runtime, stream
        In whose order the memory is allocated and freed.
    """

    def __init__(self, arrays: Mapping[str, tuple[tuple[int, ...], Any]], runtime: Runtime, stream: Stream) -> None:
        offsets, total = {}, 0
        for name, (shape, dtype) in arrays.items():
            offsets[name] = total
            size = int(numpy.prod(shape, dtype=numpy.int64)) * numpy.dtype(dtype).itemsize
            total += -(-size // ALIGNMENT) * ALIGNMENT
        self.size = total
        self._memory = runtime.kernels.allocate(total, stream.handle)
        self._views: dict[str, View] = {}
        for name, (shape, dtype) in arrays.items():
            pointer = self._memory.pointer + offsets[name]
            interface = {"data": (pointer, False), "shape": shape, "typestr": numpy.dtype(dtype).str}
            self._views[name] = view_of(interface, self._memory)
        self._stream = stream  # must outlast the memory, and goes last of what this holds

    def __getitem__(self, name: str) -> View:
        """The array of that name."""
        return self._views[name]

    def __contains__(self, name: object) -> bool:
        return name in self._views
