"""The CUDA backend: the kernels that nvcc compiled into `_cuda`. Imported when an array on a GPU comes in."""

from __future__ import annotations

from functools import cache

from mcfast.backends.gpu.launch import Extent, Memory, Values
from mcfast.backends.gpu.library import LibraryDevice
from mcfast.errors import DeviceError

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


class CudaDevice(LibraryDevice):
    """One GPU, through `_cuda`."""

    def __init__(self, number: int) -> None:
        from mcfast import _cuda

        super().__init__(number)
        self._cuda = _cuda

    def launch(
        self, source: str, kernel: str, grid: Extent, block: Extent, shared_bytes: int, arguments: Values, stream: int
    ) -> None:
        """Start a kernel."""
        values = [argument.tobytes() for argument in arguments]
        self._cuda.launch(kernel, _three(grid), _three(block), shared_bytes, values, stream, self.number)

    def allocate(self, size: int, stream: int) -> Memory:
        """`size` bytes, in the order of the stream. Raises `DeviceError` if the GPU does not give them."""
        try:
            return self._cuda.DeviceMemory(size, self.number, stream)
        except RuntimeError as error:
            raise DeviceError(
                f"GPU {self.number}: gives no {size:,} bytes of its memory ({error}); end what else uses it, or give "
                "smaller images"
            ) from error

    def copy_and_wait(self, to: int, source: int, size: int, stream: int, *, to_host: bool) -> None:
        """Copy between host and device; CUDA tells by the addresses which is which."""
        self._cuda.copy(to, source, size, stream, self.number)
        self._cuda.synchronize(stream, self.number)


def _three(extent: tuple[int, ...]) -> tuple[int, ...]:
    return (*extent, 1, 1)[:3]
