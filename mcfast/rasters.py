"""Mammograms without a header: NumPy arrays, and PNG and TIFF pictures.

The pixels are presentation values already (bright = dense), so the table is the identity; only the number of bits and
the spacing are to be told. Resolution tags of pictures are not trusted: they speak of paper.
"""

from __future__ import annotations

import math
import time
import zlib
from struct import Struct
from struct import error as StructError
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from mcfast.dicom.geometry import checked_spacing
from mcfast.dicom.layout import MAX_PIXELS
from mcfast.dicom.strict import reason_of
from mcfast.errors import InputError, PixelDataError, SpacingError, UnreadableError
from mcfast.mammogram import Mammogram, Source

__all__ = ["PNG", "TIFF", "read_array", "read_picture"]

PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_BITS = (8, 10, 12, 14, 16)
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB = 0, 1, 2


def read_array(
    array: Any,
    name: str,
    *,
    spacing_mm: float | tuple[float, float] | None,
    bits: int | None = None,
    value_range: tuple[float, float] | None = None,
    format: Literal["array", "png", "tiff"] = "array",
    started: float | None = None,
) -> Mammogram:
    """The mammogram in a 2-D array; see `mcfast.read`. A C-contiguous uint16 array is not copied."""
    started = time.perf_counter() if started is None else started
    if array.ndim != 2 or array.size == 0:
        raise PixelDataError(f"{name}: expected a two-dimensional image, got shape {array.shape}; give one gray plane")
    if spacing_mm is None:
        raise SpacingError(f"{name}: the pixel spacing is unknown; state it with spacing_mm= (--spacing-mm)")
    spacing = checked_spacing(spacing_mm, name)
    if array.dtype.kind == "f" and array.dtype.itemsize in (4, 8):
        pixels, bits = _quantised(array, value_range or (0.0, 1.0), name), 16
    elif array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        pixels = numpy.ascontiguousarray(array, numpy.uint16)
        bits = _enough_bits(int(pixels.max()), bits, name)
    else:
        raise PixelDataError(
            f"{name}: expected uint8, uint16, float32 or float64, got {array.dtype}; "
            "cast it with array.astype(numpy.uint16)"
        )
    if pixels.min() == pixels.max():
        raise PixelDataError(f"{name}: every pixel has the value {pixels.flat[0]}; give an image with content")
    return Mammogram(
        pixels=pixels,
        table=numpy.arange(1 << bits, dtype=numpy.uint16),
        bits=bits,
        spacing_mm=spacing,
        spacing_source="given",
        laterality=None,
        view=None,
        valid=None,
        flags=(),
        source=Source(name=name, format=format),
        seconds={"parse": 0.0, "decode": time.perf_counter() - started},
    )


def read_picture(
    data: bytes, name: str, *, spacing_mm: float | tuple[float, float] | None, bits: int | None, frame: int | None
) -> Mammogram:
    """The mammogram in a PNG or TIFF picture of 8 or 16 bits; see `mcfast.read`."""
    started = time.perf_counter()
    is_png = data.startswith(PNG)
    return read_array(
        _gray(_png(data, name) if is_png else _tiff(data, name, frame), name),
        name,
        spacing_mm=spacing_mm,
        bits=bits,
        format="png" if is_png else "tiff",
        started=started,
    )


def _quantised(array: NDArray[Any], value_range: tuple[float, float], name: str) -> NDArray[numpy.uint16]:
    """`array` over value_range -> 0 .. 65535, rounded."""
    low, high = (float(end) for end in value_range)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise PixelDataError(f"{name}: value_range={value_range!r} is no range; give (lowest, highest)")
    lowest, highest = float(array.min()), float(array.max())
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        bad = array.size - int(numpy.isfinite(array).sum())
        raise PixelDataError(f"{name}: {bad} of {array.size} pixels are NaN or infinite; replace them")
    if lowest < low or highest > high:
        raise PixelDataError(
            f"{name}: values {lowest:g} .. {highest:g} leave the value_range {low:g} .. {high:g}; "
            "state the range with value_range="
        )
    # Not `(array - low) * scale` in float32: 24 bits are enough for the result, but not for every `low`.
    scaled = (array.astype(numpy.float64) - low) * (65535.0 / (high - low)) + 0.5
    return numpy.ascontiguousarray(scaled.astype(numpy.uint16))


def _enough_bits(highest: int, bits: int | None, name: str) -> int:
    if bits is None:
        return next(number for number in _BITS if highest < 1 << number)
    if highest >= 1 << bits:
        raise PixelDataError(f"{name}: the value {highest} needs more than bits={bits}; state the bits of the image")
    return bits


def _gray(array: NDArray[Any], name: str) -> NDArray[Any]:
    """One gray plane of a picture with 1 to 4 channels (gray, gray and alpha, RGB, RGBA)."""
    if array.ndim != 3:
        return array
    colours = array[..., : 3 if array.shape[2] >= 3 else 1]
    if any(not numpy.array_equal(colours[..., 0], colours[..., index]) for index in range(1, colours.shape[2])):
        raise PixelDataError(f"{name}: the picture is in colour; convert it to gray")
    return colours[..., 0]


def _png(data: bytes, name: str) -> NDArray[Any]:
    import imagecodecs

    bare = _pixel_chunks(data)
    if bare is None:
        raise UnreadableError(f"{name}: the PNG file is truncated or damaged; fetch the file again")
    _require_size(int.from_bytes(bare[20:24]), int.from_bytes(bare[16:20]), name)
    try:
        return numpy.asarray(imagecodecs.png_decode(bare))
    except Exception as error:
        raise _damaged("PNG", error, name) from None


def _pixel_chunks(data: bytes) -> bytes | None:
    """A PNG file without the chunks that do not hold pixels (libpng prints warnings about them).

    `None` if the file is cut, a checksum is wrong, or a chunk that is needed is missing or unknown.
    """
    chunks, kinds, position = [PNG], set[bytes](), len(PNG)
    while b"IEND" not in kinds:
        length = int.from_bytes(data[position : position + 4])
        kind = data[position + 4 : position + 8]
        end = position + 12 + length
        first = not kinds
        if end > len(data) or first != (kind == b"IHDR") or (first and length != 13):
            return None
        if kind in _PNG_PIXELS:
            if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
                return None
            chunks.append(data[position:end])
        elif not kind[0] & 0x20:  # a capital first letter: not to be skipped by who does not know it
            return None
        kinds.add(kind)
        position = end
    return b"".join(chunks) if b"IDAT" in kinds else None


def _tiff(data: bytes, name: str, frame: int | None) -> NDArray[Any]:
    import imagecodecs

    try:
        tags, more = _directory(data, frame or 0)
    except (StructError, OverflowError):
        raise UnreadableError(f"{name}: the TIFF file is truncated or damaged; fetch the file again") from None
    if tags is None:
        raise InputError(f"{name}: the TIFF file has no image frame={frame}; count from 0")
    if more and frame is None:
        raise PixelDataError(f"{name}: the TIFF file holds several images; choose one with frame=")
    _require_size(tags.get(257, 0), tags.get(256, 0), name)
    photometric = tags.get(262, _MIN_IS_BLACK)
    if photometric not in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB):
        raise PixelDataError(f"{name}: TIFF photometric interpretation {photometric} is not gray; convert it to gray")
    try:
        array: NDArray[Any] = numpy.asarray(imagecodecs.tiff_decode(data, index=frame or 0))
    except Exception as error:
        raise _damaged("TIFF", error, name) from None
    return ~array if photometric == _MIN_IS_WHITE and array.dtype.kind == "u" else array


def _directory(data: bytes, index: int) -> tuple[dict[int, int] | None, bool]:
    """Integer tags of one image of a TIFF or BigTIFF file (`None`: no such image), and whether another follows it.

    Reference: TIFF 6.0 section 2. Raises `struct.error` where the file ends too early.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in data[2:4]
    offset_of, count_of = Struct(order + ("Q" if big else "L")), Struct(order + ("Q" if big else "H"))
    entry = Struct(order + ("HHQ" if big else "HHL"))
    numbers = {1: Struct("B"), 3: Struct(order + "H"), 4: Struct(order + "L"), 16: Struct(order + "Q")}
    step = entry.size + offset_of.size
    (start,) = offset_of.unpack_from(data, 8 if big else 4)
    visited: set[int] = set()
    while True:
        (count,) = count_of.unpack_from(data, start)
        first = start + count_of.size
        (following,) = offset_of.unpack_from(data, first + count * step)
        if len(visited) == index:
            break
        visited.add(start)
        if index < 0 or following == 0 or following in visited:
            return None, False
        start = following
    tags: dict[int, int] = {}
    for position in range(first, first + count * step, step):
        tag, kind, length = entry.unpack_from(data, position)
        if kind in numbers and length == 1:
            (tags[tag],) = numbers[kind].unpack_from(data, position + entry.size)
    return tags, following != 0


def _require_size(rows: int, columns: int, name: str) -> None:
    if not 0 < rows * columns <= MAX_PIXELS:
        raise PixelDataError(
            f"{name}: {rows} x {columns} pixels are declared, expected 1 .. {MAX_PIXELS}; give a mammogram"
        )


def _damaged(kind: str, error: Exception, name: str) -> UnreadableError:
    return UnreadableError(f"{name}: the {kind} file cannot be decoded ({reason_of(error)}); fetch the file again")
