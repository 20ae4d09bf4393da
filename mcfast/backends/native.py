"""The native backend: `_core`, compiled C++. It validates every argument; this module only spells the calls."""

from __future__ import annotations

import math
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import _core
from mcfast.footprints import Footprint

Array = NDArray[Any]
Chords = list[tuple[int, int, int]]


def erode(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.erode`."""
    return _core.erode(image, *_element(footprint), out, threads)


def min_filter(image: Array, window: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.min_filter`."""
    return _core.min_filter(image, *_element(window), out, threads)


def max_filter(image: Array, window: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.max_filter`."""
    return _core.max_filter(image, *_element(window), out, threads)


def dilate(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.dilate`."""
    return _core.dilate(image, *_element(footprint), out, threads)


def opening(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.opening`."""
    return _core.opening(image, *_element(footprint), out, threads)


def closing(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.closing`."""
    return _core.closing(image, *_element(footprint), out, threads)


def white_tophat(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.white_tophat`."""
    return _core.white_tophat(image, *_element(footprint), out, threads)


def black_tophat(image: Array, footprint: Footprint, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.black_tophat`."""
    return _core.black_tophat(image, *_element(footprint), out, threads)


def dark_channel(image: Array, size: tuple[int, int], *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.dark_channel`."""
    return _core.dark_channel(image, size[0], size[1], out, threads)


def box_mean(image: Array, radius: int, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.box_mean`."""
    return _core.box_mean(image, radius, out, threads)


def gaussian_blur(image: Array, sigma: float, *, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.gaussian_blur`."""
    return _core.gaussian_blur(image, sigma, out, threads)


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
    """See `mcfast.guided_filter`."""
    by = src if guide is None else guide
    if subsample == 1:
        return _core.guided_filter(src, by, radius, eps, out, None, threads)
    if not 1 <= subsample <= 64:
        raise ValueError(f"guided_filter(subsample): expected 1 to 64, got {subsample}")
    return _fast_guided_filter(src, by, radius, eps, subsample, out, threads)


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
    """See `mcfast.dehaze`."""
    return _core.dehaze(image, size, radius, omega, eps, t_min, max_value, out, threads)


def resample(
    image: Array, scale: tuple[float, float], *, out: Array | None = None, threads: int | None = None
) -> Array:
    """See `mcfast.resample`."""
    return _core.resample(image, scale[0], scale[1], out, threads)


def lookup(image: Array, *, table: Array, out: Array | None = None, threads: int | None = None) -> Array:
    """See `mcfast.lookup`."""
    return _core.lookup(image, table, out, threads)


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
    return _core.gather_patches(image, centres, size, _values(mean), _values(std), out, threads)


def stitch(
    patches: Array,
    shape: tuple[int, int],
    stride: tuple[int, int],
    *,
    out: Array | None = None,
    threads: int | None = None,
) -> Array:
    """See `mcfast.stitch`."""
    return _core.stitch(patches, shape, stride, out, threads)


def local_maxima(
    image: Array, radius: int, *, threshold: float, mask: Array | None = None, threads: int | None = None
) -> tuple[NDArray[numpy.int32], NDArray[numpy.float32]]:
    """See `mcfast.local_maxima`."""
    return _core.local_maxima(image, radius, threshold, mask, threads)


def _element(footprint: Footprint) -> tuple[int, int, Chords]:
    rows, columns = footprint.shape
    return rows, columns, footprint.chord_list


def _values(value: Any) -> Array | None:
    """A number becomes an array of one; arrays keep their dtype, which the core checks."""
    if value is None or isinstance(value, numpy.ndarray):
        return value
    return numpy.array([value], numpy.float32)


def _fast_guided_filter(
    src: Array, guide: Array, radius: int, eps: float, subsample: int, out: Array | None, threads: int | None
) -> Array:
    """He and Sun 2015: the coefficients are smooth, so they are computed on a smaller image and interpolated."""
    if eps == 0:  # on flat areas rounding alone would then decide between a slope of 0 and of 1
        raise ValueError("guided_filter(eps): expected above 0 together with subsample > 1, got 0")
    result = numpy.empty(src.shape, numpy.float32) if out is None else out
    _core.check_guided_filter(src, guide, radius, eps, result)
    rows, columns = src.shape
    small = math.ceil(rows / subsample), math.ceil(columns / subsample)
    down = small[0] / rows, small[1] / columns
    up = rows / small[0], columns / small[1]
    small_guide = _core.resample(guide.astype(numpy.float32, order="C"), *down, None, threads)
    small_src = (
        small_guide if guide is src else _core.resample(src.astype(numpy.float32, order="C"), *down, None, threads)
    )
    a, b = numpy.empty(small_src.shape, numpy.float32), numpy.empty(small_src.shape, numpy.float32)
    _core.guided_filter(small_src, small_guide, max(1, round(radius / subsample)), eps, a, b, threads)
    numpy.multiply(_core.resample(a, *up, None, threads), guide, out=result)
    result += _core.resample(b, *up, None, threads)
    return result
