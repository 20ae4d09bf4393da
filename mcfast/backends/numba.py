"""The numba backend: a few operations in plain Python loops, compiled. To read, and to teach from.

On the CPU they are `numba_kernels`, on a GPU `numba_gpu`. Nothing here is imported unless `backend="numba"` asks for
it. Importing numba takes half a second, and the first call for a dtype compiles.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.views import check_out, check_overlap, check_pixels, check_plane, check_range, refuse, view_of
from mcfast.errors import DeviceError
from mcfast.footprints import Footprint

__all__ = ["dark_channel", "gather_patches", "guided_filter", "min_filter", "unavailable", "white_tophat"]

Array = NDArray[Any]


@cache
def unavailable() -> str | None:
    """Why the backend cannot be used on this machine; `None` if it can."""
    from importlib.util import find_spec

    return None if find_spec("numba") else "numba is not installed; install it with pip install numba"


def min_filter(image: Array, window: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.min_filter`."""
    _check("min_filter", image)
    result = _result("min_filter", image, out, image.dtype, same_allowed=True)
    result[...] = _kernels().minimum(numpy.ascontiguousarray(image), *window.shape)
    return result


def dark_channel(image: Array, size: tuple[int, int], *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.dark_channel`."""
    gray = image if image.ndim == 2 else image.min(axis=2) if image.ndim == 3 and image.size else image
    _check("dark_channel", gray)
    _check_window(size)
    result = _result("dark_channel", gray, out, gray.dtype, same_allowed=image.ndim == 2)
    result[...] = _kernels().minimum(numpy.ascontiguousarray(gray), *size)
    return result


def white_tophat(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.white_tophat`."""
    _check("white_tophat", image)
    result = _result("white_tophat", image, out, image.dtype, same_allowed=True)
    offsets = numpy.argwhere(footprint.mask) - numpy.array([[footprint.shape[0] // 2, footprint.shape[1] // 2]])
    result[...] = _kernels().white_tophat(numpy.ascontiguousarray(image), offsets)
    return result


def guided_filter(
    src: Array,
    radius: int,
    eps: float,
    *,
    guide: Array | None = None,
    subsample: int = 1,
    out: Array | None = None,
    threads: int | None = None,
) -> Array:
    """See `mcfast.guided_filter`; without subsampling."""
    by = src if guide is None else guide
    _check("guided_filter", src, "src")
    _check("guided_filter", by, "guide")
    if by.shape != src.shape or by.dtype != src.dtype:
        raise refuse("guided_filter", "guide", f"{src.dtype} of shape {src.shape}", f"{by.dtype} of shape {by.shape}")
    check_range("guided_filter", "radius", radius, 0, 16384, "0 to 16384 pixels")
    check_range("guided_filter", "eps", eps, 0, 1e300, "a finite number of at least 0")
    if subsample != 1:
        raise DeviceError("backend: numba computes guided_filter with subsample=1 only; use backend='native'")
    result = _result("guided_filter", src, out, numpy.float32, same_allowed=False)
    result[...] = _kernels().guided(src.astype(numpy.float64), by.astype(numpy.float64), radius, eps)
    return result


def gather_patches(
    image: Array,
    size: int,
    *,
    centres: Array,
    mean: Any = None,
    std: Any = None,
    out: Array | None = None,
    threads: int | None = None,
) -> Array:
    """See `mcfast.gather_patches`."""
    _check("gather_patches", image)
    check_range("gather_patches", "size", size, 1, 1024, "1 to 1024 pixels")
    if centres.ndim != 2 or centres.shape[1] != 2 or centres.dtype != numpy.int32:
        raise refuse("gather_patches", "centres", "an (n, 2) array of int32", f"{centres.dtype}, shape {centres.shape}")
    if ((centres < 0) | (centres >= image.shape)).any():
        raise refuse("gather_patches", "centres", f"pixels of the image {image.shape}", "one outside")
    n = len(centres)
    shift = numpy.broadcast_to(numpy.float32(0 if mean is None else mean), n)
    scale = 1 / numpy.broadcast_to(numpy.float32(1 if std is None else std), n)
    result = numpy.empty((n, 1, size, size), numpy.float32) if out is None else out
    if result.shape != (n, 1, size, size) or result.dtype != numpy.float32:
        raise refuse("gather_patches", "out", f"float32 of shape {(n, 1, size, size)}", f"shape {result.shape}")
    _kernels().gather(numpy.ascontiguousarray(image), centres, shift, scale, result)
    return result


def _kernels() -> ModuleType:
    if (reason := unavailable()) is not None:
        raise DeviceError(f"backend: numba: {reason}")
    from mcfast.backends import numba_kernels

    return numba_kernels


def _check(operation: str, image: Array, argument: str = "image") -> None:
    view = view_of(image.__array_interface__, image)
    check_pixels(operation, argument, view)
    check_plane(operation, argument, view)


def _check_window(size: tuple[int, int]) -> None:
    if min(size) < 1 or size[0] % 2 == 0 or size[1] % 2 == 0:
        raise refuse("dark_channel", "size", "odd sides of at least 1", f"{size}")


def _result(operation: str, image: Array, out: Array | None, dtype: Any, *, same_allowed: bool) -> Array:
    if out is None:
        return numpy.empty(image.shape, dtype)
    target, source = view_of(out.__array_interface__, out), view_of(image.__array_interface__, image)
    check_out(operation, target, (image.shape[0], image.shape[1]), dtype)
    check_overlap(operation, target, source, same_allowed=same_allowed)
    return out
