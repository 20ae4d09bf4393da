"""Whether bytes begin a DICOM file, with or without preamble; without pydicom, so that pictures do not load it."""

from __future__ import annotations

__all__ = ["looks_like_dicom"]


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
    is_explicit = all(65 <= letter <= 90 for letter in start[4:6])
    return is_explicit or (little and int.from_bytes(start[4:8], "little") <= 128)
