"""Stored pixels -> one lossless compressed frame; the counterpart of `decode`.

JPEG Lossless and JPEG 2000 state the true precision in their codestream. CharLS and OpenJPH write the precision of
the container (16 bit for uint16), which readers mask by BitsStored.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

import numpy
from numpy.typing import NDArray

__all__ = ["ENCODERS"]

Pixels = NDArray[numpy.uint8] | NDArray[numpy.uint16]


def _jpeg_lossless(pixels: Pixels, bits: int) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=bits))


def _jpeg_ls(pixels: Pixels, bits: int) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpegls_encode(pixels))


def _jpeg_2000(pixels: Pixels, bits: int) -> bytes:
    import imagecodecs

    return bytes(
        imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="J2K", bitspersample=bits, reversible=True, mct=False)
    )


def _htj2k(pixels: Pixels, bits: int) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.htj2k_encode(pixels, reversible=True))


def _run_length(pixels: Pixels, bits: int) -> bytes:
    """One PackBits segment per byte, the high bytes first, rows packed one by one (DICOM PS3.5 annex G)."""
    import imagecodecs

    size = pixels.dtype.itemsize
    planes = numpy.ascontiguousarray(pixels, f"<u{size}").view(numpy.uint8).reshape(*pixels.shape, size)
    segments = [
        bytes(imagecodecs.packbits_encode(numpy.ascontiguousarray(planes[..., byte]), axis=-1))
        for byte in reversed(range(size))
    ]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = [64 + sum(map(len, segments[:index])) for index in range(size)]
    return pack("<16L", size, *offsets, *[0] * (15 - size)) + b"".join(segments)


ENCODERS: dict[str, Callable[[Pixels, int], bytes]] = {
    "1.2.840.10008.1.2.5": _run_length,
    "1.2.840.10008.1.2.4.57": _jpeg_lossless,
    "1.2.840.10008.1.2.4.70": _jpeg_lossless,
    "1.2.840.10008.1.2.4.80": _jpeg_ls,
    "1.2.840.10008.1.2.4.90": _jpeg_2000,
    "1.2.840.10008.1.2.4.201": _htj2k,
}
