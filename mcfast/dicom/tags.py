"""The attributes that are read: keyword -> (tag, value representation). Everything else in a file is skipped.

The value representation matters for implicit VR files, which do not state it. `US/SS` attributes take the sign of the
pixels; they are read as 16-bit words and given their sign where they are used.
"""

from __future__ import annotations

__all__ = ["ITEM", "ITEM_END", "KEYWORDS", "PIXEL_DATA", "SEQUENCE_END", "TAGS", "described"]

ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010

TAGS: dict[str, tuple[int, str]] = {
    "TransferSyntaxUID": (0x00020010, "UI"),
    # what the object is
    "SOPClassUID": (0x00080016, "UI"),
    "SOPInstanceUID": (0x00080018, "UI"),
    "Modality": (0x00080060, "CS"),
    "PresentationIntentType": (0x00080068, "CS"),
    "Manufacturer": (0x00080070, "LO"),
    "StudyInstanceUID": (0x0020000D, "UI"),
    "SeriesInstanceUID": (0x0020000E, "UI"),
    # geometry
    "DistanceSourceToDetector": (0x00181110, "DS"),
    "DistanceSourceToPatient": (0x00181111, "DS"),
    "EstimatedRadiographicMagnificationFactor": (0x00181114, "DS"),
    "ImagerPixelSpacing": (0x00181164, "DS"),
    "NominalScannedPixelSpacing": (0x00182010, "DS"),
    "PixelSpacing": (0x00280030, "DS"),
    "PixelSpacingCalibrationType": (0x00280A02, "CS"),
    "ViewPosition": (0x00185101, "CS"),
    "Laterality": (0x00200060, "CS"),
    "ImageLaterality": (0x00200062, "CS"),
    "FrameLaterality": (0x00209072, "CS"),
    "ViewCodeSequence": (0x00540220, "SQ"),
    "ViewModifierCodeSequence": (0x00540222, "SQ"),
    "CodeValue": (0x00080100, "SH"),
    "CodeMeaning": (0x00080104, "LO"),
    # how the pixels lie
    "SamplesPerPixel": (0x00280002, "US"),
    "PhotometricInterpretation": (0x00280004, "CS"),
    "NumberOfFrames": (0x00280008, "IS"),
    "Rows": (0x00280010, "US"),
    "Columns": (0x00280011, "US"),
    "BitsAllocated": (0x00280100, "US"),
    "BitsStored": (0x00280101, "US"),
    "HighBit": (0x00280102, "US"),
    "PixelRepresentation": (0x00280103, "US"),
    "ExtendedOffsetTable": (0x7FE00001, "OV"),
    # grayscale
    "PixelPaddingValue": (0x00280120, "US/SS"),
    "PixelPaddingRangeLimit": (0x00280121, "US/SS"),
    "WindowCenter": (0x00281050, "DS"),
    "WindowWidth": (0x00281051, "DS"),
    "VOILUTFunction": (0x00281056, "CS"),
    "RescaleIntercept": (0x00281052, "DS"),
    "RescaleSlope": (0x00281053, "DS"),
    "ModalityLUTSequence": (0x00283000, "SQ"),
    "VOILUTSequence": (0x00283010, "SQ"),
    "LUTDescriptor": (0x00283002, "US/SS"),
    "LUTData": (0x00283006, "OW"),
    "PresentationLUTShape": (0x20500020, "CS"),
    # suitability
    "QualityControlImage": (0x00280300, "CS"),
    "BurnedInAnnotation": (0x00280301, "CS"),
    "BreastImplantPresent": (0x00281300, "CS"),
    "PartialView": (0x00281350, "CS"),
    "LossyImageCompression": (0x00282110, "CS"),
    # the same attributes per frame, in multi-frame objects
    "SharedFunctionalGroupsSequence": (0x52009229, "SQ"),
    "PerFrameFunctionalGroupsSequence": (0x52009230, "SQ"),
    "FrameAnatomySequence": (0x00209071, "SQ"),
    "PixelMeasuresSequence": (0x00289110, "SQ"),
    "FrameVOILUTSequence": (0x00289132, "SQ"),
    "PixelValueTransformationSequence": (0x00289145, "SQ"),
}

KEYWORDS: dict[int, str] = {tag: keyword for keyword, (tag, _) in TAGS.items()}


def described(keyword: str) -> str:
    """`Rows (0028,0010)`: an attribute as messages name it."""
    tag, _ = TAGS[keyword]
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"
