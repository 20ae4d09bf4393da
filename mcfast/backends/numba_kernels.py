"""Compiled loops of the numba backend on the CPU, as one would write them on a blackboard."""

from __future__ import annotations

from typing import Any

import numpy
from numba import njit

__all__ = ["gather", "guided", "minimum", "white_tophat"]


@njit
def sliding_minimum(line: Any, window: int, result: Any) -> None:
    """result[i] = the minimum of line[i - window // 2 .. i + window // 2], of what there is (van Herk 1992).

    The line is cut into blocks as long as the window. A window meets at most two of them: the end of one, whose minima
    are `suffix`, and the beginning of the next, whose minima are `prefix`. So three comparisons do for any window.
    """
    n, reach = len(line), window // 2
    prefix, suffix = line.copy(), line.copy()
    for i in range(1, n):
        if i % window != 0:
            prefix[i] = min(prefix[i], prefix[i - 1])
    for i in range(n - 2, -1, -1):
        if (i + 1) % window != 0:
            suffix[i] = min(suffix[i], suffix[i + 1])
    for i in range(n):
        first, last = max(i - reach, 0), min(i + reach, n - 1)
        if first == 0 and last < window:
            result[i] = prefix[last]  # clipped at the border: all of it lies in the first block
        elif first // window == last // window:
            result[i] = prefix[last] if first % window == 0 else suffix[first]
        else:
            result[i] = min(suffix[first], prefix[last])


@njit
def minimum(image: Any, rows: int, columns: int) -> Any:
    """Minimum over a window of rows x columns: along every row, then along every column of that."""
    along = numpy.empty_like(image)
    for y in range(image.shape[0]):
        sliding_minimum(image[y], columns, along[y])
    result = numpy.empty_like(image)
    for x in range(image.shape[1]):
        sliding_minimum(along[:, x].copy(), rows, result[:, x])
    return result


@njit
def white_tophat(image: Any, offsets: Any) -> Any:
    """image - dilation(erosion(image)) over the footprint's offsets, pixel by pixel, from the definition.

    What lies outside takes no part. A pixel whose footprint meets no image pixel in the erosion is the highest value
    there is, and takes no part either.
    """
    height, width = image.shape
    eroded = numpy.empty_like(image)
    empty = numpy.zeros(image.shape, numpy.bool_)
    for y in range(height):
        for x in range(width):
            found = False
            best = image[0, 0]
            for i in range(len(offsets)):
                v, u = y + offsets[i, 0], x + offsets[i, 1]
                if 0 <= v < height and 0 <= u < width and (not found or image[v, u] < best):
                    best, found = image[v, u], True
            eroded[y, x], empty[y, x] = best, not found
    result = numpy.empty_like(image)
    for y in range(height):
        for x in range(width):
            best, found = image[y, x], False
            for i in range(len(offsets)):
                v, u = y - offsets[i, 0], x - offsets[i, 1]
                if 0 <= v < height and 0 <= u < width and not empty[v, u] and (not found or eroded[v, u] > best):
                    best, found = eroded[v, u], True
            result[y, x] = image[y, x] - best
    return result


@njit
def window_means(values: Any, radius: int) -> Any:
    """Mean over the part of the (2 radius + 1)^2 window inside, from a summed-area table (Crow 1984)."""
    height, width = values.shape
    table = numpy.zeros((height + 1, width + 1))
    for y in range(height):
        row = 0.0
        for x in range(width):
            row += values[y, x]
            table[y + 1, x + 1] = table[y, x + 1] + row
    result = numpy.empty_like(values)
    for y in range(height):
        top, bottom = max(y - radius, 0), min(y + radius + 1, height)
        for x in range(width):
            left, right = max(x - radius, 0), min(x + radius + 1, width)
            total = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
            result[y, x] = total / ((bottom - top) * (right - left))
    return result


@njit
def guided(src: Any, guide: Any, radius: int, eps: float) -> Any:
    """He, Sun and Tang 2013: a = cov / (var + eps) and b (equations 5 and 6), then their means (equation 8)."""
    # Covariances are unmoved by a shift, but cancel less.
    shift = guide.mean()
    g, p = guide - shift, src - shift
    mean_g, mean_p = window_means(g, radius), window_means(p, radius)
    variance = numpy.maximum(window_means(g * g, radius) - mean_g * mean_g, 0.0)
    covariance = window_means(g * p, radius) - mean_g * mean_p
    a = numpy.zeros_like(g)
    for y in range(g.shape[0]):
        for x in range(g.shape[1]):
            if variance[y, x] + eps > 0:
                a[y, x] = covariance[y, x] / (variance[y, x] + eps)
    b = mean_p - a * mean_g
    return window_means(a, radius) * g + window_means(b, radius) + shift


@njit
def gather(image: Any, centres: Any, shift: Any, scale: Any, out: Any) -> None:
    """out[i, 0] = the patch around centre i, normalised; outside pixels take the nearest one's value."""
    size = out.shape[2]
    for i in range(len(centres)):
        for y in range(size):
            v = min(max(centres[i, 0] - size // 2 + y, 0), image.shape[0] - 1)
            for x in range(size):
                u = min(max(centres[i, 1] - size // 2 + x, 0), image.shape[1] - 1)
                out[i, 0, y, x] = (numpy.float32(image[v, u]) - shift[i]) * scale[i]
