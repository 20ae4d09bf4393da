"""Magnification through any runtime, in tiles on threads of their own.

A tile is run with the pixels around it that its output depends on (the halo, from the network's own layers) and the
output is cropped. Only inner sides of a tile get a halo: at the frame's border the tile ends there too, so that every
layer sees the zero padding that it would see in the whole frame. So the result is the network's output for the whole
frame, whatever the tiles, but needs the memory of a few tiles and runs on any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.boxes import Box, tiles
from mcfast.errors import ConfigError
from mcfast.nets.receptive_field import Reach, layers_from_json, reach
from mcfast.runtimes.network import Network
from mcfast.runtimes.threads import thread_count

__all__ = ["SCALE", "TILE", "magnify", "network_reach"]

Array = NDArray[Any]

SCALE = 2
TILE = 256
"""Side of a tile in input pixels. Small tiles waste work on their halo: (1 + 2 halo / tile)^2 of the frame's."""


def magnify(
    network: Network,
    image: Array,
    white: float,
    boxes: Sequence[Box],
    outs: Sequence[Array],
    *,
    mask: NDArray[numpy.bool_] | None = None,
    tile: int | None = None,
    threads: int | None = None,
) -> None:
    """As `NativeFsrcnn.magnify`, by `network.run` on tiles; `threads` tiles at a time.

    The result does not depend on the tiles but for float rounding (below 1e-5 of white).

    Raises
    ------
    ConfigError
        If the network's metadata do not tell its layers, or it is no 2x magnification of one channel.
    """
    around = network_reach(network)
    work = []
    for box, out in zip(boxes, outs, strict=True):
        for piece in tiles(box, tile or TILE):
            if mask is None or mask[piece.slices].any():
                work.append((piece, out, box))

    def run(job: tuple[Box, Array, Box]) -> None:
        _magnify_box(image, white, network, around, *job, inside=mask)

    workers = min(thread_count(threads), len(work))
    if workers < 2:
        for job in work:
            run(job)
        return
    with ThreadPoolExecutor(workers, "mcfast-magnify") as pool:
        tasks = [pool.submit(run, job) for job in work]
        try:
            for task in tasks:
                task.result()
        finally:
            for task in tasks:
                task.cancel()


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


def _doubled_slices(box: Box, row0: int, column0: int) -> tuple[slice, slice]:
    """Where the magnified box lies in a magnified array whose first pixel is (row0, column0)."""
    rows = slice(SCALE * (box.row0 - row0), SCALE * (box.row1 - row0))
    return rows, slice(SCALE * (box.column0 - column0), SCALE * (box.column1 - column0))
