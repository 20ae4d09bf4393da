"""Where the bytes of the pixels are, and the bytes of one frame (DICOM PS3.5 section A.4)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

import numpy
from numpy.typing import NDArray

from mcfast.dicom.elements import Stream
from mcfast.dicom.header import Header
from mcfast.dicom.tags import ITEM, SEQUENCE_END
from mcfast.errors import PixelDataError

__all__ = ["PixelData", "encapsulated", "encapsulated_frame", "native_frame"]

_OFFSET = Struct("<L")
# How a compressed frame begins: JPEG and JPEG-LS (SOI), a JPEG 2000 codestream (SOC), a JP2 file.
_FRAME_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")


@dataclass(frozen=True, slots=True)
class PixelData:
    """`length` bytes from `offset` of the stream; if encapsulated, with its fragments (offset, length).

    `table` holds the entries of the basic offset table, if there is one; `words` tells that the bytes are written as
    16-bit words (VR OW), which matters for 8-bit samples in big endian.
    """

    stream: Stream
    offset: int
    length: int
    fragments: tuple[tuple[int, int], ...] | None = None
    table: tuple[int, ...] = ()
    words: bool = True


def encapsulated(stream: Stream, position: int) -> PixelData:
    """Walk the items of encapsulated data; a missing delimiter at the very end of the stream is forgiven.

    Raises `UnreadableError` if the stream ends inside an item or something else lies between the items.
    """
    start = position
    items: list[tuple[int, int]] = []
    while position < stream.size:
        tag, length, position = stream.item(position)
        if tag == SEQUENCE_END:
            break
        if tag != ITEM:
            stream.broken(position - 8, "the pixel data are not made of items")
        if length > stream.size - position:
            stream.cut(f"pixel data: {length} bytes are announced, {stream.size - position} are there")
        items.append((position, length))
        position += length
    if not items:
        stream.cut("pixel data")
    table = stream.read(*items[0])
    offsets = tuple(offset for (offset,) in _OFFSET.iter_unpack(table[: len(table) // 4 * 4]))
    return PixelData(stream, start, position - start, tuple(items[1:]), offsets)


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
    data.stream.file.seek(data.offset + begin)
    if data.stream.file.readinto(samples.view(numpy.uint8).data) != size:  # type: ignore[attr-defined]
        data.stream.cut("pixel data")
    return samples


def encapsulated_frame(data: PixelData, frames: int, frame: int, header: Header) -> bytes:
    """The compressed bytes of one frame of `frames`, its fragments joined.

    Raises `PixelDataError` if there are no fragments, or nothing tells which belong to the frame.
    """
    fragments = data.fragments or ()
    name = data.stream.name
    if not fragments:
        raise PixelDataError(f"{name}: the compressed pixel data are empty; fetch the file again")
    if frames > 1:
        starts = _frame_starts(data, fragments, frames, header)
        if len(starts) != frames:
            raise PixelDataError(
                f"{name}: {len(fragments)} fragments cannot be shared among {frames} frames; "
                "write the file again with a basic offset table"
            )
        ends = [*starts[1:], len(fragments)]
        fragments = fragments[starts[frame] : ends[frame]]
    return b"".join(data.stream.read(*fragment) for fragment in fragments)


def _frame_starts(data: PixelData, fragments: tuple[tuple[int, int], ...], frames: int, header: Header) -> list[int]:
    """Index of the first fragment of every frame: one each, by an offset table, or by the codestreams' first bytes."""
    if len(fragments) == frames:
        return list(range(frames))
    extended = header.raw("ExtendedOffsetTable") or b""
    table = tuple(numpy.frombuffer(extended[: len(extended) // 8 * 8], "<u8").tolist()) or data.table
    if len(table) == frames:
        origin = fragments[0][0] - 8  # offsets count from the first byte of the first fragment's item
        index = {offset - 8 - origin: number for number, (offset, _) in enumerate(fragments)}
        return [index[offset] for offset in table if offset in index]
    return [
        number for number, (offset, _) in enumerate(fragments) if data.stream.read(offset, 12).startswith(_FRAME_STARTS)
    ]
