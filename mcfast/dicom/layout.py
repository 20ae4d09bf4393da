"""How the stored pixels of an object lie: the Image Pixel attributes, checked (DICOM PS3.3 C.7.6.3)."""

from __future__ import annotations

from dataclasses import dataclass

from mcfast.dicom.header import Header, described
from mcfast.errors import InputError, PixelDataError

__all__ = ["MAX_PIXELS", "Layout", "chosen_frame", "layout_of"]

MAX_PIXELS = 1 << 28  # eight times the largest mammogram; more is a damaged header or an attack on the memory


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows, columns and frames; bits allocated and stored, the highest stored bit, and the sign."""

    rows: int
    columns: int
    frames: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool

    @property
    def pixels(self) -> int:
        """Pixels of one frame."""
        return self.rows * self.columns


def layout_of(header: Header) -> Layout:
    """Read and check the layout.

    Raises
    ------
    PixelDataError
        If an attribute is missing or impossible, or the image is in colour or larger than `MAX_PIXELS`.
    """
    name = header.name
    samples = header.integer("SamplesPerPixel")
    photometric = header.text("PhotometricInterpretation")
    if samples not in (None, 1) or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise PixelDataError(
            f"{name}: expected one grayscale sample per pixel, got {samples or 'unstated'} "
            f"({photometric or 'photometric interpretation unstated'}); give a MONOCHROME1 or MONOCHROME2 image"
        )
    allocated = _required(header, "BitsAllocated")
    stored = header.integer("BitsStored") or allocated
    high_bit = header.integer("HighBit")
    layout = Layout(
        rows=_required(header, "Rows"),
        columns=_required(header, "Columns"),
        frames=max(1, header.integer("NumberOfFrames") or 1),
        allocated=allocated,
        stored=stored,
        high_bit=stored - 1 if high_bit is None else high_bit,
        signed=header.integer("PixelRepresentation") == 1,
    )
    if allocated not in (8, 16) or not 1 <= stored <= layout.high_bit + 1 <= allocated:
        raise PixelDataError(
            f"{name}: expected up to 16 bits stored in 8 or 16 allocated, got {stored} in {allocated} with high bit "
            f"{layout.high_bit}; correct BitsAllocated, BitsStored and HighBit"
        )
    if layout.pixels > MAX_PIXELS:
        raise PixelDataError(
            f"{name}: {layout.rows} x {layout.columns} pixels are declared, more than the {MAX_PIXELS} that are read; "
            "correct Rows and Columns"
        )
    return layout


def chosen_frame(header: Header, layout: Layout, frame: int | None) -> int:
    """Index of the frame to decode. Raises `InputError` if it does not exist."""
    if frame is None:
        return 0
    if not 0 <= frame < layout.frames:
        raise InputError(f"{header.name}: has {layout.frames} frame(s), not frame={frame}; count from 0")
    return frame


def _required(header: Header, keyword: str) -> int:
    value = header.integer(keyword)
    if value is None or value <= 0:
        cause = "is missing" if value is None else f"is {value}"
        raise PixelDataError(f"{header.name}: {described(keyword)} {cause}; give an image with pixels")
    return value
