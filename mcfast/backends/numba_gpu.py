"""The numba backend on a GPU: the same operations as `numba_kernels`, one thread for each pixel.

To teach from: a tile and its halo in shared memory, one barrier, then every thread looks at its own window, which costs
O(window) and not O(1) as the kernels in csrc/ do. Each function takes what `numba.cuda` takes for an array, and works
under numba's simulator (NUMBA_ENABLE_CUDASIM=1), which the tests use.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy
from numba import cuda, from_dtype

__all__ = ["dark_channel", "gather_patches", "guided_filter", "min_filter", "white_tophat"]

TILE = 8  # rows and columns of a block


def min_filter(image: Any, size: tuple[int, int], out: Any, *, stream: Any = 0) -> None:
    """out = minimum over a centred window of odd sides, each at most 33."""
    _extremum(image.dtype, size, False)[_grid(out.shape), (TILE, TILE), stream](image, out)


def dark_channel(image: Any, size: tuple[int, int], darkest: Any, out: Any, *, stream: Any = 0) -> None:
    """out = minimum over the channels of (H, W, C), then over a window; `darkest` is room for what is in between."""
    _darkest[_grid(out.shape), (TILE, TILE), stream](image, darkest)
    min_filter(darkest, size, out, stream=stream)


def white_tophat(image: Any, size: tuple[int, int], eroded: Any, out: Any, *, stream: Any = 0) -> None:
    """out = image - opening by a window of odd sides; `eroded` is room for an image in between."""
    grid, block = _grid(out.shape), (TILE, TILE)
    _extremum(image.dtype, size, False)[grid, block, stream](image, eroded)
    _extremum(image.dtype, size, True)[grid, block, stream](eroded, out)
    _difference[grid, block, stream](image, out)


def guided_filter(src: Any, guide: Any, radius: int, eps: float, a: Any, b: Any, out: Any, *, stream: Any = 0) -> None:
    """out (float32) = guided filter of src by guide; `a` and `b` are room for float64 images."""
    grid, block = _grid(out.shape), (TILE, TILE)
    _coefficients[grid, block, stream](src, guide, radius, eps, a, b)
    _means[grid, block, stream](guide, radius, a, b, out)


def gather_patches(image: Any, centres: Any, shift: Any, scale: Any, out: Any, *, stream: Any = 0) -> None:
    """out (n, 1, size, size) = patches around the centres, normalised."""
    if len(centres):
        _gather[len(centres), (TILE, TILE), stream](image, centres, shift, scale, out)


def _grid(shape: tuple[int, ...]) -> tuple[int, int]:
    return -(-shape[1] // TILE), -(-shape[0] // TILE)


@cache
def _extremum(dtype: Any, size: tuple[int, int], maximum: bool) -> Any:
    """The kernel of a window, compiled for it: shared arrays have a fixed shape."""
    rows, columns = size
    if max(size) > 33 or rows % 2 == 0 or columns % 2 == 0:
        raise ValueError(f"min_filter(size): expected odd sides of at most 33 with numba on a GPU, got {size}")
    dtype = numpy.dtype(dtype)
    element = from_dtype(dtype)
    height, width = TILE + rows - 1, TILE + columns - 1
    if dtype.kind == "f":
        outside = dtype.type(-numpy.inf if maximum else numpy.inf)
    else:
        outside = dtype.type(0 if maximum else numpy.iinfo(dtype).max)

    @cuda.jit
    def kernel(image: Any, out: Any) -> None:
        tile = cuda.shared.array((height, width), element)
        top, left = cuda.blockIdx.y * TILE - rows // 2, cuda.blockIdx.x * TILE - columns // 2
        # All threads fetch the tile and its halo together; outside pixels take no part.
        for i in range(cuda.threadIdx.y, height, TILE):
            for j in range(cuda.threadIdx.x, width, TILE):
                y, x = top + i, left + j
                if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
                    tile[i, j] = image[y, x]
                else:
                    tile[i, j] = outside
        cuda.syncthreads()
        y, x = cuda.blockIdx.y * TILE + cuda.threadIdx.y, cuda.blockIdx.x * TILE + cuda.threadIdx.x
        if y < out.shape[0] and x < out.shape[1]:
            best = tile[cuda.threadIdx.y, cuda.threadIdx.x]
            for i in range(rows):
                for j in range(columns):
                    value = tile[cuda.threadIdx.y + i, cuda.threadIdx.x + j]
                    if (value > best) == maximum and value != best:
                        best = value
            out[y, x] = best

    return kernel


@cuda.jit
def _darkest(image: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if y < out.shape[0] and x < out.shape[1]:
        best = image[y, x, 0]
        for channel in range(1, image.shape[2]):
            best = min(best, image[y, x, channel])
        out[y, x] = best


@cuda.jit
def _difference(image: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if y < out.shape[0] and x < out.shape[1]:
        out[y, x] = image[y, x] - out[y, x]


@cuda.jit
def _coefficients(src: Any, guide: Any, radius: int, eps: float, a: Any, b: Any) -> None:
    """Equations 5 and 6 of He, Sun and Tang 2013, from moments around the pixel itself, which cancel little."""
    x, y = cuda.grid(2)
    if y >= a.shape[0] or x >= a.shape[1]:
        return
    origin_g, origin_p = float(guide[y, x]), float(src[y, x])
    n, g, p, gg, gp = 0, 0.0, 0.0, 0.0, 0.0
    for v in range(max(y - radius, 0), min(y + radius + 1, a.shape[0])):
        for u in range(max(x - radius, 0), min(x + radius + 1, a.shape[1])):
            dg, dp = guide[v, u] - origin_g, src[v, u] - origin_p
            n, g, p, gg, gp = n + 1, g + dg, p + dp, gg + dg * dg, gp + dg * dp
    variance = max(gg / n - (g / n) ** 2, 0.0) + eps
    slope = (gp / n - g * p / (n * n)) / variance if variance > 0 else 0.0
    a[y, x] = slope
    b[y, x] = origin_p + p / n - slope * (origin_g + g / n)


@cuda.jit
def _means(guide: Any, radius: int, a: Any, b: Any, out: Any) -> None:
    """Equation 8: the means of a and b, applied to the pixel."""
    x, y = cuda.grid(2)
    if y >= out.shape[0] or x >= out.shape[1]:
        return
    n, slope, offset = 0, 0.0, 0.0
    for v in range(max(y - radius, 0), min(y + radius + 1, out.shape[0])):
        for u in range(max(x - radius, 0), min(x + radius + 1, out.shape[1])):
            n, slope, offset = n + 1, slope + a[v, u], offset + b[v, u]
    out[y, x] = slope / n * guide[y, x] + offset / n


@cuda.jit
def _gather(image: Any, centres: Any, shift: Any, scale: Any, out: Any) -> None:
    """One block for each patch."""
    patch, size = cuda.blockIdx.x, out.shape[2]
    for i in range(cuda.threadIdx.y, size, TILE):
        v = min(max(centres[patch, 0] - size // 2 + i, 0), image.shape[0] - 1)
        for j in range(cuda.threadIdx.x, size, TILE):
            u = min(max(centres[patch, 1] - size // 2 + j, 0), image.shape[1] - 1)
            out[patch, 0, i, j] = (numpy.float32(image[v, u]) - shift[patch]) * scale[patch]
