"""Pixel spacing in the plane of the breast, laterality and view.

The detector's spacing is not the breast's: an object closer to the source is magnified. So the spacing is
`ImagerPixelSpacing / magnification`, with the magnification as estimated by the machine or, without it, the ratio of
the distances. `PixelSpacing` is trusted where the header says how it was calibrated, and taken where nothing else is
there. References: DICOM PS3.3 10.7.1, C.8.11.3, C.8.11.7; CID 4014, 4015.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from mcfast.dicom.header import Header
from mcfast.dicom.views import MODIFIERS, VIEW_CODES, VIEWS
from mcfast.errors import SpacingError, UnreadableError
from mcfast.mammogram import SpacingSource

__all__ = ["Spacing", "checked_spacing", "laterality_of", "modifiers_of", "spacing_of", "view_of"]

_SMALLEST, _LARGEST = 0.01, 1.0  # millimetres; detectors have 0.03 .. 0.2
_MAX_MAGNIFICATION = 4.0


class Spacing(NamedTuple):
    """(row, column) distance in mm, where it came from, and flags that tell how far to trust it."""

    mm: tuple[float, float]
    source: SpacingSource
    flags: tuple[str, ...] = ()


def checked_spacing(spacing_mm: float | tuple[float, float], name: str) -> tuple[float, float]:
    """(row, column) spacing as given by the caller. Raises `SpacingError` outside 0.01 .. 1 mm."""
    try:
        row, column = (float(part) for part in (spacing_mm if isinstance(spacing_mm, tuple) else (spacing_mm,) * 2))
    except (TypeError, ValueError):
        raise SpacingError(
            f"{name}: spacing_mm={spacing_mm!r} is no spacing; give one number or (row, column)"
        ) from None
    if not (_SMALLEST <= row <= _LARGEST and _SMALLEST <= column <= _LARGEST):
        raise SpacingError(
            f"{name}: spacing_mm={spacing_mm!r} is impossible; give {_SMALLEST} .. {_LARGEST} mm (--spacing-mm)"
        )
    return row, column


def spacing_of(header: Header, spacing_mm: float | tuple[float, float] | None) -> Spacing:
    """The spacing that the header tells; `spacing_mm` counts only where the header has none that is possible.

    A `spacing_mm` that was needed is flagged "spacing_given"; one that differs by more than 1 % from the header's
    spacing, which wins, "spacing_given_ignored".

    Raises
    ------
    SpacingError
        If neither the header nor the caller tells a spacing within 0.01 .. 1 mm.
    """
    given = None if spacing_mm is None else checked_spacing(spacing_mm, header.name)
    try:
        spacing = _from_header(header)
    except (SpacingError, UnreadableError) as error:
        if given is None:
            cause = str(error).removeprefix(f"{header.name}: ").partition("; ")[0]
            raise SpacingError(f"{header.name}: {cause}; state it with spacing_mm= (--spacing-mm)") from None
        return Spacing(given, "given", ("spacing_given",))
    if given is not None and any(
        abs(ours - theirs) > 0.01 * theirs for ours, theirs in zip(given, spacing.mm, strict=True)
    ):
        return spacing._replace(flags=(*spacing.flags, "spacing_given_ignored"))
    return spacing


def laterality_of(header: Header) -> Literal["L", "R"] | None:
    """Which breast: ImageLaterality, else that of the frame, else of the series; `None` for both or unknown."""
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        text = (header.text(keyword) or "").upper()
        if text in ("L", "R"):
            return "L" if text == "L" else "R"
        if text == "B":
            return None
    return None


def view_of(header: Header) -> str | None:
    """The view's acronym ("CC", "MLO", "ML", ...): ViewCodeSequence, else ViewPosition; `None` if unknown."""
    for item in header.items("ViewCodeSequence"):
        view = VIEW_CODES.get(item.text("CodeValue") or "")
        if view:
            return view
    text = (header.text("ViewPosition") or "").upper()
    return text if text in VIEWS else None


def modifiers_of(header: Header) -> list[str]:
    """Flags for the view modifiers: "spot_compression", "magnification", "implant_displaced", ..."""
    views = header.items("ViewCodeSequence")
    items = header.items("ViewModifierCodeSequence")
    items += [item for view in views for item in view.items("ViewModifierCodeSequence")]
    found = [MODIFIERS.get(item.text("CodeValue") or "") for item in items]
    return [flag for flag in found if flag]


def _from_header(header: Header) -> Spacing:
    imager = _pair(header, "ImagerPixelSpacing")
    pixel = _pair(header, "PixelSpacing")
    if pixel is not None and (imager is None or header.text("PixelSpacingCalibrationType")):
        calibrated = header.text("PixelSpacingCalibrationType") or header.text("NumberOfFrames")
        return Spacing(
            _possible(pixel, "PixelSpacing", header), "pixel_spacing", () if calibrated else ("uncalibrated_spacing",)
        )
    if imager is not None:
        factor = _magnification(header)
        row, column = _possible((imager[0] / factor, imager[1] / factor), "ImagerPixelSpacing", header)
        return Spacing((row, column), "imager" if factor == 1.0 else "imager_over_magnification")
    scanned = _pair(header, "NominalScannedPixelSpacing")
    if scanned is not None:
        mm = _possible(scanned, "NominalScannedPixelSpacing", header)
        return Spacing(mm, "pixel_spacing", ("uncalibrated_spacing",))
    raise SpacingError(f"{header.name}: the header tells no pixel spacing; give spacing_mm=")


def _pair(header: Header, keyword: str) -> tuple[float, float] | None:
    numbers = header.numbers(keyword)
    return (numbers[0], numbers[1]) if len(numbers) >= 2 else None


def _possible(mm: tuple[float, float], keyword: str, header: Header) -> tuple[float, float]:
    if not all(_SMALLEST <= part <= _LARGEST for part in mm):
        raise SpacingError(
            f"{header.name}: {keyword} tells the impossible spacing {mm[0]:g} x {mm[1]:g} mm; give spacing_mm="
        )
    return mm


def _magnification(header: Header) -> float:
    """How much larger the breast is on the detector; 1 where the header does not tell."""
    factor = header.number("EstimatedRadiographicMagnificationFactor")
    if not factor:
        detector = header.number("DistanceSourceToDetector")
        patient = header.number("DistanceSourceToPatient")
        factor = detector / patient if detector and patient else 1.0
    if not 1.0 <= factor <= _MAX_MAGNIFICATION:
        raise SpacingError(f"{header.name}: the header tells the impossible magnification {factor:g}; give spacing_mm=")
    return factor
