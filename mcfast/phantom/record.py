"""`Phantom`: a synthetic mammogram with the truth about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

__all__ = ["Calcification", "Laterality", "Phantom", "View"]

Laterality = Literal["L", "R"]
View = Literal["CC", "MLO"]


@dataclass(frozen=True, slots=True)
class Calcification:
    """One calcification as it was drawn.

    Attributes
    ----------
    row, column
        Centre of gravity of what it adds to the image, in pixels; pixel centres are integers.
    diameter_mm
        Diameter of the disk that has the area of its projection, before the detector's blur.
    contrast
        Largest value it adds to the noise-free image, in presentation counts.
    contrast_to_noise
        The same, in standard deviations of a pixel's noise at that place.
    cluster
        Number of its cluster, or `None` for a single one.
    """

    row: float
    column: float
    diameter_mm: float
    contrast: float
    contrast_to_noise: float
    cluster: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A synthetic mammogram.

    Attributes
    ----------
    image
        (H, W) uint16 presentation values, 0 .. 2**bits - 1, bright = dense.
    mask
        (H, W) bool: the breast, skin included.
    spacing_mm
        Distance of pixel centres in both directions, millimetres.
    bits
        Bits of the presentation values.
    laterality, view
        `"L"` / `"R"`, and `"CC"` / `"MLO"`. The chest wall is at the left border of a left breast.
    calcifications
        Every calcification drawn, clusters first.
    labelled
        Whether the name of the view is burnt into the image.
    seed
        What it was drawn from.
    """

    image: NDArray[numpy.uint16]
    mask: NDArray[numpy.bool_]
    spacing_mm: float
    bits: int
    laterality: Laterality
    view: View
    calcifications: tuple[Calcification, ...]
    labelled: bool
    seed: int

    def truth(self) -> dict[str, Any]:
        """What is known about the phantom, for JSON: numbers, strings, lists and dicts only."""
        return {
            "seed": self.seed,
            "rows": self.image.shape[0],
            "columns": self.image.shape[1],
            "spacing_mm": self.spacing_mm,
            "bits": self.bits,
            "laterality": self.laterality,
            "view": self.view,
            "labelled": self.labelled,
            "calcifications": [asdict(calcification) for calcification in self.calcifications],
        }

    def save_dicom(self, path: str | Path, *, transfer_syntax: str | None = None) -> None:
        """Write a Digital Mammography X-Ray Image, For Presentation.

        `transfer_syntax` is a UID that `mcfast.dicom.write.write_mammogram` encodes; `None` is its default. The same
        phantom gives the same bytes.
        """
        from mcfast.dicom.write import JPEG_LOSSLESS, write_mammogram

        write_mammogram(
            path,
            self.image,
            spacing_mm=self.spacing_mm,
            laterality=self.laterality,
            view=self.view,
            bits=self.bits,
            transfer_syntax=transfer_syntax or JPEG_LOSSLESS,
            description=f"Synthetic phantom, seed {self.seed}",
            burned_in_annotation=self.labelled,
        )

    def __repr__(self) -> str:
        rows, columns = self.image.shape
        return (
            f"Phantom(seed {self.seed}, {rows} x {columns}, {self.bits} bit, {self.laterality} {self.view}, "
            f"{len(self.calcifications)} calcifications)"
        )
