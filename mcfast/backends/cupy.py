"""The CuPy backend: the same kernel sources, compiled by NVRTC when they are first used. Needs CuPy, but no nvcc."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.interop import cupy_stream, empty_like
from mcfast.backends.gpu.launch import Memory, Scratch
from mcfast.backends.gpu.views import View

__all__ = ["OPTIONS", "CupyDevice", "device", "program", "source_folder", "unavailable"]

OPTIONS = ("-std=c++17", "-fmad=false")


@cache
def unavailable() -> str | None:
    """Why the backend cannot be used on this machine; `None` if it can."""
    try:
        import cupy
    except ImportError:
        return "CuPy is not installed; install cupy-cuda13x or cupy-cuda12x"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # CuPy raises its own kinds, by version
        return f"CuPy finds no GPU: {error}"
    return None if count else "no GPU is visible; see CUDA_VISIBLE_DEVICES"


def source_folder() -> Path:
    """Where the kernels' sources are: in csrc/ of a checkout, beside the plans in an installation.

    An editable installation leaves a copy beside the plans too, which ages as the sources change.
    """
    checkout = Path(__file__).parents[2] / "csrc"
    return checkout if (checkout / "gpu" / "mc_gpu.h").is_file() else Path(__file__).parent / "gpu" / "kernels"


@cache
def _digest() -> str:
    """A hash over all kernel sources."""
    total = hashlib.sha256()
    for path in sorted([*source_folder().rglob("*.cuh"), *source_folder().glob("gpu/*.h")]):
        total.update(path.read_bytes())
    return total.hexdigest()


def program(source: str) -> str:
    """What NVRTC compiles for the kernels of a source: templates are named from the global namespace.

    CuPy keeps what it compiled under a hash of this text alone, so the text changes with the headers it includes.
    """
    return f'// {_digest()}\n#include "{source}"\nusing namespace mcfast::gpu;\n'


@cache
def device(number: int) -> CupyDevice:
    """The GPU of that number."""
    return CupyDevice(number)


class CupyDevice:
    """One GPU, through CuPy. See `mcfast.backends.gpu.launch.Device`."""

    def __init__(self, number: int) -> None:
        import cupy

        self._cupy, self.number = cupy, number
        self.lock = threading.RLock()
        self.scratches: dict[int, Scratch] = {}
        self.constants: dict[tuple[str, tuple[int, ...], bytes], tuple[Memory, View]] = {}
        self._functions: dict[tuple[str, str], Any] = {}

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
        """Start a kernel; its first use compiles it, and CuPy keeps the result on disk."""
        with self._cupy.cuda.Device(self.number), cupy_stream(stream, self.number):
            function = self._functions.get((source, kernel))
            if function is None:
                include = f"-I{source_folder()}"
                module = self._cupy.RawModule(
                    code=program(source), options=(*OPTIONS, include), name_expressions=(kernel,)
                )
                function = self._functions[source, kernel] = module.get_function(kernel)
            function(grid, block, tuple(arguments), shared_mem=shared_bytes)

    def allocate(self, size: int, stream: int) -> Memory:
        """`size` bytes of CuPy's pool."""
        with self._cupy.cuda.Device(self.number), cupy_stream(stream, self.number):
            return _Pooled(self._cupy.cuda.alloc(size))

    def upload(self, array: NDArray[Any], stream: int) -> Memory:
        """A copy on the device; waits for it, since other streams may use it next."""
        memory = self.allocate(max(array.nbytes, 1), stream)
        with self._cupy.cuda.Device(self.number):
            runtime = self._cupy.cuda.runtime
            runtime.memcpyAsync(memory.pointer, array.ctypes.data, array.nbytes, runtime.memcpyHostToDevice, stream)
            runtime.streamSynchronize(stream)
        return memory

    def read(self, view: View, stream: int) -> NDArray[Any]:
        """A copy of a packed view on the host; waits for the stream."""
        host = numpy.empty(view.shape, view.dtype)
        with self._cupy.cuda.Device(self.number):
            runtime = self._cupy.cuda.runtime
            runtime.memcpyAsync(host.ctypes.data, view.pointer, host.nbytes, runtime.memcpyDeviceToHost, stream)
            runtime.streamSynchronize(stream)
        return host

    def empty(self, shape: tuple[int, ...], dtype: Any, like: Any, stream: int) -> tuple[Any, View]:
        """A new array of the kind of `like`."""
        return empty_like(like, shape, dtype, stream)


class _Pooled:
    """A block of CuPy's memory pool."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory  # keeps the block
        self.pointer = int(memory.ptr)
