"""Results in page-locked memory, handed out without a copy and taken back when nobody holds them any more."""

from __future__ import annotations

import threading
import weakref
from collections import defaultdict
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.device.runtime import Runtime

__all__ = ["PinnedPool"]


class PinnedPool:
    """Arrays for downloads. Making pinned memory takes milliseconds, so it is used again.

    Parameters
    ----------
    runtime
        Whose memory.
    limit
        Most bytes of pinned memory, free and handed out: a caller that keeps thousands of results would pin the whole
        machine. Beyond it `take` gives ordinary memory, into which the GPU copies more slowly.
    """

    def __init__(self, runtime: Runtime, limit: int = 2 << 30) -> None:
        self._runtime, self._limit = runtime, limit
        self._free: defaultdict[int, list[NDArray[numpy.uint8]]] = defaultdict(list)
        self._pinned = 0
        self._lock = threading.RLock()  # a garbage collection may give memory back in the midst of `take`

    def take(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """An array with undefined content; its memory comes back with the last view of it."""
        dtype = numpy.dtype(dtype)
        size = max(1, int(numpy.prod(shape, dtype=numpy.int64)) * dtype.itemsize)
        memory = self._pinned_memory(size)
        if memory is None:
            return numpy.empty(shape, dtype)
        # NumPy's views refer to the last array before one of another kind: so to this one, never past it to `memory`.
        lease = numpy.frombuffer(memory.data, numpy.uint8)
        weakref.finalize(lease, self._give_back, memory).atexit = False
        array: NDArray[Any] = lease.view(dtype).reshape(shape)
        return array

    def _pinned_memory(self, size: int) -> NDArray[numpy.uint8] | None:
        with self._lock:
            if self._free[size]:
                return self._free[size].pop()
            if self._pinned + size > self._limit:
                self._drop_free()
            if self._pinned + size > self._limit:
                return None
            self._pinned += size
        return self._runtime.pinned(size)

    def _drop_free(self) -> None:
        """Let go of what nobody uses: sizes change with the images."""
        self._pinned -= sum(size * len(memories) for size, memories in self._free.items())
        self._free.clear()

    def _give_back(self, memory: NDArray[numpy.uint8]) -> None:
        with self._lock:
            self._free[memory.nbytes].append(memory)
