"""Written mammograms: read back exactly, by this package and by others, whole or not at all."""

from __future__ import annotations

import highdicom
import numpy
import pydicom
import pytest
from dicom_files import DEFLATED, EXPLICIT, IMPLICIT, RLE, ramp

from mcfast.dicom.encode import ENCODERS
from mcfast.dicom.write import stable_uid, write_mammogram
from mcfast.reading import read

SYNTAXES = [IMPLICIT, EXPLICIT, DEFLATED, *ENCODERS]
PLAIN = {"spacing_mm": 0.07, "laterality": "L", "view": "CC"}


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_written_pixels_come_back(tmp_path, syntax, bits):
    pixels = ramp(31, 45, bits=bits)
    path = tmp_path / "image.dcm"
    uid = write_mammogram(path, pixels, **PLAIN, bits=bits, transfer_syntax=syntax)
    mammogram = read(path)
    numpy.testing.assert_array_equal(mammogram.pixels, pixels)
    numpy.testing.assert_array_equal(mammogram.table, numpy.arange(1 << bits))
    assert mammogram.bits == bits
    assert mammogram.source.transfer_syntax_uid == syntax
    assert mammogram.source.sop_instance_uid == uid


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, RLE])
def test_others_read_what_is_written(tmp_path, syntax):
    pixels = ramp(31, 45)
    path = tmp_path / "image.dcm"
    write_mammogram(path, pixels, **PLAIN, transfer_syntax=syntax, photometric="MONOCHROME1")
    numpy.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, pixels)
    frame = highdicom.imread(path).get_frame(1, apply_voi_transform=True)
    numpy.testing.assert_allclose(frame * 4095, 4095 - pixels.astype(float), atol=1e-9)


def test_the_header_says_what_was_given(tmp_path):
    path = tmp_path / "image.dcm"
    write_mammogram(
        path,
        ramp(),
        spacing_mm=(0.05, 0.0654321),
        laterality="R",
        view="MLO",
        photometric="MONOCHROME1",
        patient_id="P1",
        manufacturer="M1",
        description="D1",
        burned_in_annotation=True,
        study_date="20200102",
    )
    mammogram = read(path)
    assert mammogram.spacing_mm == (0.05, 0.0654321)
    assert mammogram.spacing_source == "imager"
    assert (mammogram.laterality, mammogram.view) == ("R", "MLO")
    assert mammogram.flags == ("burned_in_annotation",)
    numpy.testing.assert_array_equal(mammogram.table, numpy.arange(4095, -1, -1))
    dataset = pydicom.dcmread(path)
    assert dataset.PatientID == "P1"
    assert dataset.Manufacturer == "M1"
    assert dataset.ImageComments == "D1"
    assert dataset.StudyDate == "20200102"
    assert dataset.PatientOrientation == ["P", "FL"]
    assert dataset.PresentationLUTShape == "INVERSE"


@pytest.mark.parametrize(
    ("laterality", "view", "orientation"),
    [("L", "CC", ["A", "R"]), ("R", "CC", ["P", "L"]), ("L", "MLO", ["A", "FR"]), ("R", "ML", ["P", "F"])],
)
def test_orientation(tmp_path, laterality, view, orientation):
    path = tmp_path / "image.dcm"
    write_mammogram(path, ramp(), spacing_mm=0.1, laterality=laterality, view=view)
    assert pydicom.dcmread(path).PatientOrientation == orientation


def test_required_attributes_are_there(tmp_path):
    """Type 1 attributes of PS3.3 A.27 (with values) and type 2 attributes (perhaps without)."""
    path = tmp_path / "image.dcm"
    write_mammogram(path, ramp(), **PLAIN)
    dataset = pydicom.dcmread(path)
    type_1 = """SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality PresentationIntentType ImageType
        ImageLaterality BurnedInAnnotation LossyImageCompression SamplesPerPixel PhotometricInterpretation Rows Columns
        BitsAllocated BitsStored HighBit PixelRepresentation PixelIntensityRelationship PixelIntensityRelationshipSign
        RescaleIntercept RescaleSlope RescaleType PresentationLUTShape ImagerPixelSpacing PositionerType OrganExposed
        AnatomicRegionSequence ViewCodeSequence PatientOrientation WindowCenter WindowWidth PixelData"""
    for keyword in type_1.split():
        assert dataset[keyword].value not in (None, "", []), keyword
    type_2 = """PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID
        AccessionNumber SeriesNumber InstanceNumber Manufacturer DetectorType AcquisitionContextSequence"""
    for keyword in type_2.split():
        assert keyword in dataset, keyword
    assert "ViewModifierCodeSequence" in dataset.ViewCodeSequence[0]


def test_same_pixels_give_same_bytes(tmp_path):
    first, second, third = (tmp_path / name for name in ("1", "2", "3"))
    uids = [write_mammogram(path, ramp(seed=seed), **PLAIN) for path, seed in ((first, 0), (second, 0), (third, 1))]
    assert first.read_bytes() == second.read_bytes() != third.read_bytes()
    assert uids[0] == uids[1] != uids[2]
    assert write_mammogram(third, ramp(), **PLAIN, patient_id="OTHER") != uids[0]
    assert write_mammogram(third, ramp(), **PLAIN, transfer_syntax=EXPLICIT) != uids[0]


def test_stable_uids_are_valid():
    assert stable_uid("a", 1) == stable_uid("a", 1) != stable_uid("a", 2)
    assert stable_uid("a", "b") != stable_uid("ab")
    assert pydicom.uid.UID(stable_uid("x")).is_valid


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "image.dcm"
    path.write_bytes(b"as it was")

    def fail(*args, **kwargs):
        args[0].write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(pydicom, "dcmwrite", fail)
    with pytest.raises(OSError, match="disk full"):
        write_mammogram(path, ramp(), **PLAIN)
    assert path.read_bytes() == b"as it was"
    assert [entry.name for entry in tmp_path.iterdir()] == ["image.dcm"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"pixels": ramp().astype(float)}, TypeError, r"\(pixels\): expected uint8 or uint16, got float64; cast"),
        ({"pixels": [[1]]}, TypeError, r"\(pixels\): expected uint8 or uint16, got list"),
        ({"pixels": ramp()[0]}, ValueError, r"\(pixels\): expected two dimensions .*, got shape \(47,\)"),
        ({"pixels": ramp()[:0]}, ValueError, r"got shape \(0, 47\)"),
        ({"laterality": "B"}, ValueError, r"\(laterality\): expected one of L, R, got 'B'"),
        ({"view": "AP"}, ValueError, r"\(view\): expected one of CC, MLO, ML, .*, got 'AP'"),
        (
            {"transfer_syntax": "1.2.3"},
            ValueError,
            r"\(transfer_syntax\): expected one of 1.2.840.10008.1.2, .*'1.2.3'",
        ),
        ({"photometric": "RGB"}, ValueError, r"\(photometric\): expected one of MONOCHROME1, MONOCHROME2, got 'RGB'"),
        ({"bits": 7}, ValueError, r"\(bits\): expected 8 .. 16, got 7"),
        ({"bits": 10}, ValueError, r"\(bits\): expected enough bits for the value 4095, got 10; state more"),
        ({"spacing_mm": 7}, ValueError, r"spacing_mm=7 is impossible; give 0.01 .. 1.0 mm"),
    ],
)
def test_wrong_arguments(tmp_path, changes, error, message):
    arguments = {"pixels": ramp(), **PLAIN, **changes}
    with pytest.raises(error, match=message):
        write_mammogram(tmp_path / "image.dcm", arguments.pop("pixels"), **arguments)
    assert not list(tmp_path.iterdir())
