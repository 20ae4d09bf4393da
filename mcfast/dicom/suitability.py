"""Which objects are read as mammograms, which are refused by name, and what is flagged (DICOM PS3.4 B.5)."""

from __future__ import annotations

from mcfast.dicom.decode import LOSSY
from mcfast.dicom.geometry import modifiers_of
from mcfast.dicom.header import Header
from mcfast.dicom.uids import uid_name
from mcfast.dicom.views import VIEW_CODES
from mcfast.errors import NotMammogramError

__all__ = ["MAMMOGRAMS", "flags_of", "require_mammogram", "require_one_frame"]

FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
PROJECTION_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.13.1.4"
PROJECTION_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.13.1.5"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

MAMMOGRAMS = (
    FOR_PRESENTATION,
    FOR_PROCESSING,
    TOMOSYNTHESIS,
    PROJECTION_FOR_PRESENTATION,
    PROJECTION_FOR_PROCESSING,
)

_STATED = {  # flag: (attribute, values that raise it)
    "burned_in_annotation": ("BurnedInAnnotation", ("YES",)),
    "implant": ("BreastImplantPresent", ("YES",)),
    "partial_view": ("PartialView", ("YES",)),
    "lossy_compression": ("LossyImageCompression", ("01",)),
    "quality_control": ("QualityControlImage", ("YES", "BOTH")),
    "for_processing": ("PresentationIntentType", ("FOR PROCESSING",)),
}


def require_mammogram(header: Header, any_modality: bool) -> None:
    """Raise `NotMammogramError`, naming what the object is, unless it is a mammogram by its header.

    A mammogram has one of the mammography SOP classes and modality MG; where one of the two is missing the other
    decides.
    """
    sop_class, modality = header.text("SOPClassUID"), header.text("Modality")
    is_class = sop_class is None or sop_class in MAMMOGRAMS
    is_modality = modality in (None, "MG")
    if any_modality or (is_class and is_modality and (sop_class or modality)):
        return
    raise NotMammogramError(
        f"{header.name}: is no mammogram but {_class_name(sop_class)} of modality {modality or 'unstated'}; "
        "read it all the same with any_modality=True (--any-modality)"
    )


def require_one_frame(header: Header, frames: int, frame: int | None) -> None:
    """Raise `NotMammogramError` for a tomosynthesis or another multi-frame object unless a frame was chosen."""
    sop_class = header.text("SOPClassUID")
    if frame is None and (frames > 1 or sop_class == TOMOSYNTHESIS):
        raise NotMammogramError(
            f"{header.name}: is {_class_name(sop_class)} of {frames} frame(s), not one mammogram; "
            f"read one of them with frame=0 .. {frames - 1}"
        )


def flags_of(header: Header) -> set[str]:
    """Names of what may make the image unsuitable."""
    flags = set(modifiers_of(header))
    flags |= {flag for flag, (keyword, values) in _STATED.items() if (header.text(keyword) or "").upper() in values}
    sop_class = header.text("SOPClassUID") or ""
    if sop_class in (FOR_PROCESSING, PROJECTION_FOR_PROCESSING):
        flags.add("for_processing")
    if sop_class == TOMOSYNTHESIS:
        flags.add("tomosynthesis")
    if sop_class in (PROJECTION_FOR_PRESENTATION, PROJECTION_FOR_PROCESSING):
        flags.add("projection")
    if sop_class == SECONDARY_CAPTURE or sop_class.startswith(SECONDARY_CAPTURE + "."):
        flags.add("secondary_capture")
    if (header.text("Modality") or "MG") != "MG" or (sop_class and sop_class not in MAMMOGRAMS):
        flags.add("not_mammography")
    if header.text("TransferSyntaxUID") in LOSSY:
        flags.add("lossy_compression")
    if any(VIEW_CODES.get(item.text("CodeValue") or "") == "SPECIMEN" for item in header.items("ViewCodeSequence")):
        flags.add("specimen")
    return flags


def _class_name(sop_class: str | None) -> str:
    if sop_class is None:
        return "an object of unstated class"
    return f"a {uid_name(sop_class).removesuffix(' Storage')}"
