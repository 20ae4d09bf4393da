"""`Mammogram`: what `mcfast.read` returns and every later stage starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy
from numpy.typing import NDArray

__all__ = ["Mammogram", "Source", "SpacingSource"]

SpacingSource = Literal["imager", "imager_over_magnification", "pixel_spacing", "given"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where an image came from. Holds no patient identity, so that it can go into every result.

    `name` is the path as it was given, or `"<bytes>"`, `"<dataset>"`, `"<array>"`. UIDs and DICOM terms are
    `None` for anything but DICOM.
    """

    name: str
    format: Literal["dicom", "png", "tiff", "array", "unknown"]
    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    modality: str | None = None
    manufacturer: str | None = None
    transfer_syntax_uid: str | None = None
    photometric_interpretation: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Mammogram:
    """One two-dimensional mammogram as stored, with all that is needed to interpret it.

    Attributes
    ----------
    pixels
        (H, W) uint16, C-contiguous: the stored bits (a signed image keeps its two's-complement bits), unused high
        bits cleared.
    table
        (2**bits_stored,) uint16: presentation value of each stored value, 0 .. 2**bits - 1, bright = dense. The
        modality LUT, the VOI LUT or window, and the MONOCHROME1 inversion are all in it.
    bits
        Bits of the presentation values (8 .. 16).
    spacing_mm
        (row, column) distance of pixel centres in the plane of the breast, millimetres.
    spacing_source
        Which attribute the spacing came from; `"given"` by the caller.
    laterality, view
        `"L"` / `"R"` and `"CC"`, `"MLO"`, `"ML"`, ...; `None` where unknown.
    valid
        (H, W) bool, `False` on padding; `None` if every pixel is valid.
    flags
        Names of what may make the image unsuitable, for example `"burned_in_annotation"`, sorted.
    source
        Where it came from.
    seconds
        Wall-clock seconds of the parts of reading: `"parse"`, `"decode"`.
    """

    pixels: NDArray[numpy.uint16]
    table: NDArray[numpy.uint16]
    bits: int
    spacing_mm: tuple[float, float]
    spacing_source: SpacingSource
    laterality: Literal["L", "R"] | None
    view: str | None
    valid: NDArray[numpy.bool_] | None
    flags: tuple[str, ...]
    source: Source
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows, columns = self.pixels.shape
        return rows, columns

    def __repr__(self) -> str:
        rows, columns = self.shape
        side = " ".join(word for word in (self.laterality, self.view) if word) or "unknown view"
        return (
            f"Mammogram({self.source.name!r}, {rows} x {columns}, {self.bits} bit, {side}, "
            f"{self.spacing_mm[0]:g} x {self.spacing_mm[1]:g} mm)"
        )
