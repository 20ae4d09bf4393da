"""What a compressed frame says about itself, read from its first bytes: before the decoder allocates anything.

References: ITU-T T.81 B.2.2 (JPEG frame header), T.87 C.2.2 (JPEG-LS), T.800 A.5.1 (JPEG 2000 SIZ).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, error

__all__ = ["Codestream", "jpeg", "jpeg2000"]

_SEGMENT = Struct(">HH")  # marker, length
_FRAME = Struct(">BHHB")  # precision, lines, samples per line, components
_SIZ = Struct(">HHHLLLLLLLLHB")  # SIZ, its length, capabilities, sizes and offsets, components, depth of the first
_START_OF_FRAME = {*range(0xFFC0, 0xFFD0), 0xFFF7} - {0xFFC4, 0xFFC8, 0xFFCC}  # without DHT, JPG, DAC
_START_OF_SCAN = 0xFFDA


@dataclass(frozen=True, slots=True)
class Codestream:
    """Size and precision as the compressed data state them."""

    rows: int
    columns: int
    components: int
    precision: int


def jpeg(data: bytes) -> Codestream | None:
    """The frame header of a JPEG or JPEG-LS image; `None` if there is none."""
    if data[:2] != b"\xff\xd8":
        return None
    position = 2
    try:
        while True:
            marker, length = _SEGMENT.unpack_from(data, position)
            if marker == 0xFFFF:  # fill byte
                position += 1
                continue
            if marker in _START_OF_FRAME:
                precision, rows, columns, components = _FRAME.unpack_from(data, position + 4)
                return Codestream(rows, columns, components, precision)
            if marker < 0xFFC0 or marker == _START_OF_SCAN or length < 2:
                return None
            position += 2 + length
    except error:
        return None


def jpeg2000(data: bytes) -> Codestream | None:
    """The SIZ segment of a JPEG 2000 codestream, bare or inside a JP2 file; `None` if there is none."""
    start = data.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0:
        return None
    try:
        fields = _SIZ.unpack_from(data, start + 2)
    except error:
        return None
    columns, rows, left, top = fields[3:7]
    return Codestream(rows - top, columns - left, fields[11], (fields[12] & 0x7F) + 1)
