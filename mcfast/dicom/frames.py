"""Where the bytes of the pixels are, and the bytes of one frame (DICOM PS3.5 section A.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from mcfast.dicom.header import Header
from mcfast.dicom.strict import UNDEFINED, Strict, quiet, told
from mcfast.errors import PixelDataError

__all__ = ["PixelData", "encapsulated_frame", "native_frame", "pixel_data"]


@dataclass(frozen=True, slots=True)
class PixelData:
    """`length` bytes from `offset` of the stream, all of which are there.

    `encapsulated` tells that they are items, a basic offset table and fragments; `words` that they are written as
    16-bit words (VR OW), which matters for 8-bit samples in big endian.
    """

    stream: Strict
    offset: int
    length: int
    encapsulated: bool
    words: bool


def pixel_data(stream: Strict, offset: int, length: int, words: bool) -> PixelData:
    """Pixel data whose value is at `offset`; of undefined length if encapsulated.

    A missing delimiter at the very end of the stream is forgiven. Raises `UnreadableError` if the stream ends inside
    the value, or something else lies between the items.
    """
    from pydicom.encaps import parse_basic_offsets, parse_fragments

    if length != UNDEFINED:
        if length > stream.size - offset:
            stream.cut(offset + length)
        return PixelData(stream, offset, length, False, words)
    stream.seek(offset)
    with told(stream.name):
        parse_basic_offsets(stream)
        parse_fragments(stream)
    return PixelData(stream, offset, stream.size - offset, True, words)


def native_frame(data: PixelData, count: int, kind: str, frame: int) -> NDArray[numpy.integer]:
    """`count` uncompressed samples of NumPy type `kind`, read straight into a new array.

    Raises `PixelDataError` if so many are not there; the check comes before the allocation.
    """
    dtype = numpy.dtype(kind)
    size = count * dtype.itemsize
    begin = frame * size
    if begin + size > data.length:
        raise PixelDataError(
            f"{data.stream.name}: the header declares {begin + size} bytes of pixels, {data.length} are there; "
            "fetch the file again or correct Rows and Columns"
        )
    samples: NDArray[numpy.integer] = numpy.empty(count, dtype)
    data.stream.seek(data.offset + begin)
    if data.stream.file.readinto(samples.view(numpy.uint8).data) != size:  # type: ignore[attr-defined]
        data.stream.cut(data.offset + begin + size)
    return samples


def encapsulated_frame(data: PixelData, frames: int, frame: int, header: Header) -> bytes:
    """The compressed bytes of one frame of `frames`, its fragments joined.

    Raises `PixelDataError` if there are no fragments, or nothing tells which belong to the frame.
    """
    from pydicom.encaps import generate_fragments, get_frame, parse_basic_offsets

    stream, name = data.stream, data.stream.name
    stream.seek(data.offset)
    if frames == 1:  # all fragments, whatever the offset table says
        with told(name):
            parse_basic_offsets(stream)
            compressed = b"".join(generate_fragments(stream))
    else:
        what, mend = f"frame {frame} of {frames} cannot be found", "write the file again with a basic offset table"
        starts, lengths = header.raw("ExtendedOffsetTable"), header.raw("ExtendedOffsetTableLengths")
        extended = (starts, lengths) if starts and lengths else None
        with told(name, PixelDataError, what, mend), quiet("error"):  # a frame without end is only warned about
            offsets = parse_basic_offsets(stream)
            if extended is None and offsets and len(offsets) != frames:
                raise ValueError(f"the basic offset table has {len(offsets)} entries")
            stream.seek(data.offset)
            compressed = get_frame(stream, frame, number_of_frames=frames, extended_offsets=extended)
    if not compressed:
        raise PixelDataError(f"{name}: the compressed pixel data are empty; fetch the file again")
    return compressed
