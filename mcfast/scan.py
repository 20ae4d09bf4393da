"""`dense`: a patch classifier at every position of an image, exactly, without cutting a single patch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import runtimes
from mcfast.boxes import Box, tiles
from mcfast.errors import ConfigError
from mcfast.nets.dense_form import dense_form
from mcfast.runtimes import Network

__all__ = ["TILE", "DenseNetwork", "dense"]

Field = NDArray[numpy.float32]

TILE = 512
"""Side of a tile in positions: what bounds the memory of a scan."""


def dense(network: bytes | str | os.PathLike[str], *, threads: int | None = None) -> DenseNetwork:
    """The exact dense equivalent of a patch classifier, for networks that have one.

    Parameters
    ----------
    network
        The bytes or path of an ONNX file of (N, C, h, w) -> (N, K): convolutions and pooling without padding,
        fully connected layers, global pooling, and what works on single pixels. See `mcfast.nets.dense_form`.
    threads
        As in `mcfast.runtimes.load`.

    Returns
    -------
    `DenseNetwork`. At every position its output differs from that for the patch by float32 rounding: below 1e-5 for
    probabilities.

    Raises
    ------
    ConfigError
        If the network has no such equivalent (the shipped classifiers, which pad, have none): the layer in the way is
        named.
    DeviceError
        If the package onnx or ONNX Runtime is not installed.
    """
    if not isinstance(network, bytes):
        path = Path(network)
        try:
            network = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of an ONNX file") from error
    rewritten, patch = dense_form(network)
    return DenseNetwork(runtimes.load(rewritten, threads=threads), patch, rewritten)


class DenseNetwork:
    """A patch classifier as a fully convolutional network. Made by `dense`; safe to share between threads.

    Attributes
    ----------
    network
        (N, C, H, W) -> (N, K, ...), of `mcfast.runtimes`.
    patch
        Channels, rows and columns (C, h, w) of the patches.
    onnx
        The rewritten file's bytes.
    """

    def __init__(self, network: Network, patch: tuple[int, int, int], onnx: bytes) -> None:
        self.network, self.patch, self.onnx = network, patch, onnx

    def scan(self, image: Field, *, mask: NDArray[numpy.bool_] | None = None, tile: int = TILE) -> Field:
        """The classifier's outputs for the patches around all pixels, as `mcfast.gather_patches` centres them.

        Parameters
        ----------
        image
            (H, W), or (C, H, W), float32: what the patches are cut from, normalised as the network expects it. A
            normalisation that depends on the patch has no place here.
        mask
            (H, W) bool: only tiles with a pixel set are computed, and pixels that are not set are NaN.
        tile
            Side of a tile, >= 1. Changes results by float32 rounding at most.

        Returns
        -------
        (K, H, W) float32. Pixel (r, c) holds the outputs for the patch whose pixel (h // 2, w // 2) it is: rows
        r - h // 2 on, columns c - w // 2 on. NaN where that patch is not all inside the image.

        Raises
        ------
        TypeError
            If the image is not float32.
        ValueError
            If image or mask has another shape, or `tile` is below 1.
        """
        pixels = self._check(image, mask, tile)
        _, rows, columns = self.patch
        height, width = pixels.shape[1:]
        classes = self.network.output_shape[1]
        assert classes is not None
        result = numpy.full((classes, height, width), numpy.nan, numpy.float32)
        high, wide = height - rows + 1, width - columns + 1
        if high < 1 or wide < 1:
            return result
        # Positions are the upper left corners of patches; their centres lie h // 2, w // 2 further on.
        inside = result[:, rows // 2 : rows // 2 + high, columns // 2 : columns // 2 + wide]
        wanted = None if mask is None else mask[rows // 2 :, columns // 2 :][:high, :wide]
        for piece in tiles(Box(0, 0, high, wide), tile):
            if wanted is not None and not wanted[piece.slices].any():
                continue
            window = pixels[:, piece.row0 : piece.row1 + rows - 1, piece.column0 : piece.column1 + columns - 1]
            outputs = self.network.run(numpy.ascontiguousarray(window)[None])[0]
            inside[(slice(None), *piece.slices)] = outputs[:, : piece.shape[0], : piece.shape[1]]
        if wanted is not None:
            inside[:, ~wanted] = numpy.nan
        return result

    def _check(self, image: Any, mask: Any, tile: int) -> Field:
        if not isinstance(image, numpy.ndarray) or image.dtype != numpy.float32:
            got = image.dtype if isinstance(image, numpy.ndarray) else type(image).__name__
            raise TypeError(
                f"scan(image): expected a float32 array, got {got}; cast it with image.astype(numpy.float32)"
            )
        pixels = image[None] if image.ndim == 2 else image
        if pixels.ndim != 3 or pixels.shape[0] != self.patch[0]:
            raise ValueError(f"scan(image): expected ({self.patch[0]}, rows, columns), got shape {image.shape}")
        if mask is not None and (mask.dtype != numpy.bool_ or mask.shape != pixels.shape[1:]):
            raise ValueError(
                f"scan(mask): expected bool of shape {pixels.shape[1:]}, got {mask.dtype} of shape {mask.shape}"
            )
        if tile < 1:
            raise ValueError(f"scan(tile): expected at least 1, got {tile}")
        return pixels

    def __repr__(self) -> str:
        """Name and patch."""
        channels, rows, columns = self.patch
        return f"DenseNetwork({self.network.name!r}, patches of {channels} x {rows} x {columns})"
