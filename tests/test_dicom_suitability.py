"""What is read as a mammogram, what is refused by name, and what is flagged."""

from __future__ import annotations

import pytest
from dicom_files import EXPLICIT, JPEG_EXTENDED, as_bytes, mammogram_dataset, ramp
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from mcfast.errors import NotMammogramError, PixelDataError, UnreadableError
from mcfast.reading import read

FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
PROJECTION = "1.2.840.10008.5.1.4.1.1.13.1.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CT = "1.2.840.10008.5.1.4.1.1.2"


def read_with(any_modality=False, **attributes):
    return read(as_bytes(mammogram_dataset(ramp(), **attributes)), any_modality=any_modality)


@pytest.mark.parametrize(
    ("attributes", "flags"),
    [
        ({}, ()),
        ({"SOPClassUID": None}, ()),
        ({"Modality": None}, ()),
        ({"SOPClassUID": FOR_PROCESSING}, ("for_processing",)),
        ({"PresentationIntentType": "FOR PROCESSING"}, ("for_processing",)),
        ({"PresentationIntentType": "FOR PRESENTATION"}, ()),
        ({"SOPClassUID": PROJECTION}, ("projection",)),
        ({"BurnedInAnnotation": "YES"}, ("burned_in_annotation",)),
        ({"BurnedInAnnotation": "NO"}, ()),
        ({"BreastImplantPresent": "YES", "PartialView": "YES"}, ("implant", "partial_view")),
        ({"LossyImageCompression": "01"}, ("lossy_compression",)),
        ({"LossyImageCompression": "00"}, ()),
        ({"QualityControlImage": "YES"}, ("quality_control",)),
    ],
)
def test_mammograms_and_their_flags(attributes, flags):
    assert read_with(**attributes).flags == flags


@pytest.mark.parametrize(
    ("attributes", "what", "flags"),
    [
        ({"SOPClassUID": CT, "Modality": "CT"}, "a CT Image of modality CT", ("not_mammography",)),
        ({"SOPClassUID": CT}, "a CT Image of modality MG", ("not_mammography",)),
        (
            {"SOPClassUID": SECONDARY_CAPTURE},
            "a Secondary Capture Image of modality MG",
            ("not_mammography", "secondary_capture"),
        ),
        (
            {"SOPClassUID": SECONDARY_CAPTURE + ".2", "Modality": "OT"},
            "a Multi-frame Grayscale Byte Secondary Capture Image of modality OT",
            ("not_mammography", "secondary_capture"),
        ),
        ({"SOPClassUID": None, "Modality": "CR"}, "an object of unstated class of modality CR", ("not_mammography",)),
        ({"SOPClassUID": None, "Modality": None}, "an object of unstated class of modality unstated", ()),
        ({"SOPClassUID": "1.2.3.4.5"}, "a 1.2.3.4.5 of modality MG", ("not_mammography",)),
    ],
)
def test_others_are_refused_by_name_and_read_on_demand(attributes, what, flags):
    with pytest.raises(NotMammogramError) as caught:
        read_with(**attributes)
    assert str(caught.value) == (
        f"<bytes>: is no mammogram but {what}; read it all the same with any_modality=True (--any-modality)"
    )
    assert read_with(any_modality=True, **attributes).flags == flags


def test_tomosynthesis_is_refused_by_name_and_read_by_frame():
    frames = [ramp(seed=seed) for seed in range(3)]
    data = as_bytes(tomosynthesis(frames))
    for any_modality in (False, True):
        with pytest.raises(NotMammogramError) as caught:
            read(data, any_modality=any_modality)
        assert str(caught.value) == (
            "<bytes>: is a Breast Tomosynthesis Image of 3 frame(s), not one mammogram; "
            "read one of them with frame=0 .. 2"
        )
    for index, pixels in enumerate(frames):
        mammogram = read(data, frame=index)
        assert (mammogram.pixels == pixels).all()
        assert mammogram.flags == ("tomosynthesis",)
        assert mammogram.spacing_mm == (0.085, 0.085)
        assert mammogram.spacing_source == "pixel_spacing"
        assert mammogram.laterality == "R"
        assert mammogram.view is None
        assert mammogram.table[1000 + index] == 4095  # every frame has a window of its own
        assert mammogram.table[1000 + index - 1] < 4095


def test_items_of_functional_groups_that_overlap():
    """One that says to be longer would swallow the next, and the frame would get the window of another."""
    data = as_bytes(tomosynthesis([ramp(seed=seed) for seed in range(3)]))
    at = data.index(b"\x00\x52\x30\x92SQ")
    for frame in range(3):
        start = at + 12 + frame * (8 + int.from_bytes(data[at + 16 : at + 20], "little"))
        assert data[start : start + 4] == b"\xfe\xff\x00\xe0"
        longer = data[: start + 4] + bytes([data[start + 4] + 2]) + data[start + 5 :]
        with pytest.raises(UnreadableError, match="not made of items|truncated or damaged"):
            read(longer, frame=1)


def tomosynthesis(frames) -> Dataset:
    """An enhanced multi-frame object: the attributes that may vary with the frame are in functional groups."""
    dataset = mammogram_dataset(frames[0], SOPClassUID=TOMOSYNTHESIS, ImagerPixelSpacing=None)
    dataset.NumberOfFrames = len(frames)
    dataset.PixelData = b"".join(frame.tobytes() for frame in frames)
    measures, anatomy = Dataset(), Dataset()
    measures.PixelSpacing = [0.085, 0.085]
    anatomy.FrameLaterality = "R"
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.FrameAnatomySequence = Sequence([anatomy])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for index in range(len(frames)):
        voi, group, other = Dataset(), Dataset(), Dataset()
        other.ViewPosition = "CC"  # of another image: not this one's
        group.DerivationImageSequence = Sequence([other])
        voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = 500 + index, 1000, "LINEAR_EXACT"
        group.FrameVOILUTSequence = Sequence([voi])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return dataset


def test_objects_without_pixels():
    dataset = mammogram_dataset(ramp())
    del dataset.PixelData
    with pytest.raises(PixelDataError, match="^<bytes>: the DICOM object has no pixel data; give an image$"):
        read(as_bytes(dataset))
    with pytest.raises(PixelDataError, match="^<dataset>: the DICOM object has no pixel data; give an image$"):
        read(dataset)


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated"])
def test_missing_attributes(keyword):
    with pytest.raises(
        PixelDataError, match=rf"{keyword} \(0028,01?[01][01]\d?\) is missing; give an image with pixels"
    ):
        read_with(**{keyword: None})
    with pytest.raises(PixelDataError, match=rf"{keyword} .* is 0; give an image with pixels"):
        read_with(**{keyword: 0})


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, r"got 3 \(RGB\); give a MONOCHROME1"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, r"got 1 \(PALETTE COLOR\)"),
        ({"PhotometricInterpretation": None}, r"got 1 \(photometric interpretation unstated\)"),
        ({"BitsAllocated": 32}, "got 12 in 32 with high bit 11; correct"),
        ({"BitsStored": 17, "HighBit": 16}, "got 17 in 16 with high bit 16; correct"),
        ({"HighBit": 5}, "got 12 in 16 with high bit 5; correct"),
    ],
)
def test_pixels_of_another_kind(attributes, message):
    with pytest.raises(PixelDataError, match=message):
        read_with(**attributes)


def test_images_without_content():
    for value in (0, 4095):
        pixels = ramp() * 0 + value
        with pytest.raises(
            PixelDataError, match=f"every pixel has the stored value {value}; give an image with content"
        ):
            read(as_bytes(mammogram_dataset(pixels.astype("uint16"))))
    pixels = ramp() * 0 + 7
    pixels[:9] = 100
    dataset = mammogram_dataset(pixels.astype("uint16"))
    dataset.add_new("PixelPaddingValue", "US", 100)
    with pytest.raises(
        PixelDataError, match="every pixel that is no padding has the same value; give an image with con"
    ):
        read(dataset)


def test_source_names_no_patient():
    mammogram = read_with(PatientName="Doe^Jane", PatientID="42", PatientBirthDate="19700101")
    source = mammogram.source
    assert (source.name, source.format, source.modality, source.manufacturer) == ("<bytes>", "dicom", "MG", "Maker")
    assert source.sop_instance_uid == "1.2.3.4"
    assert source.study_instance_uid == "1.2.3.5"
    assert source.series_instance_uid == "1.2.3.6"
    assert source.transfer_syntax_uid == UID(EXPLICIT)
    assert source.photometric_interpretation == "MONOCHROME2"
    assert "Doe" not in repr(source)
    assert JPEG_EXTENDED not in repr(source)
