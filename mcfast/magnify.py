"""Magnification by 2 with FSRCNN: the whole frame, the breast, or regions of interest.

For looking, not for measuring: magnified pixels are an estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import nets, ops, runtimes
from mcfast.backends.arrays import as_host, like_input
from mcfast.boxes import Box
from mcfast.ops.dehaze import white_of
from mcfast.runtimes import Network, thread_count, tiled
from mcfast.runtimes.native import NativeFsrcnn

__all__ = ["SCALE", "super_resolve"]

Array = NDArray[Any]

SCALE = 2

_DTYPES = ("uint8", "uint16", "float32")


def super_resolve(
    image: Any,
    *,
    max_value: float | None = None,
    mask: Any = None,
    regions: Sequence[tuple[int, int, int, int]] | None = None,
    network: Network | None = None,
    tile: int | None = None,
    threads: int | None = None,
    out: Any = None,
) -> Any:
    """Twice the size by FSRCNN (Dong, Loy and Tang 2016), trained as the inverse of 2x2 binning (Honjo et al.).

    Output pixels (2 r, 2 c) .. (2 r + 1, 2 c + 1) lie in input pixel (r, c). The network sees image / max_value; its
    output is clipped to 0 .. max_value, and for integers rounded to nearest even.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, H W >= 1, values 0 .. max_value. NumPy array or torch tensor in host memory.
    max_value
        Intensity of white; `None` is 255, 65535, or 1 by dtype. 12-bit images need 4095.
    mask
        (H, W) bool: magnify with the network only where it is set. Other pixels are interpolated linearly
        (`mcfast.resample(image, 2)`). The time is nearly in proportion to the pixels set.
    regions
        Boxes (row0, column0, row1, column1) of the image, row1 and column1 exclusive. The result is then a list of
        their magnified crops, each equal to that crop of the magnified whole image. Not together with `out`.
    network
        From `mcfast.runtimes.load`; `None` is the one that ships, in the native runtime. Any other runtime's network
        must have one channel in and out, scale 2, and metadata that tell its layers' windows (as those that
        `mcfast.nets.export` writes); load it with `threads=1`, because tiles are run side by side.
    tile
        Longest side of a tile in input pixels, >= 1; `None` is the runtime's own choice. The native runtime's result
        does not depend on it; others' only by float rounding (below 1e-5 of max_value).
    threads
        `None` is `MCFAST_THREADS`, else the processors that this process may use. Same result for any number.
    out
        (2 H, 2 W) of the image's dtype; must not overlap the image.

    Returns
    -------
    (2 H, 2 W) of the image's dtype, or a list of (2 (row1 - row0), 2 (column1 - column0)) arrays. 12 464
    multiplications per input pixel for the shipped FSRCNN(56, 12, 4), of which the native runtime does 6 512 (minimal
    filtering along rows); 2 MB of memory per thread besides.

    Raises
    ------
    TypeError
        For another dtype or kind of array.
    ValueError
        For an image that is empty, not 2-D, not finite or out of 0 .. max_value; a mask, region or `out` that does not
        fit; arguments that exclude each other; a tile below 1.
    ConfigError
        If the network is no such network.
    DeviceError
        If no runtime for the network is installed.
    """
    pixels = as_host(image, "super_resolve", "image")
    white = _check_image(pixels, max_value)
    if tile is not None and tile < 1:
        raise ValueError(f"super_resolve(tile): expected None or at least 1, got {tile}")
    workers = thread_count(threads)
    network = _shipped() if network is None else network
    inside = None if mask is None else _check_mask(mask, pixels.shape)
    if regions is None:
        boxes, results = [Box(0, 0, *pixels.shape)], [_check_out(out, pixels)]
    elif out is None:
        boxes = [_check_region(region, pixels.shape) for region in regions]
        results = [numpy.empty(_doubled(box.shape), pixels.dtype) for box in boxes]
    else:
        raise ValueError("super_resolve(regions): expected no out beside it; the crops are returned")
    if isinstance(network, NativeFsrcnn):
        network.magnify(pixels, white, boxes, results, mask=inside, tile=tile, threads=workers)
    else:
        if inside is not None and not inside.all():
            for box, result in zip(boxes, results, strict=True):
                _interpolate(pixels, box, result, workers)
        tiled.magnify(network, pixels, white, boxes, results, mask=inside, tile=tile, threads=workers)
    if regions is not None:
        return [like_input(result, image) for result in results]
    return like_input(results[0], image) if out is None else out


@lru_cache(maxsize=1)
def _shipped() -> Network:
    return runtimes.load(nets.weights("fsrcnn"), runtime="native")


def _interpolate(image: Array, box: Box, out: Array, threads: int) -> None:
    """Linear interpolation of a box, with the neighbours that the whole image has."""
    row0, column0 = max(0, box.row0 - 1), max(0, box.column0 - 1)
    window = image[row0 : box.row1 + 1, column0 : box.column1 + 1]
    if window.shape == box.shape:
        ops.resample(window, float(SCALE), out=out, threads=threads)
        return
    large = ops.resample(window, float(SCALE), threads=threads)
    row, column = SCALE * (box.row0 - row0), SCALE * (box.column0 - column0)
    out[...] = large[row : row + out.shape[0], column : column + out.shape[1]]


def _doubled(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(SCALE * side for side in shape)


def _check_image(pixels: Array, max_value: float | None) -> float:
    if pixels.dtype.name not in _DTYPES:
        raise TypeError(
            f"super_resolve(image): expected uint8, uint16 or float32, got {pixels.dtype}; "
            "cast it with image.astype(numpy.uint16)"
        )
    if pixels.ndim != 2 or pixels.size == 0:
        raise ValueError(f"super_resolve(image): expected (rows, columns), not empty, got shape {pixels.shape}")
    limit = white_of(pixels) if pixels.dtype.kind == "u" else float(numpy.finfo(numpy.float32).max)
    white = white_of(pixels) if max_value is None else float(max_value)
    if not 0 < white <= limit:
        raise ValueError(f"super_resolve(max_value): expected more than 0 and at most {limit:g}, got {white:g}")
    low, high = pixels.min(), pixels.max()  # a NaN comes out of both
    if not (low >= 0 and high <= white):
        raise ValueError(
            f"super_resolve(image): expected finite values 0 .. {white:g}, got {low} .. {high}; give the image's white "
            "as max_value"
        )
    return white


def _check_region(region: tuple[int, int, int, int], shape: tuple[int, ...]) -> Box:
    box = Box(*(int(side) for side in region))
    if not (0 <= box.row0 < box.row1 <= shape[0] and 0 <= box.column0 < box.column1 <= shape[1]):
        raise ValueError(
            f"super_resolve(regions): expected (row0, column0, row1, column1) inside the image's {shape}, "
            f"got {tuple(box)}"
        )
    return box


def _check_mask(mask: Any, shape: tuple[int, ...]) -> NDArray[numpy.bool_]:
    inside = as_host(mask, "super_resolve", "mask")
    if inside.dtype != numpy.bool_ or inside.shape != shape:
        raise ValueError(
            f"super_resolve(mask): expected bool of shape {shape}, got {inside.dtype} of shape {inside.shape}"
        )
    return numpy.ascontiguousarray(inside)  # masks come from morphology and resampling, in whatever order of axes


def _check_out(out: Any, pixels: Array) -> Array:
    expected = _doubled(pixels.shape)
    if out is None:
        return numpy.empty(expected, pixels.dtype)
    target = as_host(out, "super_resolve", "out")
    if target.shape != expected or target.dtype != pixels.dtype or not target.flags.writeable:
        raise ValueError(
            f"super_resolve(out): expected a writable {pixels.dtype} array of shape {expected}, got {target.dtype} of "
            f"shape {target.shape}"
        )
    if numpy.may_share_memory(target, pixels):
        raise ValueError("super_resolve(out): expected an array that does not overlap the image; give another")
    return target
