"""numba: the same families of algorithms as a careful user would write them, compiled for this machine.

Strips of rows go to threads (`prange`), inner loops run along rows, so that LLVM can vectorise them.
What is compiled is cached beside this file.
"""

from __future__ import annotations

import numba
import numpy
from numba import njit, prange

from benchmarks.call import Agreement, Call
from benchmarks.inputs import Inputs
from benchmarks.ours import MEAN, STD

VERSION = numba.__version__
MANY_THREADS = True
STRIP = 64  # rows


def use_threads(threads: int) -> None:
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))


def erode_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    out = numpy.empty_like(inputs.image)
    return Call(lambda: _erode(inputs.image, k // 2, out, 8 * threads))


def erode_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    out, offset = numpy.empty_like(inputs.image), numpy.arange(d) - d // 2
    widths = (offset[:, None] ** 2 + offset**2 <= (d // 2) ** 2).sum(axis=1)
    return Call(lambda: _erode_chords(inputs.image, widths, out, -(-len(out) // STRIP)))


def guided_filter(inputs: Inputs, threads: int, *, r: int, eps: float) -> Call:
    out, a, b = (numpy.empty(inputs.image.shape, numpy.float32) for _ in range(3))

    def run() -> numpy.ndarray:
        _coefficients(inputs.image, r, eps, a, b, 2 * threads)
        return _apply(inputs.image, a, b, r, out, 2 * threads)

    return Call(run, Agreement(0.01), "exact integer moments, as ours; two full-size temporaries")


def box_mean(inputs: Inputs, threads: int, *, r: int) -> Call:
    out = numpy.empty(inputs.image.shape, numpy.float32)
    return Call(lambda: _box_mean(inputs.image, r, out, 2 * threads), Agreement(1e-3))


def gather_patches(inputs: Inputs, threads: int, *, size: int) -> Call:
    out = numpy.empty((len(inputs.centres), 1, size, size), numpy.float32)
    corners = inputs.centres - size // 2
    rule = Agreement(1e-5, 0, "order of the arithmetic")
    return Call(lambda: _gather(inputs.image, corners, MEAN, STD, out), rule, "no clamping at the border")


def lookup(inputs: Inputs, threads: int) -> Call:
    out = numpy.empty_like(inputs.image)
    return Call(lambda: _lookup(inputs.image, inputs.table, out))


@njit(parallel=True, cache=True)
def _erode(image, reach, out, strips):
    """van Herk (1992), Gil and Werman (1993) in both directions: about three comparisons per pixel and axis."""
    rows, columns = image.shape
    across = numpy.empty_like(image)
    for strip in prange(strips):
        for row in range(strip * rows // strips, (strip + 1) * rows // strips):
            _erode_line(image[row], reach, across[row])
    for strip in prange(strips):
        _erode_columns(across, reach, out, strip * columns // strips, (strip + 1) * columns // strips)
    return out


@njit(cache=True)
def _erode_line(line, reach, out):
    length, size = len(line), 2 * reach + 1
    padded = numpy.full(-(-(length + 2 * reach) // size) * size, 65535, line.dtype)
    padded[reach : reach + length] = line
    suffix = padded.copy()
    for first in range(0, len(padded), size):
        for i in range(1, size):
            padded[first + i] = min(padded[first + i], padded[first + i - 1])
            j = first + size - 1 - i
            suffix[j] = min(suffix[j], suffix[j + 1])
    for i in range(length):
        out[i] = min(suffix[i], padded[i + size - 1])


@njit(cache=True)
def _erode_columns(image, reach, out, left, right):
    """Blocks of as many rows as the window has: suffix minima of the block above, a running prefix below."""
    rows, size = len(image), 2 * reach + 1
    suffix = numpy.empty((size, right - left), image.dtype)
    prefix = numpy.empty(right - left, image.dtype)
    for first in range(-reach, rows, size):
        for i in range(size - 1, -1, -1):
            _lower(suffix[i], suffix[min(i + 1, size - 1)], image, first + i, left, right, i == size - 1)
        prefix[:] = 65535
        for i in range(size):
            row = first + i + reach
            if 0 <= row < rows:
                target = out[row, left:right]
                for c in range(right - left):
                    target[c] = min(suffix[i, c], prefix[c])
            _lower(prefix, prefix, image, first + size + i, left, right, False)


@njit(cache=True)
def _lower(target, before, image, row, left, right, fresh):
    """target = min(before, row of the image); rows outside the image are +inf."""
    if 0 <= row < len(image):
        line = image[row, left:right]
        for c in range(right - left):
            target[c] = line[c] if fresh else min(before[c], line[c])
    else:
        for c in range(right - left):
            target[c] = 65535 if fresh else before[c]


@njit(parallel=True, cache=True)
def _box_mean(image, r, out, strips):
    """Running column sums, and their running sum along the row; exact in integers."""
    rows, columns = image.shape
    for strip in prange(strips):
        first, last = strip * rows // strips, (strip + 1) * rows // strips
        sums = numpy.zeros(columns, numpy.int64)
        for row in range(max(first - r, 0), min(first + r, rows)):
            sums += image[row]
        for row in range(first, last):
            if row + r < rows:
                sums += image[row + r]
            if row - r - 1 >= max(first - r, 0):
                sums -= image[row - r - 1]
            high = min(row + r + 1, rows) - max(row - r, 0)
            total = sums[: min(r, columns)].sum()
            for c in range(columns):
                if c + r < columns:
                    total += sums[c + r]
                if c - r - 1 >= 0:
                    total -= sums[c - r - 1]
                out[row, c] = total / (high * (min(c + r + 1, columns) - max(c - r, 0)))
    return out


@njit(parallel=True, cache=True)
def _erode_chords(image, widths, out, strips):
    """Urbach and Wilkinson (2008): minima over powers of two along each row, two of them for each row of the disk."""
    rows, columns = image.shape
    side, reach = len(widths), len(widths) // 2
    levels = int(numpy.log2(side)) + 1
    for strip in prange(strips):
        first, last = strip * STRIP, min((strip + 1) * STRIP, rows)
        table = numpy.full((last - first + 2 * reach, levels, columns + 2 * reach), 65535, image.dtype)
        for i in range(len(table)):
            if 0 <= first - reach + i < rows:
                table[i, 0, reach : reach + columns] = image[first - reach + i]
                for level in range(1, levels):
                    _double(table[i, level - 1], 1 << (level - 1), table[i, level])
        for row in range(first, last):
            out[row] = 65535
            for i in range(side):
                level = int(numpy.log2(widths[i]))
                start = reach - widths[i] // 2
                second = start + widths[i] - (1 << level)
                _lower_by_two(out[row], table[row - first + i, level], start, second)
    return out


@njit(cache=True)
def _double(half, step, whole):
    for c in range(len(half) - step):
        whole[c] = min(half[c], half[c + step])


@njit(cache=True)
def _lower_by_two(target, line, start, second):
    one, two = line[start : start + len(target)], line[second : second + len(target)]
    for c in range(len(target)):
        target[c] = min(target[c], min(one[c], two[c]))


@njit(parallel=True, cache=True)
def _coefficients(image, r, eps, a, b, strips):
    """He, Sun and Tang (2013), equations 5 and 6, self-guided."""
    rows, columns = image.shape
    for strip in prange(strips):
        first, last = strip * rows // strips, (strip + 1) * rows // strips
        sums, squares = numpy.zeros(columns, numpy.int64), numpy.zeros(columns, numpy.int64)
        for row in range(max(first - r, 0), last + r):
            if row < rows:
                for c in range(columns):
                    value = numpy.int64(image[row, c])
                    sums[c] += value
                    squares[c] += value * value
            centre = row - r
            if centre < first:
                continue
            if centre > first and centre - r - 1 >= 0:
                for c in range(columns):
                    value = numpy.int64(image[centre - r - 1, c])
                    sums[c] -= value
                    squares[c] -= value * value
            high = min(centre + r + 1, rows) - max(centre - r, 0)
            total, square = sums[: min(r, columns)].sum(), squares[: min(r, columns)].sum()
            for c in range(columns):
                if c + r < columns:
                    total += sums[c + r]
                    square += squares[c + r]
                if c - r - 1 >= 0:
                    total -= sums[c - r - 1]
                    square -= squares[c - r - 1]
                pixels = high * (min(c + r + 1, columns) - max(c - r, 0))
                variance = (square * pixels - total * total) / (float(pixels) * pixels)
                slope = variance / (variance + eps)
                a[centre, c] = slope
                b[centre, c] = (1 - slope) * total / pixels


@njit(parallel=True, cache=True)
def _apply(image, a, b, r, out, strips):
    """Equation 8: the coefficients' means, in double sums down the columns and along the rows."""
    rows, columns = image.shape
    for strip in prange(strips):
        first, last = strip * rows // strips, (strip + 1) * rows // strips
        slopes, shifts = numpy.zeros(columns), numpy.zeros(columns)
        for row in range(max(first - r, 0), last + r):
            if row < rows:
                slopes += a[row]
                shifts += b[row]
            centre = row - r
            if centre < first:
                continue
            if centre > first and centre - r - 1 >= 0:
                slopes -= a[centre - r - 1]
                shifts -= b[centre - r - 1]
            high = min(centre + r + 1, rows) - max(centre - r, 0)
            slope, shift = slopes[: min(r, columns)].sum(), shifts[: min(r, columns)].sum()
            for c in range(columns):
                if c + r < columns:
                    slope += slopes[c + r]
                    shift += shifts[c + r]
                if c - r - 1 >= 0:
                    slope -= slopes[c - r - 1]
                    shift -= shifts[c - r - 1]
                pixels = high * (min(c + r + 1, columns) - max(c - r, 0))
                out[centre, c] = (slope * image[centre, c] + shift) / pixels
    return out


@njit(parallel=True, cache=True)
def _gather(image, corners, mean, std, out):
    size = out.shape[2]
    for n in prange(len(corners)):
        row, column = corners[n]
        for i in range(size):
            for j in range(size):
                out[n, 0, i, j] = (image[row + i, column + j] - mean) / std
    return out


@njit(parallel=True, cache=True)
def _lookup(image, table, out):
    rows, columns = image.shape
    for row in prange(rows):
        for c in range(columns):
            out[row, c] = table[image[row, c]]
    return out
