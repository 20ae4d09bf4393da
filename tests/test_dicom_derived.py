"""The enhanced image and magnified regions as derived mammograms: valid by dciodvfy, bound to their source, the same again for a second run."""

import json

import numpy
import pydicom
import pytest
from test_dicom_validity import errors

import mcfast
from mcfast.cli import main
from mcfast.errors import NotMammogramError
from mcfast.report import write_result
from mcfast.report.png import full_range

COPIED = ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "AccessionNumber", "ImageLaterality")


@pytest.fixture(scope="module")
def written(engine, small_dicom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("derived")
    result = engine(small_dicom)
    *regions, enhanced = write_result(result, folder, outputs=["mg"])
    assert enhanced.name == "enhanced.dcm"
    return result, regions


def test_one_object_for_each_region_that_dciodvfy_accepts(written):
    result, files = written
    assert len(files) == len(result.magnified) >= 1
    assert [file.name for file in files][:2] == ["magnified.dcm", "magnified-2.dcm"][: len(files)]
    for file in files:
        assert errors(file) == []


def test_header(written, small_dicom):
    result, files = written
    source = pydicom.dcmread(small_dicom, stop_before_pixels=True)
    seen = set()
    for number, (file, region) in enumerate(zip(files, result.magnified, strict=True), 1):
        derived = pydicom.dcmread(file, stop_before_pixels=True)
        for name in COPIED:
            assert derived[name].value == source[name].value, name
        assert list(derived.ImageType) == ["DERIVED", "SECONDARY"]
        assert [float(side) for side in derived.ImagerPixelSpacing] == pytest.approx([0.035, 0.035])
        assert derived.SeriesInstanceUID != source.SeriesInstanceUID
        reference = derived.SourceImageSequence[0]
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert reference.ReferencedSOPClassUID == source.SOPClassUID
        box = region.box
        assert f"Rows {box.row0} to {box.row1 - 1} and columns {box.column0}" in derived.DerivationDescription
        assert result.engine.models["fsrcnn"][:16] in derived.DerivationDescription
        assert "Research use only" in derived.DerivationDescription
        assert derived.InstanceNumber == number
        seen.add((derived.SeriesInstanceUID, derived.SOPInstanceUID))
    assert len({series for series, _ in seen}) == 1
    assert len({instance for _, instance in seen}) == len(files)


def test_pixels_come_back(written):
    result, files = written
    for file, region in zip(files, result.magnified, strict=True):
        mammogram = mcfast.read(file)
        numpy.testing.assert_array_equal(mcfast.window(mammogram), region.pixels)
        assert mammogram.spacing_mm == pytest.approx((0.035, 0.035))
        assert (mammogram.laterality, mammogram.view) == (result.mammogram.laterality, result.mammogram.view)


def test_the_enhanced_image(written, small_dicom):
    """Of the source's size and spacing, with the values that the engine gave."""
    result, (first, *_) = written
    path = first.with_name("enhanced.dcm")
    assert errors(path) == []
    source, derived = (pydicom.dcmread(one, stop_before_pixels=True) for one in (small_dicom, path))
    for name in (*COPIED, "ImagerPixelSpacing", "Rows", "Columns"):
        assert derived[name].value == source[name].value, name
    assert list(derived.ImageType) == ["DERIVED", "SECONDARY"]
    reference = derived.SourceImageSequence[0]
    assert (reference.ReferencedSOPInstanceUID, reference.SpatialLocationsPreserved) == (source.SOPInstanceUID, "YES")
    assert "dehazed" in derived.DerivationDescription
    assert "Research use only" in derived.DerivationDescription
    others = [pydicom.dcmread(one, stop_before_pixels=True) for one in (small_dicom, first)]
    assert derived.SeriesInstanceUID not in {one.SeriesInstanceUID for one in others}
    numpy.testing.assert_array_equal(mcfast.window(mcfast.read(path)), result.enhanced)


def test_the_same_run_writes_the_same_objects_and_another_configuration_others(written, small_dicom, tmp_path):
    _, files = written
    files = [*files, files[0].with_name("enhanced.dcm")]
    again = write_result(mcfast.Engine(mcfast.Config(spacing_mm=0.07))(small_dicom), tmp_path / "a", outputs=["mg"])
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in files]
    other = mcfast.Engine(mcfast.Config(spacing_mm=0.07, margin_mm=2.0))(small_dicom)
    uids = [
        pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID
        for file in (*files, *write_result(other, tmp_path / "b", outputs=["mg"]))
    ]
    assert len(set(uids)) == len(uids)


def test_magnification_factor_stays_with_the_halved_spacing(small_dicom, tmp_path):
    dataset = pydicom.dcmread(small_dicom)
    dataset.EstimatedRadiographicMagnificationFactor = "1.4"
    dataset.ImagerPixelSpacing = ["0.098", "0.098"]
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"
    dataset.LossyImageCompressionRatio = "7.5"
    dataset.save_as(tmp_path / "magnified view.dcm")
    result = mcfast.Engine()(tmp_path / "magnified view.dcm")
    file = write_result(result, tmp_path / "out", outputs=["mg"])[0]
    assert errors(file) == []
    derived = pydicom.dcmread(file, stop_before_pixels=True)
    assert [float(side) for side in derived.ImagerPixelSpacing] == pytest.approx([0.049, 0.049])
    assert derived.EstimatedRadiographicMagnificationFactor == 1.4
    assert (derived.LossyImageCompression, derived.LossyImageCompressionRatio) == ("01", 7.5)
    assert mcfast.read(file).spacing_mm == pytest.approx((0.035, 0.035))


def test_without_a_file_patient_and_study_are_anonymous(small_phantom, small_dicom, engine, tmp_path):
    result = engine(small_dicom.read_bytes())
    assert result.name == "<bytes>"
    derived = pydicom.dcmread(write_result(result, tmp_path, outputs=["mg"])[0], stop_before_pixels=True)
    assert derived.PatientID == ""
    assert derived.StudyInstanceUID == result.mammogram.source.study_instance_uid
    assert derived.SourceImageSequence[0].ReferencedSOPInstanceUID == result.mammogram.source.sop_instance_uid


def test_unknown_side_or_view_is_refused_and_the_rest_written(engine, small_phantom, tmp_path):
    result = engine(small_phantom.image)
    with pytest.raises(NotMammogramError, match="must state side and view, and they are None None; give a DICOM file"):
        write_result(result, tmp_path, outputs=["json", "mg"])
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_command(small_dicom, small_phantom, tmp_path, capsys):
    from mcfast.report.png import encode_png

    picture = tmp_path / "view.png"
    picture.write_bytes(encode_png(full_range(small_phantom.image, 12)))
    out = tmp_path / "out"
    options = ["--spacing-mm", "0.07", "--write", "json,mg", "--out", str(out)]
    assert main(["run", str(small_dicom), *options]) == 0
    assert (out / "small" / "magnified.dcm").exists()
    capsys.readouterr()
    assert main(["run", str(picture), *options]) == 1
    assert "must state side and view" in capsys.readouterr().err
    assert json.loads((out / "view" / "result.json").read_text())["status"] == "ok"
    assert main(["run", str(small_dicom), *options, "--magnify", "none"]) == 0
    assert (out / "small" / "enhanced.dcm").exists()
    assert not (out / "small" / "magnified.dcm").exists(), "what an earlier run left and this one has not is removed"


def test_real_files(real_data, tmp_path):
    engine = mcfast.Engine(mcfast.Config(spacing_mm=0.07))
    for name in ("mg_jpegls.dcm", "mg_mono1_j2k_lossless.dcm"):
        files = write_result(engine(real_data / "ingest" / "derived" / name), tmp_path / name, outputs=["mg"])
        assert len(files) > 1
        for file in files:
            assert errors(file) == []
