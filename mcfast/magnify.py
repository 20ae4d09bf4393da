"""Magnification by 2 with FSRCNN: the whole frame, the breast, or regions of interest, in tiles.

A tile is run with the pixels around it that its output depends on (the halo, from the network's own layers) and the
output is cropped. Only inner sides of a tile get a halo: at the frame's border the tile ends there too, so that every
layer sees the zero padding that it would see in the whole frame. So the result is the network's output for the whole
frame, whatever the tiles, but needs the memory of a few tiles and runs on any number of threads.

For looking, not for measuring: magnified pixels are an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import nets, ops, runtimes
from mcfast.backends.arrays import as_host, like_input
from mcfast.boxes import Box, tiles
from mcfast.errors import ConfigError
from mcfast.nets.receptive_field import Reach, layers_from_json, reach
from mcfast.ops.dehaze import white_of
from mcfast.runtimes import Network, thread_count

__all__ = ["SCALE", "TILE", "network_reach", "super_resolve"]

Array = NDArray[Any]

SCALE = 2
TILE = 256
"""Side of a tile in input pixels. Small tiles waste work on their halo: (1 + 2 halo / tile)^2 of the frame's."""

_DTYPES = ("uint8", "uint16", "float32")


def super_resolve(
    image: Any,
    *,
    max_value: float | None = None,
    mask: Any = None,
    regions: Sequence[tuple[int, int, int, int]] | None = None,
    network: Network | None = None,
    tile: int = TILE,
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
        (`mcfast.resample(image, 2)`), and tiles without a pixel set cost nothing more.
    regions
        Boxes (row0, column0, row1, column1) of the image, row1 and column1 exclusive. The result is then a list of
        their magnified crops, each equal to that crop of the magnified whole image. Not together with `mask` or `out`.
    network
        A network with one channel in and out, scale 2, whose metadata tells its layers' windows (as those that
        `mcfast.nets.export` writes); `None` is the one that ships, on one thread for each tile.
    tile
        Side of a tile in input pixels, >= 1. The result does not depend on it but for float rounding (below 1e-5 of
        max_value).
    threads
        Tiles that are worked on at the same time; `None` is `MCFAST_THREADS`, else the processors that this process
        may use. Same result for any number. With a `network` of your own, load it with `threads=1`.
    out
        (2 H, 2 W) of the image's dtype; must not overlap the image.

    Returns
    -------
    (2 H, 2 W) of the image's dtype, or a list of (2 (row1 - row0), 2 (column1 - column0)) arrays. 12 464
    multiplications per input pixel.

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
    if tile < 1:
        raise ValueError(f"super_resolve(tile): expected at least 1, got {tile}")
    workers = thread_count(threads)
    network = network or _shipped()
    magnify = partial(_magnify_box, pixels, white, network, network_reach(network))
    if regions is not None:
        if mask is not None or out is not None:
            raise ValueError("super_resolve(regions): expected neither mask nor out beside it; call it once for each")
        boxes = [_check_region(region, pixels.shape) for region in regions]
        crops = [numpy.empty(_doubled(box.shape), pixels.dtype) for box in boxes]
        work = [
            (magnify, piece, crop, box) for box, crop in zip(boxes, crops, strict=True) for piece in tiles(box, tile)
        ]
        _run_all(work, workers)
        return [like_input(crop, image) for crop in crops]
    result = _check_out(out, pixels)
    inside = None if mask is None else _check_mask(mask, pixels.shape)
    frame = Box(0, 0, *pixels.shape)
    pieces = tiles(frame, tile)
    if inside is not None and not inside.all():
        ops.resample(pixels, float(SCALE), out=result, threads=workers)
        pieces = [piece for piece in pieces if inside[piece.slices].any()]
    _run_all([(partial(magnify, inside=inside), piece, result, frame) for piece in pieces], workers)
    return like_input(result, image) if out is None else out


def network_reach(network: Network) -> Reach:
    """Scale and halo of a network, from the layers in its metadata.

    Raises
    ------
    ConfigError
        If the metadata do not tell the layers, or the network is no 2x magnification of one channel.
    """
    if "layers" not in network.metadata:
        raise ConfigError(
            f"network {network.name!r}: its metadata do not tell the layers' windows; export it with mcfast.nets.export"
        )
    found = reach(layers_from_json(network.metadata["layers"]))
    shape = network.input_shape
    if found.scale != SCALE or len(shape) != 4 or shape[1] not in (1, None) or shape[2:] != (None, None):
        raise ConfigError(
            f"network {network.name!r}: expected (any, 1, any, any) and scale {SCALE}, got {shape} and scale "
            f"{found.scale}; use one like the shipped 'fsrcnn'"
        )
    return found


@lru_cache(maxsize=1)
def _shipped() -> Network:
    return runtimes.load(nets.weights("fsrcnn"), threads=1)


def _magnify_box(
    image: Array,
    white: float,
    network: Network,
    around: Reach,
    piece: Box,
    target: Array,
    origin: Box,
    *,
    inside: NDArray[numpy.bool_] | None = None,
) -> None:
    """Magnify the pixels of `piece` and write them to `target`, whose first pixel is that of `origin`."""
    row0, column0 = max(0, piece.row0 - around.before), max(0, piece.column0 - around.before)
    window = image[row0 : piece.row1 + around.after, column0 : piece.column1 + around.after]
    batch = numpy.multiply(window, numpy.float32(1 / white), dtype=numpy.float32)[None, None]
    large = network.run(batch)[0, 0]
    values = large[_doubled_slices(piece, row0, column0)] * numpy.float32(white)
    numpy.clip(values, 0, numpy.float32(white), out=values)
    if image.dtype.kind == "u":
        numpy.rint(values, out=values)
    place = target[_doubled_slices(piece, origin.row0, origin.column0)]
    if inside is None or inside[piece.slices].all():
        place[...] = values
    else:
        where = inside[piece.slices].repeat(SCALE, axis=0).repeat(SCALE, axis=1)
        numpy.copyto(place, values, casting="unsafe", where=where)


def _run_all(work: Sequence[tuple[Callable[..., None], Box, Array, Box]], workers: int) -> None:
    if workers == 1 or len(work) < 2:
        for function, *arguments in work:
            function(*arguments)
        return
    with ThreadPoolExecutor(min(workers, len(work)), "mcfast-magnify") as pool:
        tasks = [pool.submit(function, *arguments) for function, *arguments in work]
        try:
            for task in tasks:
                task.result()
        finally:
            for task in tasks:
                task.cancel()


def _doubled(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(SCALE * side for side in shape)


def _doubled_slices(box: Box, row0: int, column0: int) -> tuple[slice, slice]:
    """Where the magnified box lies in a magnified array whose first pixel is (row0, column0)."""
    rows = slice(SCALE * (box.row0 - row0), SCALE * (box.row1 - row0))
    return rows, slice(SCALE * (box.column0 - column0), SCALE * (box.column1 - column0))


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
    return inside


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
