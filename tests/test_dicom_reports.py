"""DICOM reports, read back by others: every number as in the JSON, valid by dciodvfy and dsrdump, the same again."""

import datetime
import json
import shutil
import subprocess
from dataclasses import replace

import numpy
import pydicom
import pytest

from mcfast import phantom
from mcfast.dicom.evidence import highdicom
from mcfast.dicom.pictures import label_image
from mcfast.errors import DependencyError, InputError, NotMammogramError, PixelDataError
from mcfast.report import write_result

KINDS = ("sr", "cad-sr", "sc", "seg")
FILES = {"sr": "report.dcm", "cad-sr": "cad.dcm", "sc": "marks.dcm", "seg": "calcifications.dcm"}
VIEWS = [("L", "CC"), ("R", "MLO")]


@pytest.fixture(scope="module", params=VIEWS, ids=["L CC", "R MLO"])
def reports(request, engine, tmp_path_factory):
    """(result, its JSON, folder of all reports, header of the source)"""
    folder = tmp_path_factory.mktemp("reports")
    laterality, view = request.param
    drawn = phantom.mammogram(4, shape=(900, 700), clusters=1, laterality=laterality, view=view)
    drawn.save_dicom(folder / "source.dcm")
    source = pydicom.dcmread(folder / "source.dcm")
    source.PatientName, source.PatientBirthDate, source.AccessionNumber = "Roe^Jane", "19560203", "A-77"
    source.StudyID, source.AcquisitionDate, source.AcquisitionTime = "S9", "20240102", "131415"
    source.save_as(folder / "source.dcm")
    result = engine(folder / "source.dcm")
    assert result.clusters, "the phantom's cluster must be found for this test to mean something"
    write_result(result, folder, outputs=KINDS)
    return result, json.loads(result.to_json()), folder, source


def items(dataset, meaning=None, kind=None):
    """All content items below, those of one concept name or value type only."""
    for item in dataset.get("ContentSequence", ()):
        name = item.ConceptNameCodeSequence[0].CodeMeaning if "ConceptNameCodeSequence" in item else None
        if meaning in (None, name) and kind in (None, item.get("ValueType")):
            yield item
        yield from items(item, meaning, kind)


def number(item, meaning):
    (found,) = [one for one in items(item, meaning) if one.ValueType == "NUM"]
    return float(found.MeasuredValueSequence[0].NumericValue)


@pytest.mark.parametrize("kind", KINDS)
def test_identity_is_the_sources_and_instances_are_new(reports, kind):
    _, _, folder, source = reports
    report = pydicom.dcmread(folder / FILES[kind])
    for name in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyID", "StudyInstanceUID"):
        assert report[name].value == source[name].value
    uids = {pydicom.dcmread(folder / name).SOPInstanceUID for name in (*FILES.values(), "source.dcm")}
    assert len(uids) == 5
    assert report.SeriesInstanceUID != source.SeriesInstanceUID
    assert "esearch use only" in report.SeriesDescription or "research use only" in report.SeriesDescription


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_writes_the_same(reports, kind, tmp_path, monkeypatch):
    result, _, folder, _ = reports
    write_result(result, tmp_path, outputs=[kind])
    assert (tmp_path / FILES[kind]).read_bytes() == (folder / FILES[kind]).read_bytes()
    today = datetime.date.today().strftime("%Y%m%d")  # nothing of the clock is in it
    assert today not in str(pydicom.dcmread(folder / FILES[kind]))


def test_other_findings_are_other_objects(reports, tmp_path):
    result, _, folder, _ = reports
    write_result(replace(result, calcifications=result.calcifications[:-1]), tmp_path, outputs=["cad-sr"])
    assert pydicom.dcmread(tmp_path / "cad.dcm").SOPInstanceUID != pydicom.dcmread(folder / "cad.dcm").SOPInstanceUID


def test_measurement_report(reports):
    """As highdicom reads it: numbers of the JSON, one tracking identifier for each group."""
    import highdicom

    _, values, folder, source = reports
    report = highdicom.sr.srread(folder / "report.dcm")
    assert report.content.get_observer_contexts()
    groups = report.content.get_planar_roi_measurement_groups()
    uids = [group.tracking_uid for group in groups]
    assert len(set(uids)) == len(groups) == len(values["clusters"]) + len(values["calcifications"])
    clusters = [group for group in groups if group.finding_type.value == "129769006"]
    singles = [group for group in groups if group.finding_type.value == "129770007"]

    def measured(group):
        return {one.name.meaning: one.value for one in group.get_measurements()}

    for group, one in zip(clusters, values["clusters"], strict=True):
        found = measured(group)
        assert found["Number of calcifications"] == one["count"]
        assert found["Area"] == pytest.approx(one["area_mm2"], abs=1e-6)
        assert found["Certainty of Finding"] == pytest.approx(100 * one["score"], abs=1e-4)
        points = group.roi.value
        numpy.testing.assert_allclose(points[:-1, ::-1] - 0.5, one["outline"], atol=1e-3)
        numpy.testing.assert_array_equal(points[0], points[-1])
    for group, one in zip(singles, values["calcifications"], strict=True):
        found = measured(group)
        assert found["Diameter"] == pytest.approx(one["diameter_mm"], abs=1e-6)
        assert found["Certainty of Finding"] == pytest.approx(100 * one["score"], abs=1e-4)
        assert found["Peak minus background, presentation counts"] == pytest.approx(one["contrast"], abs=1e-5)
        assert found["Contrast to noise ratio"] == pytest.approx(one["contrast_to_noise"], abs=1e-6)
        numpy.testing.assert_allclose(group.roi.value[0, ::-1] - 0.5, [one["row"], one["col"]], atol=1e-3)
        site = group.finding_sites[0]
        assert site.laterality.meaning == {"L": "Left", "R": "Right"}[source.ImageLaterality]
    assert report.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID == source.StudyInstanceUID
    image = [one for one in report.content.get_image_measurement_groups() if one.tracking_identifier == "image"]
    assert measured(image[0])["Certainty of Finding"] == pytest.approx(100 * values["score"], abs=1e-4)


def test_cad_report_says_what_the_json_says(reports):
    _, values, folder, source = reports
    report = pydicom.dcmread(folder / "cad.dcm")
    (side,), (view,) = items(report, "Image Laterality"), items(report, "Image View")
    assert side.ConceptCodeSequence[0].CodeMeaning[0] == source.ImageLaterality
    assert view.ConceptCodeSequence[0].CodeMeaning == source.ViewPosition
    found = list(items(report, "Single Image Finding"))
    expected = [*values["clusters"], *values["calcifications"]]
    for item, one in zip(found, expected, strict=True):
        assert number(item, "Certainty of Finding") == pytest.approx(100 * one["score"], abs=1e-4)
        (centre,) = items(item, "Center")
        numpy.testing.assert_allclose(centre.GraphicData[::-1], [one["row"] + 0.5, one["col"] + 0.5], atol=1e-3)
        if "count" in one:
            assert number(item, "Number of calcifications") == one["count"]
            (outline,) = items(item, "Outline")
            corners = numpy.array(outline.GraphicData).reshape(-1, 2)
            numpy.testing.assert_allclose(corners[:-1, ::-1] - 0.5, one["outline"], atol=1e-3)
            numpy.testing.assert_array_equal(corners[0], corners[-1])


def test_capture_and_segmentation(reports):
    import highdicom

    result, _, folder, _ = reports
    capture = pydicom.dcmread(folder / "marks.dcm")
    from mcfast.report.marks import marks_picture

    numpy.testing.assert_array_equal(capture.pixel_array, marks_picture(result))
    assert capture.BurnedInAnnotation == "YES"
    assert capture.ImageType[0] == "DERIVED"
    labels, names = label_image(result)
    segmentation = highdicom.seg.segread(folder / "calcifications.dcm")
    numpy.testing.assert_array_equal(segmentation.pixel_array.reshape(labels.shape), labels)
    described = [segmentation.get_segment_description(n).segment_label for n in range(1, len(names) + 1)]
    assert described == names
    spacing = result.mammogram.spacing_mm[0]
    for one in result.calcifications:
        label = labels[round(one.row), round(one.col)]
        assert label
    areas = (labels > 0).sum() * spacing**2
    disks = sum(numpy.pi / 4 * max(one.diameter_mm, spacing) ** 2 for one in result.calcifications)
    assert 0.6 * disks < areas < 1.3 * disks


@pytest.mark.parametrize("kind", ["sr", "cad-sr", "sc"])
def test_valid_by_dciodvfy(reports, kind):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: apt install dicom3tools)")
    said = subprocess.run(["dciodvfy", "-new", reports[2] / FILES[kind]], capture_output=True, text=True, check=False)
    lines = (said.stdout + said.stderr).splitlines()
    assert {"sr": "Comprehensive3DSR", "cad-sr": "MammographyCADSR", "sc": "SCImage"}[kind] in lines
    assert [line for line in lines if line.startswith("Error")] == []


@pytest.mark.parametrize("kind", ["sr", "cad-sr"])
def test_printed_by_dsrdump(reports, kind):
    if shutil.which("dsrdump") is None:
        pytest.skip("dsrdump is not installed (Debian: apt install dcmtk)")
    said = subprocess.run(["dsrdump", reports[2] / FILES[kind]], capture_output=True, text=True, check=False)
    assert said.returncode == 0
    assert "E:" not in said.stderr
    assert said.stdout.count("129770007") >= len(reports[0].calcifications)


def test_what_cannot_be_reported_is_one_sentence_and_the_rest_is_written(engine, small_dicom, tmp_path):
    array = engine(numpy.random.default_rng(3).integers(0, 4096, (300, 200)).astype(numpy.uint16))
    for kind in KINDS:
        with pytest.raises(InputError, match=f"<array>: {kind} refers to a DICOM image, and this is no DICOM file"):
            write_result(array, tmp_path, outputs=[kind, "json"])
        assert (tmp_path / "result.json").exists()
    dataset = pydicom.dcmread(small_dicom)
    for name in ("ImageLaterality", "ViewPosition", "ViewCodeSequence"):
        delattr(dataset, name)
    dataset.save_as(tmp_path / "nameless.dcm")
    nameless = engine(tmp_path / "nameless.dcm")
    with pytest.raises(NotMammogramError, match="cad-sr must state side and view, and they are None None"):
        write_result(nameless, tmp_path / "out", outputs=KINDS)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "calcifications.dcm",
        "marks.dcm",
        "report.dcm",
    ]


def test_failed_is_a_cad_report_that_says_so(engine, small_dicom, tmp_path):
    failed = engine.failed(small_dicom, PixelDataError(f"{small_dicom}: is constant"))
    assert [path.name for path in write_result(failed, tmp_path, outputs=KINDS)] == ["cad.dcm"]
    report = pydicom.dcmread(tmp_path / "cad.dcm")
    (summary,) = items(report, "Summary of Detections")
    assert summary.ConceptCodeSequence[0].CodeMeaning == "Failed"
    assert not list(items(report, "Single Image Finding"))
    assert [one.CodeMeaning for item in items(report, "Failed Detections") for one in item.ConceptNameCodeSequence]


def test_a_failed_stray_file_has_no_report(engine, tmp_path):
    (tmp_path / "notes.txt").write_text("no mammogram")
    failed = engine.failed(tmp_path / "notes.txt", PixelDataError("x"))
    assert write_result(failed, tmp_path / "out", outputs=KINDS) == []


def test_without_highdicom(monkeypatch):
    import builtins

    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("highdicom"):
            raise ImportError("No module named 'highdicom'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(DependencyError, match=r"pip install 'mcfast\[report\]'"):
        highdicom()
