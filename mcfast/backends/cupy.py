"""The CuPy backend: the same kernel sources, compiled by NVRTC when they are first used. Needs CuPy, but no nvcc."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from mcfast.backends.gpu.interop import cupy_stream
from mcfast.backends.gpu.launch import Extent, Memory, Values
from mcfast.backends.gpu.library import LibraryDevice

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


class CupyDevice(LibraryDevice):
    """One GPU, through CuPy."""

    def __init__(self, number: int) -> None:
        import cupy

        super().__init__(number)
        self._cupy = cupy
        self._functions: dict[tuple[str, str], Any] = {}

    def launch(
        self, source: str, kernel: str, grid: Extent, block: Extent, shared_bytes: int, arguments: Values, stream: int
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

    def copy_and_wait(self, to: int, source: int, size: int, stream: int, *, to_host: bool) -> None:
        """Copy between host and device."""
        with self._cupy.cuda.Device(self.number):
            runtime = self._cupy.cuda.runtime
            kind = runtime.memcpyDeviceToHost if to_host else runtime.memcpyHostToDevice
            runtime.memcpyAsync(to, source, size, kind, stream)
            runtime.streamSynchronize(stream)


class _Pooled:
    """A block of CuPy's memory pool."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory  # keeps the block
        self.pointer = int(memory.ptr)
