"""The specification: every operation in a few lines of NumPy, slow and obvious.

The other backends are tested against this module. It computes in float64 or exactly, trusts its arguments
(validation is the native boundary's work), and ignores `threads`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mcfast.footprints import Footprint
from mcfast.windows import window_origins

Array = NDArray[Any]


def _finish(result: Array, dtype: Any, out: Array | None) -> Array:
    """Round to `dtype` if it is an integer, and write to `out` if it is given."""
    if numpy.issubdtype(dtype, numpy.integer) and not numpy.issubdtype(result.dtype, numpy.integer):
        limits = numpy.iinfo(dtype)
        result = numpy.clip(numpy.rint(result), limits.min, limits.max)
    result = result.astype(dtype)
    if out is None:
        return result
    out[...] = result
    return out


def _lowest(dtype: Any) -> Any:
    return numpy.iinfo(dtype).min if numpy.issubdtype(dtype, numpy.integer) else -numpy.inf


def _highest(dtype: Any) -> Any:
    return numpy.iinfo(dtype).max if numpy.issubdtype(dtype, numpy.integer) else numpy.inf


# --- morphology ---------------------------------------------------------------------------------------------------


def erode(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """min over the footprint; outside pixels are +inf."""
    rows, columns = footprint.shape
    border = ((rows // 2, rows - 1 - rows // 2), (columns // 2, columns - 1 - columns // 2))
    padded = numpy.pad(image, border, constant_values=_highest(image.dtype))
    windows = sliding_window_view(padded, footprint.shape)
    return _finish(windows[..., footprint.mask].min(axis=-1), image.dtype, out)


def dilate(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """max over the footprint reflected at its centre; outside pixels are -inf."""
    mask = footprint.mask[::-1, ::-1]
    rows, columns = mask.shape
    border = ((rows - 1 - rows // 2, rows // 2), (columns - 1 - columns // 2, columns // 2))
    padded = numpy.pad(image, border, constant_values=_lowest(image.dtype))
    windows = sliding_window_view(padded, mask.shape)
    return _finish(windows[..., mask].max(axis=-1), image.dtype, out)


def min_filter(image: Array, window: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """min over a centred window."""
    return erode(image, window, out=out)


def max_filter(image: Array, window: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """max over a centred window, which is its own mirror image."""
    return dilate(image, window, out=out)


def opening(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """dilate(erode(image))."""
    return _finish(dilate(erode(image, footprint), footprint), image.dtype, out)


def closing(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """erode(dilate(image))."""
    return _finish(erode(dilate(image, footprint), footprint), image.dtype, out)


def white_tophat(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """image - opening(image), which is never negative."""
    return _finish(image - opening(image, footprint), image.dtype, out)


def black_tophat(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """closing(image) - image, which is never negative."""
    return _finish(closing(image, footprint) - image, image.dtype, out)


def dark_channel(image: Array, size: tuple[int, int], *, out: Array | None = None, threads: int | None = None) -> Array:
    """min over channels, then over the window."""
    gray = image if image.ndim == 2 else image.min(axis=2)
    return erode(gray, Footprint(numpy.ones(size, bool)), out=out)


# --- means --------------------------------------------------------------------------------------------------------


def _box(values: Array, radius: int) -> Array:
    """float64 mean over the part of the (2 radius + 1)^2 window that lies inside the image."""
    rows, columns = values.shape
    sums = numpy.zeros((rows + 1, columns + 1))
    shift = values.mean()  # a mean is unmoved by a shift, but its summed-area table then cancels less
    sums[1:, 1:] = (values - shift).cumsum(0).cumsum(1)
    top, bottom = _span(rows, radius)
    left, right = _span(columns, radius)
    total = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    mean: Array = shift + total / ((bottom - top)[:, None] * (right - left)[None, :])
    return mean


def _span(length: int, radius: int) -> tuple[Array, Array]:
    index = numpy.arange(length)
    return numpy.maximum(index - radius, 0), numpy.minimum(index + radius + 1, length)


def box_mean(image: Array, radius: int, *, out: Array | None = None, threads: int | None = None) -> Array:
    """Mean over the window clipped at the border."""
    return _finish(_box(image.astype(numpy.float64), radius), numpy.float32, out)


def gaussian_blur(image: Array, sigma: float, *, out: Array | None = None, threads: int | None = None) -> Array:
    """Separable Gaussian, cut at 4 sigma; its weights inside the image are scaled to sum to 1."""
    radius = max(1, math.ceil(4 * sigma))
    kernel = numpy.exp(-0.5 * (numpy.arange(-radius, radius + 1) / sigma) ** 2)

    def along_rows(values: Array) -> Array:
        blur = numpy.apply_along_axis(lambda row: numpy.convolve(row, kernel)[radius:-radius], 1, values)
        weight = numpy.convolve(numpy.ones(values.shape[1]), kernel)[radius:-radius]
        result: Array = blur / weight
        return result

    return _finish(along_rows(along_rows(image.astype(numpy.float64)).T).T, numpy.float32, out)


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
    """He, Sun and Tang 2013, equations 5, 6 and 8; `subsample` > 1 is He and Sun 2015."""
    p = src.astype(numpy.float64)
    g = p if guide is None else guide.astype(numpy.float64)
    if subsample == 1:
        a, b = _linear_coefficients(p, g, radius, eps)
    else:
        small = (math.ceil(p.shape[0] / subsample), math.ceil(p.shape[1] / subsample))
        a, b = _linear_coefficients(_resize(p, small), _resize(g, small), max(1, round(radius / subsample)), eps)
        a, b = _resize(a, p.shape), _resize(b, p.shape)
    return _finish(a * g + b, numpy.float32, out)


def _linear_coefficients(p: Array, g: Array, radius: int, eps: float) -> tuple[Array, Array]:
    shift = g.mean()  # covariances are unmoved by it and cancel less
    centred, source = g - shift, p - shift
    mean_g, mean_p = _box(centred, radius), _box(source, radius)
    covariance = _box(centred * source, radius) - mean_g * mean_p
    variance = numpy.maximum(_box(centred * centred, radius) - mean_g**2, 0)
    a = numpy.divide(covariance, variance + eps, out=numpy.zeros_like(p), where=variance + eps > 0)
    b = (mean_p + shift) - a * (mean_g + shift)
    return _box(a, radius), _box(b, radius)


def dehaze(
    image: Array,
    *,
    size: tuple[int, int],
    radius: int,
    omega: float,
    eps: float,
    t_min: float,
    max_value: float,
    out: Array | None = None,
    threads: int | None = None,
) -> Array:
    """dark -> transmission -> radiance (He, Sun and Tang 2011; Bria et al. 2018 with airlight 1)."""
    dark = dark_channel(image, size)
    smooth = guided_filter(dark, radius, eps * max_value**2, guide=image).astype(numpy.float64)
    transmission = numpy.maximum(1 - omega * smooth / max_value, t_min)
    radiance = 1 + (image / max_value - 1) / transmission
    return _finish(numpy.clip(radiance, 0, 1) * max_value, image.dtype, out)


# --- geometry -----------------------------------------------------------------------------------------------------


def resample(
    image: Array, scale: tuple[float, float], *, out: Array | None = None, threads: int | None = None
) -> Array:
    """Area average where an axis shrinks, linear interpolation where it grows."""
    rows = _resampling_matrix(image.shape[0], max(1, math.floor(image.shape[0] * scale[0] + 0.5)), scale[0])
    columns = _resampling_matrix(image.shape[1], max(1, math.floor(image.shape[1] * scale[1] + 0.5)), scale[1])
    return _finish(rows @ image.astype(numpy.float64) @ columns.T, image.dtype, out)


def _resize(values: Array, shape: tuple[int, ...]) -> Array:
    rows = _resampling_matrix(values.shape[0], shape[0], shape[0] / values.shape[0])
    columns = _resampling_matrix(values.shape[1], shape[1], shape[1] / values.shape[1])
    result: Array = rows @ values @ columns.T
    return result


def _resampling_matrix(length: int, new_length: int, scale: float) -> Array:
    """(new_length, length) weights; row i belongs to the interval [i, i + 1) / scale of the input axis."""
    i = numpy.arange(new_length)[:, None]
    j = numpy.arange(length)[None, :]
    if scale < 1:
        weights = numpy.minimum((i + 1) / scale, j + 1) - numpy.maximum(i / scale, j)
    else:
        centre = numpy.clip((i + 0.5) / scale - 0.5, 0, length - 1)
        weights = 1 - numpy.abs(centre - j)
    weights = numpy.maximum(weights, 0)
    matrix: Array = weights / weights.sum(axis=1, keepdims=True)
    return matrix


def lookup(
    image: Array, *, table: NDArray[numpy.uint16], out: Array | None = None, threads: int | None = None
) -> Array:
    """table[image]; an index past the table's end takes its last entry."""
    return _finish(table[numpy.minimum(image.astype(numpy.intp), len(table) - 1)], numpy.uint16, out)


# --- patches ------------------------------------------------------------------------------------------------------


def gather_patches(
    image: Array,
    size: int,
    *,
    centres: NDArray[numpy.int32],
    mean: Any = None,
    std: Any = None,
    out: Array | None = None,
    threads: int | None = None,
) -> Array:
    """Patches from row - size // 2 on; outside pixels take the nearest pixel's value; (x - mean) / std."""
    offsets = numpy.arange(size) - size // 2
    rows = numpy.clip(centres[:, 0, None] + offsets, 0, image.shape[0] - 1)
    columns = numpy.clip(centres[:, 1, None] + offsets, 0, image.shape[1] - 1)
    patches = image[rows[:, :, None], columns[:, None, :]].astype(numpy.float64)
    mean = numpy.broadcast_to(0.0 if mean is None else mean, len(centres))
    std = numpy.broadcast_to(1.0 if std is None else std, len(centres))
    normalised = (patches - mean[:, None, None]) / std[:, None, None]
    return _finish(normalised[:, None], numpy.float32, out)


def stitch(
    patches: Array,
    shape: tuple[int, int],
    stride: tuple[int, int],
    *,
    out: Array | None = None,
    threads: int | None = None,
) -> Array:
    """Mean of all patches that cover a pixel, on the covering grid."""
    height, width = patches.shape[2:]
    total = numpy.zeros(shape)
    count = numpy.zeros(shape)
    for i, row in enumerate(window_origins(shape[0], height, stride[0])):
        for j, column in enumerate(window_origins(shape[1], width, stride[1])):
            total[row : row + height, column : column + width] += patches[i, j]
            count[row : row + height, column : column + width] += 1
    return _finish(total / count, patches.dtype, out)


def local_maxima(
    image: Array, radius: int, *, threshold: float, mask: Array | None = None, threads: int | None = None
) -> tuple[NDArray[numpy.int32], NDArray[numpy.float32]]:
    """Pixels above the threshold that no pixel of the window exceeds and no earlier one (raster order) equals."""
    size = 2 * radius + 1
    values = image.astype(numpy.float64)
    padded = numpy.pad(values, radius, constant_values=-numpy.inf)
    windows = sliding_window_view(padded, (size, size)).reshape(*image.shape, size * size)
    earlier = windows[..., : size * size // 2]
    peak = (values > threshold) & (windows.max(axis=-1) == values) & ~(earlier == values[..., None]).any(axis=-1)
    if mask is not None:
        peak &= mask
    positions: NDArray[numpy.int32] = numpy.argwhere(peak).astype(numpy.int32)
    return positions, image[peak].astype(numpy.float32)
