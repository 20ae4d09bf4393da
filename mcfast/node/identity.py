"""What makes two files the same image: transfer syntax and dataset, whatever stands before them."""

from __future__ import annotations

import hashlib
import struct

__all__ = ["Identity", "dataset_start"]

_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")


def dataset_start(head: bytes) -> tuple[str, int]:
    """Transfer syntax and offset of the dataset of a DICOM file (PS3.10 section 7.1), ("", 0) if `head` begins none.

    `head` must hold the whole file meta information.
    """
    if head[128:132] != b"DICM":
        return "", 0
    syntax, offset = "", 132
    while head[offset : offset + 2] == b"\x02\x00" and len(head) >= offset + 12:
        if head[offset + 4 : offset + 6] in _LONG:
            length, value = struct.unpack_from("<I", head, offset + 8)[0], offset + 12
        else:
            length, value = struct.unpack_from("<H", head, offset + 6)[0], offset + 8
        if head[offset + 2 : offset + 4] == b"\x10\x00":
            syntax = head[value : value + length].rstrip(b"\0 ").decode("latin-1")
        offset = value + length
    return (syntax, offset) if offset <= len(head) else ("", 0)


class Identity:
    """SHA-256 of transfer syntax and dataset, fed with a file in pieces, of which the first holds all meta information.

    So the same image has one identity by whatever way it comes. A file that is no DICOM is hashed whole.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._begun = False
        self.transfer_syntax = ""

    def update(self, part: bytes | memoryview) -> None:
        """Add the next piece."""
        if not self._begun:
            self._begun = True
            self.transfer_syntax, start = dataset_start(bytes(part[: 1 << 16]))
            self._hash.update(self.transfer_syntax.encode() + b"\0")
            part = part[start:]
        self._hash.update(part)

    def name(self) -> str:
        """32 hexadecimal digits."""
        return self._hash.hexdigest()[:32]
