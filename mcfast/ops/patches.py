"""Windows and patches: views of a regular grid, gathering at given centres, and putting windows together again."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.lib.stride_tricks import sliding_window_view

from mcfast.arguments import integer
from mcfast.backends import run
from mcfast.backends.arrays import as_host, is_on_gpu, like_input
from mcfast.windows import pair, window_origins

__all__ = ["gather_patches", "sliding_windows", "stitch"]


def sliding_windows(
    image: Any,
    size: int | tuple[int, int],
    stride: int | tuple[int, int],
    *,
    cover: bool = False,
    out: Any = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Windows of a grid over the image.

    Parameters
    ----------
    image
        (H, W), any dtype; on a GPU with `cover` uint8, uint16 or float32.
    size
        Side of a window, or (rows, columns), in pixels; at most the image's.
    stride
        Distance of neighbouring windows, one number or (rows, columns), in pixels; at most the window's size if
        `cover`.
    cover
        `False` gives a zero-copy view of the windows that fit at multiples of the stride: not to be written to, and
        read-only where a library knows such arrays. `True` gives a copy whose last row and column of windows are
        clamped to the border, so that every pixel is covered; `stitch` is its inverse.
    out
        With `cover` only: contiguous array of the result's shape and the image's dtype, apart from the image.
    stream, backend
        For arrays on a GPU.

    Returns
    -------
    (rows of windows, columns of windows, h, w) of the image's dtype.

    Raises
    ------
    ValueError
        If the image is not 2-D, a window does not fit, or the stride is below 1 (or leaves gaps with `cover`).
    """
    on_gpu = is_on_gpu(image)
    array = _seen_on_gpu(image) if on_gpu else as_host(image, "sliding_windows", "image")
    height, width = pair("sliding_windows", "size", size)
    down, right = pair("sliding_windows", "stride", stride)
    shape = array.shape
    if len(shape) != 2:
        raise ValueError(f"sliding_windows(image): expected (rows, columns), got shape {shape}")
    if not (1 <= height <= shape[0] and 1 <= width <= shape[1]):
        raise ValueError(f"sliding_windows(size): expected at most the image's {shape}, got {(height, width)}")
    if min(down, right) < 1:
        raise ValueError(f"sliding_windows(stride): expected at least 1, got {stride}")
    for name, value in (("stream", stream), ("backend", backend)):
        if value is not None and not on_gpu:
            raise ValueError(f"sliding_windows({name}): expected None for an array in host memory, got {value!r}")
    if out is not None and not cover:
        raise ValueError("sliding_windows(out): expected None for a view without a copy, got an array; use cover=True")
    if not cover:
        return _windows_that_fit(image, array, (height, width), (down, right), on_gpu)
    origins = window_origins(shape[0], height, down), window_origins(shape[1], width, right)
    if on_gpu:
        options = {"out": out, "stream": stream, "backend": backend}
        return run("sliding_windows", image, (height, width), (down, right), **options)
    return like_input(_copied(array, (height, width), origins, out), image)


def _seen_on_gpu(image: Any) -> Any:
    from mcfast.backends.gpu.interop import view

    return view(image, "sliding_windows", "image")


def _windows_that_fit(image: Any, array: Any, size: tuple[int, int], stride: tuple[int, int], on_gpu: bool) -> Any:
    if not on_gpu:
        return like_input(sliding_window_view(array, size)[:: stride[0], :: stride[1]], image)
    from mcfast.backends.gpu.interop import restrided

    counts = [(n - side) // step + 1 for n, side, step in zip(array.shape, size, stride, strict=True)]
    steps = [by * step for by, step in zip(array.strides, stride, strict=True)]
    return restrided(image, (*counts, *size), (*steps, *array.strides))


def _copied(image: Any, size: tuple[int, int], origins: tuple[list[int], list[int]], out: Any) -> Any:
    windows = sliding_window_view(image, size)[numpy.ix_(*origins)]
    if out is None:
        return numpy.ascontiguousarray(windows)
    target = as_host(out, "sliding_windows", "out")
    if target.shape != windows.shape or target.dtype != image.dtype:
        expected = f"{image.dtype} of shape {windows.shape}"
        raise ValueError(f"sliding_windows(out): expected {expected}, got {target.dtype} of shape {target.shape}")
    target[...] = windows
    return target


def gather_patches(
    image: Any,
    centres: Any,
    size: int,
    *,
    mean: Any = None,
    std: Any = None,
    dtype: Any = numpy.float32,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Square patches around given pixels as a network's input batch, normalised in the same pass.

    The patch of centre (row, column) holds rows row - size // 2 .. row - size // 2 + size - 1, columns alike. Pixels
    outside the image take the value of the nearest pixel inside (`numpy.pad(..., mode="edge")`).

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32; rows may be strided.
    centres
        (N, 2) int32 rows and columns; each inside the image.
    size
        Side of a patch in pixels, 1 .. 1024.
    mean, std
        A number or (N,) float32 each: the result is (value - mean) / std. `None` is 0 and 1.
    dtype
        `numpy.float32`; on a GPU also `numpy.float16`.
    out
        (N, 1, size, size) of that dtype.

    Returns
    -------
    (N, 1, size, size), NCHW. O(size^2) per patch.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For a centre outside the image, a std that is not positive, a size out of range, arrays whose lengths differ,
        an image that is empty or not 2-D, or an `out` that does not fit.
    """
    options: dict[str, Any] = {}
    if is_on_gpu(image):
        if numpy.dtype(dtype) not in (numpy.float32, numpy.float16):
            raise TypeError(f"gather_patches(dtype): expected float32 or float16, got {numpy.dtype(dtype)}")
        options["dtype"] = numpy.dtype(dtype)
    elif numpy.dtype(dtype) != numpy.float32:
        raise TypeError(f"gather_patches(dtype): expected float32 in host memory, got {numpy.dtype(dtype)}")
    return run(
        "gather_patches",
        image,
        integer("gather_patches", "size", size),
        centres=centres,
        mean=mean,
        std=std,
        out=out,
        threads=threads,
        stream=stream,
        backend=backend,
        **options,
    )


def stitch(
    patches: Any,
    shape: tuple[int, int],
    stride: int | tuple[int, int],
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Put the windows of `sliding_windows(..., cover=True)` together: at each pixel the mean of those that cover it.

    Parameters
    ----------
    patches
        (rows of windows, columns of windows, h, w) uint8, uint16 or float32, C-contiguous.
    shape
        (H, W) of the image.
    stride
        The stride of the grid, one number or (rows, columns), in pixels.
    out
        (H, W) of the patches' dtype.

    Returns
    -------
    (H, W) of the patches' dtype; integers rounded to nearest even. O(windows that cover a pixel) per pixel.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        If the numbers of windows are not those of the covering grid, or `out` does not fit.
    """
    return run(
        "stitch",
        patches,
        pair("stitch", "shape", shape),
        pair("stitch", "stride", stride),
        name="patches",
        out=out,
        threads=threads,
        stream=stream,
        backend=backend,
    )
