"""The bytes of a DICOM stream: element heads, item heads, values, and the two ways in which they are wrong.

Every read is checked against the bytes that exist; nothing is allocated because a file says so.
Reference: DICOM PS3.5 section 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO, NoReturn

from mcfast.dicom.tags import KEYWORDS, TAGS
from mcfast.errors import UnreadableError

__all__ = ["UNDEFINED", "Encoding", "Stream", "is_vr"]

UNDEFINED = 0xFFFFFFFF
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_STRUCTS = {True: (Struct("<HH"), Struct("<H"), Struct("<L")), False: (Struct(">HH"), Struct(">H"), Struct(">L"))}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written: with their value representation or without, and in which byte order."""

    explicit: bool
    little: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """A seekable binary stream of `size` bytes; `name` is what messages call it."""

    file: BinaryIO
    size: int
    name: str

    def read(self, position: int, count: int) -> bytes:
        """Up to `count` bytes from `position`; fewer at the end."""
        if position >= self.size or count <= 0:
            return b""
        self.file.seek(position)
        return self.file.read(min(count, self.size - position))

    def element(self, position: int, end: int, encoding: Encoding) -> tuple[int, str | None, int, int]:
        """(tag, VR, length of the value, position of the value); the VR is `None` where nothing tells it."""
        head = self.read(position, min(12, end - position))
        if len(head) < 8:
            self.cut("an element")
        pair, short, long = _STRUCTS[encoding.little]
        group, number = pair.unpack_from(head)
        tag = group << 16 | number
        vr = head[4:6]
        if not encoding.explicit or group == 0xFFFE or not is_vr(vr):
            (length,) = long.unpack_from(head, 4)
            keyword = KEYWORDS.get(tag)
            return tag, TAGS[keyword][1] if keyword else None, length, position + 8
        if vr not in _LONG:
            (length,) = short.unpack_from(head, 6)
            return tag, vr.decode("ascii"), length, position + 8
        if len(head) < 12:
            self.cut("an element")
        (length,) = long.unpack_from(head, 8)
        return tag, vr.decode("ascii"), length, position + 12

    def item(self, position: int, little: bool = True) -> tuple[int, int, int]:
        """(tag, length, position of the content) of the item or delimiter at `position`."""
        head = self.read(position, 8)
        if len(head) < 8:
            self.cut("a sequence")
        pair, _, long = _STRUCTS[little]
        group, number = pair.unpack_from(head)
        (length,) = long.unpack_from(head, 4)
        return group << 16 | number, length, position + 8

    def cut(self, what: str) -> NoReturn:
        """Raise `UnreadableError`: the file ends too early."""
        raise UnreadableError(
            f"{self.name}: the DICOM file is truncated or damaged: it ends inside {what} (at {self.size} bytes); "
            "fetch the file again"
        )

    def broken(self, position: int, what: str) -> NoReturn:
        """Raise `UnreadableError`: the structure is wrong."""
        raise UnreadableError(
            f"{self.name}: the DICOM file is damaged at byte {position}: {what}; fetch the file again"
        )


def is_vr(two: bytes) -> bool:
    """Whether two bytes can be a value representation (two capital letters)."""
    return len(two) == 2 and 65 <= two[0] <= 90 and 65 <= two[1] <= 90
