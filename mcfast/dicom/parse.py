"""DICOM file -> `Header` and the place of the pixel data, in one pass over the stream.

Why not `pydicom.dcmread`: it reads every element of the file into memory, passes over a cut value in silence, warns
through the process-wide `warnings` (which cannot be silenced from a thread), inflates without a limit, and converts
more than is needed. Here every length is checked against the bytes that exist, only the attributes of `tags.TAGS` are
kept, and the pixels stay in the file until they are decoded.

References: DICOM PS3.5 section 7 (encoding), PS3.10 section 7 (file format).
"""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

from mcfast.dicom.elements import UNDEFINED, Encoding, Stream, is_vr
from mcfast.dicom.frames import PixelData, encapsulated
from mcfast.dicom.header import Element, Header
from mcfast.dicom.tags import ITEM, ITEM_END, KEYWORDS, PIXEL_DATA, SEQUENCE_END, TAGS
from mcfast.errors import UnreadableError

__all__ = ["BIG_ENDIAN", "DEFLATED", "EXPLICIT", "IMPLICIT", "items_of", "looks_like_dicom", "parse"]

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

_MAX_DEPTH = 16
_MAX_VALUE = 1 << 20  # no attribute that is read is longer; the longest is a lookup table of 65536 words
_MAX_INFLATED = (1 << 29) + (1 << 24)  # 2**28 pixels of 2 bytes and a large header


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file whose first (at least 132, if there are so many) bytes are `start` is DICOM.

    Without a preamble the dataset begins at once, with a low element of group 0002 or 0008.
    """
    if start[128:132] == b"DICM":
        return True
    if len(start) < 12:
        return False
    little = start[0] in (2, 8) and start[1] == 0
    big = start[0] == 0 and start[1] in (2, 8)
    element = start[2] | start[3] << 8 if little else start[2] << 8 | start[3]
    if not (little or big) or element > 0x18:
        return False
    return is_vr(start[4:6]) or (little and int.from_bytes(start[4:8], "little") <= 128)


def parse(file: BinaryIO, size: int, name: str) -> tuple[Header, PixelData | None]:
    """Read the header of a DICOM stream of `size` bytes.

    Returns
    -------
    The header ("TransferSyntaxUID" is always in it), and the place of the pixel data or `None` if there are none.
    The stream must stay open until the pixels are decoded.

    Raises
    ------
    UnreadableError
        If the file ends inside an element, or its structure is broken.
    """
    parser = _Parser(Stream(file, size, name))
    meta, position = parser.meta(132 if parser.stream.read(128, 4) == b"DICM" else 0)
    syntax = Header(name, meta).text("TransferSyntaxUID") or _guessed_syntax(parser.stream.read(position, 8))
    if syntax == DEFLATED:
        inflated = _inflate(parser.stream.read(position, size), name)
        parser = _Parser(Stream(io.BytesIO(inflated), len(inflated), name))
        position = 0
    encoding = Encoding(explicit=syntax != IMPLICIT, little=syntax != BIG_ENDIAN)
    elements, _ = parser.elements(position, parser.stream.size, encoding)
    elements["TransferSyntaxUID"] = Element("UI", (syntax,))
    return Header(name, elements), parser.pixel_data


class _Parser:
    """One pass over one stream; `pixel_data` is set when the top level reaches it."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.pixel_data: PixelData | None = None

    def meta(self, position: int) -> tuple[dict[str, Element], int]:
        """The file meta information (group 0002, always explicit little endian) and where the dataset begins."""
        elements: dict[str, Element] = {}
        while self.stream.read(position, 2) == b"\x02\x00":
            tag, vr, length, start = self.stream.element(position, self.stream.size, Encoding(True, True))
            position = self._keep(elements, tag, vr, start, length, self.stream.size, little=True)
        return elements, position

    def elements(self, position: int, end: int, encoding: Encoding, depth: int = 0) -> tuple[dict[str, Element], int]:
        """The wanted elements from `position` to `end` or to the end of the item; and the position behind them."""
        found: dict[str, Element] = {}
        if end - position >= 8:  # some writers put implicit VR where explicit was announced, and the reverse
            encoding = Encoding(is_vr(self.stream.read(position + 4, 2)), encoding.little)
        while position < end:
            tag, vr, length, start = self.stream.element(position, end, encoding)
            if tag == ITEM_END:
                return found, start
            if depth == 0 and tag >= PIXEL_DATA:
                if tag == PIXEL_DATA:
                    self.pixel_data = self._pixels(start, length, vr)
                break  # nothing behind the pixels is needed
            keyword = KEYWORDS.get(tag)
            hidden = vr == "UN" and (length == UNDEFINED or (keyword is not None and TAGS[keyword][1] == "SQ"))
            if length == UNDEFINED and vr in ("OB", "OW"):
                position = start + encapsulated(self.stream, start).length
            elif vr == "SQ" or hidden or length == UNDEFINED:
                # A sequence that is written as UN is in implicit VR (PS3.5 section 6.2.2).
                inner = Encoding(encoding.explicit and not hidden, encoding.little)
                items, position = self.items(start, length, end, inner, depth + 1)
                if keyword is not None:
                    found[keyword] = Element("SQ", items, encoding.little)
            else:
                position = self._keep(found, tag, vr, start, length, end, encoding.little)
        return found, end

    def _pixels(self, start: int, length: int, vr: str | None) -> PixelData:
        if length == UNDEFINED:
            return encapsulated(self.stream, start)
        if length > self.stream.size - start:
            self.stream.cut(f"pixel data: {length} bytes are announced, {self.stream.size - start} are there")
        return PixelData(self.stream, start, length, words=vr == "OW")

    def items(
        self, position: int, length: int, end: int, encoding: Encoding, depth: int
    ) -> tuple[tuple[Header, ...], int]:
        """The items of a sequence of `length` bytes, which may be undefined; and the position behind them."""
        stream = self.stream
        if depth > _MAX_DEPTH:
            stream.broken(position, f"sequences are nested more than {_MAX_DEPTH} deep")
        limit = end if length == UNDEFINED else position + length
        if limit > end:
            stream.cut("a sequence")
        items: list[Header] = []
        while position < limit:
            tag, item_length, position = stream.item(position, encoding.little)
            if tag == SEQUENCE_END:
                return tuple(items), position if length == UNDEFINED else limit
            if tag != ITEM:
                stream.broken(position - 8, "a sequence is not made of items")
            stop = limit if item_length == UNDEFINED else position + item_length
            if stop > limit:
                stream.cut("a sequence item")
            elements, position = self.elements(position, stop, encoding, depth)
            items.append(Header(stream.name, elements))
        return tuple(items), limit

    def _keep(
        self, found: dict[str, Element], tag: int, vr: str | None, start: int, length: int, end: int, little: bool
    ) -> int:
        """Keep the value if it is wanted; the position behind it."""
        if length > end - start:
            self.stream.cut(f"element ({tag >> 16:04X},{tag & 0xFFFF:04X})")
        keyword = KEYWORDS.get(tag)
        if keyword is not None and length <= _MAX_VALUE:
            found[keyword] = Element(vr or "UN", self.stream.read(start, length), little)
        return start + length


def _guessed_syntax(start: bytes) -> str:
    if not is_vr(start[4:6]):
        return IMPLICIT
    return EXPLICIT if start[1:2] == b"\0" else BIG_ENDIAN


def _inflate(data: bytes, name: str) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data, _MAX_INFLATED)
    except zlib.error as error:
        raise UnreadableError(f"{name}: the deflated dataset is damaged ({error}); fetch the file again") from None
    if not inflater.eof:
        cause = "larger than any mammogram" if len(inflated) == _MAX_INFLATED else "truncated"
        raise UnreadableError(f"{name}: the deflated dataset is {cause}; fetch the file again")
    return inflated


def items_of(value: bytes, encoding: Encoding, name: str) -> tuple[Header, ...]:
    """The items of a sequence whose content is `value`. Raises `UnreadableError` if it is damaged."""
    stream = Stream(io.BytesIO(value), len(value), name)
    return _Parser(stream).items(0, len(value), len(value), encoding, 1)[0]
