"""Pixel data -> stored pixels: one table from transfer syntax to decoder. imagecodecs decodes everything compressed.

imagecodecs is imported at the first compressed frame. Which of its functions decodes a syntax is the fastest one that
is exact: libjpeg-turbo (`jpeg8`) reads every JPEG, lossless of 2 to 16 bits included, in about two thirds of the time
of the other lossless JPEG decoders. OpenJPEG reads HTJ2K too. OpenJPH would take a third of its time, but it does not
come back from some damaged codestreams, and a reader must.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.dicom import codestream
from mcfast.dicom.frames import PixelData, encapsulated_frame, native_frame
from mcfast.dicom.header import Header
from mcfast.dicom.layout import Layout
from mcfast.dicom.strict import reason_of
from mcfast.dicom.uids import BIG_ENDIAN, NATIVE, uid_name
from mcfast.errors import PixelDataError, UnsupportedSyntaxError

__all__ = ["COMPRESSED", "LOSSY", "RLE", "Stored", "decode", "require_supported"]

RLE = "1.2.840.10008.1.2.5"
LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")  # the syntaxes that cannot be lossless


@dataclass(frozen=True, slots=True)
class Stored:
    """(H, W) uint16 with the unused high bits cleared, and how many bits are used."""

    pixels: NDArray[numpy.uint16]
    bits: int


@dataclass(frozen=True, slots=True)
class _Codec:
    name: str
    describe: Callable[[bytes], codestream.Codestream | None]
    decode: Callable[[bytes], NDArray[Any]]


def _jpeg(data: bytes) -> NDArray[Any]:
    import imagecodecs

    return imagecodecs.jpeg8_decode(data)


def _jpeg_ls(data: bytes) -> NDArray[Any]:
    import imagecodecs

    return imagecodecs.jpegls_decode(data)


def _jpeg_2000(data: bytes) -> NDArray[Any]:
    import imagecodecs

    return imagecodecs.jpeg2k_decode(data, numthreads=processors())


_JPEG = _Codec("JPEG", codestream.jpeg, _jpeg)
_JPEG_LS = _Codec("JPEG-LS", codestream.jpeg, _jpeg_ls)
_JPEG_2000 = _Codec("JPEG 2000", codestream.jpeg2000, _jpeg_2000)
_HTJ2K = _Codec("High-Throughput JPEG 2000", codestream.jpeg2000, _jpeg_2000)

COMPRESSED: dict[str, _Codec] = {
    "1.2.840.10008.1.2.4.50": _JPEG,  # baseline, 8 bit
    "1.2.840.10008.1.2.4.51": _JPEG,  # extended, 8 and 12 bit
    "1.2.840.10008.1.2.4.57": _JPEG,  # lossless, any predictor
    "1.2.840.10008.1.2.4.70": _JPEG,  # lossless, first predictor
    "1.2.840.10008.1.2.4.80": _JPEG_LS,
    "1.2.840.10008.1.2.4.81": _JPEG_LS,  # near-lossless
    "1.2.840.10008.1.2.4.90": _JPEG_2000,
    "1.2.840.10008.1.2.4.91": _JPEG_2000,
    "1.2.840.10008.1.2.4.201": _HTJ2K,
    "1.2.840.10008.1.2.4.202": _HTJ2K,  # lossless, RPCL
    "1.2.840.10008.1.2.4.203": _HTJ2K,
}


def require_supported(header: Header) -> str:
    """The transfer syntax. Raises `UnsupportedSyntaxError` if it is not in the table."""
    syntax = header.text("TransferSyntaxUID") or ""
    if syntax in NATIVE or syntax in COMPRESSED or syntax == RLE:
        return syntax
    name = uid_name(syntax)
    named = f"{syntax} ({name})" if name != syntax else syntax
    raise UnsupportedSyntaxError(
        f"{header.name}: transfer syntax {named} is not decoded; transcode the file, for example to JPEG Lossless"
    )


def processors() -> int:
    """Threads for a decoder that can use several: MCFAST_THREADS, else the processors of this process, 8 at most."""
    stated = os.environ.get("MCFAST_THREADS", "")
    if stated.isdigit() and int(stated) > 0:
        return int(stated)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 8)


def decode(header: Header, data: PixelData, layout: Layout, frame: int) -> Stored:
    """The stored pixels of one frame.

    Raises
    ------
    UnsupportedSyntaxError
        If the transfer syntax is not in the table.
    PixelDataError
        If there are fewer pixels than declared, or the decoder refuses them.
    """
    syntax = require_supported(header)
    if data.encapsulated == (syntax in NATIVE):
        state, verb = ("", "forbids") if data.encapsulated else ("not ", "demands")
        raise PixelDataError(
            f"{header.name}: the pixel data are {state}encapsulated, as transfer syntax {syntax} {verb}; "
            "write the file again"
        )
    if syntax in NATIVE:
        return _trimmed(_native(data, layout, frame, little=syntax != BIG_ENDIAN), layout)
    compressed = encapsulated_frame(data, layout.frames, frame, header)
    if syntax == RLE:
        return _trimmed(_run_length(header, compressed, layout), layout)
    return _decompress(header, compressed, layout, COMPRESSED[syntax])


def _native(data: PixelData, layout: Layout, frame: int, little: bool) -> NDArray[numpy.uint16]:
    kind = "u1" if layout.allocated == 8 else "<u2" if little else ">u2"
    count = layout.pixels
    samples = native_frame(data, count, kind, frame)
    if kind == "u1" and not little and data.words:
        if count % 2 or frame:
            raise PixelDataError(
                f"{data.stream.name}: 8-bit big endian pixels are read from even single frames only; transcode the file"
            )
        samples = samples.view("u2").byteswap().view("u1")
    return samples.astype(numpy.uint16, copy=False).reshape(layout.rows, layout.columns)


def _run_length(header: Header, compressed: bytes, layout: Layout) -> NDArray[numpy.uint16]:
    """DICOM RLE: one PackBits segment per byte of the samples (PS3.5 annex G)."""
    import imagecodecs

    expected = layout.pixels * layout.allocated // 8
    if len(compressed) * 128 < expected:  # two bytes stand for 128 at most
        raise PixelDataError(
            f"{header.name}: {len(compressed)} RLE bytes cannot hold {layout.rows} x {layout.columns} pixels; "
            "fetch the file again"
        )
    out = numpy.empty((layout.rows, layout.columns), numpy.uint8 if layout.allocated == 8 else "<u2")
    try:
        written = imagecodecs.dicomrle_decode(compressed, out.dtype, out=out.view(numpy.uint8).data.cast("B"))
    except Exception as error:
        raise _refused(header, "RLE", error) from None
    if len(written) != expected:
        raise PixelDataError(
            f"{header.name}: the RLE data hold {len(written)} of {expected} declared bytes; fetch the file again"
        )
    return out.astype(numpy.uint16, copy=False)


def _decompress(header: Header, compressed: bytes, layout: Layout, codec: _Codec) -> Stored:
    stated = codec.describe(compressed)
    if stated is None:
        raise PixelDataError(f"{header.name}: the pixel data are no {codec.name} codestream; fetch the file again")
    if (stated.rows, stated.columns, stated.components) != (layout.rows, layout.columns, 1):
        raise PixelDataError(
            f"{header.name}: the header declares {layout.rows} x {layout.columns} pixels, the {codec.name} codestream "
            f"{stated.rows} x {stated.columns} with {stated.components} component(s); correct the file"
        )
    if not compressed.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise PixelDataError(
            f"{header.name}: the {codec.name} codestream is cut off before its end marker; fetch the file again"
        )
    try:
        decoded = numpy.asarray(codec.decode(compressed))
    except ImportError:  # says nothing about the file
        raise
    except Exception as error:
        raise _refused(header, codec.name, error) from None
    if decoded.shape != (layout.rows, layout.columns) or decoded.dtype.itemsize > 2:
        raise PixelDataError(
            f"{header.name}: the {codec.name} codestream holds {decoded.dtype} of shape {decoded.shape}, "
            f"not {layout.rows} x {layout.columns} of 16 bits; correct the file"
        )
    if decoded.dtype.itemsize == 1:
        decoded = decoded.astype(numpy.int16 if decoded.dtype.kind == "i" else numpy.uint16)
    # The low `precision` bits are the sample; the header's PixelRepresentation, not the codestream's sign, tells
    # whether they are two's complement. Some writers declare more bits stored than they compressed.
    bits = min(layout.stored, stated.precision)
    return Stored(_masked(decoded.view(numpy.uint16), bits), bits)


def _trimmed(samples: NDArray[numpy.uint16], layout: Layout) -> Stored:
    """Move the stored bits down to bit 0 and clear what lay above them (overlays may)."""
    shift = layout.high_bit + 1 - layout.stored
    if shift:
        samples >>= numpy.uint16(shift)
    return Stored(_masked(samples, layout.stored), layout.stored)


def _masked(pixels: NDArray[numpy.uint16], bits: int) -> NDArray[numpy.uint16]:
    mask = (1 << bits) - 1
    if bits < 16 and int(pixels.max()) > mask:
        pixels &= numpy.uint16(mask)
    return numpy.ascontiguousarray(pixels)


def _refused(header: Header, codec: str, error: Exception) -> PixelDataError:
    return PixelDataError(
        f"{header.name}: the {codec} pixel data cannot be decoded ({reason_of(error)}); fetch the file again"
    )
