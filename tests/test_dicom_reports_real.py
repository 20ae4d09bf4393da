"""Reports on real mammograms under headers as they come: every kind, valid by others' validators, numbers of the JSON."""

import json
import shutil
import subprocess
from dataclasses import replace

import highdicom
import numpy
import pydicom
import pytest
from test_dicom_reports import items, number

import mcfast
from mcfast.report import write_result

KINDS = {
    "report.dcm": "Comprehensive3DSR",
    "cad.dcm": "MammographyCADSR",
    "marks.dcm": "SCImage",
    "enhanced.dcm": "MammographyImageForPresentation",
    "magnified.dcm": "MammographyImageForPresentation",
}
# dciodvfy of 2022 knows no label maps, and takes their background for a wrong segment number.
LABEL_MAP = ("Information Object Not found", "SegmentNumber not monotonically increasing")
FILES = {
    "nema": ("MG1_J2KI", "MG1_JPLY"),
    "derived": (
        *("mg_deflated.dcm", "mg_j2k_lossless.dcm", "mg_jpeg_lossless_p14.dcm", "mg_jpeg_lossless_sv1.dcm"),
        *("mg_jpegls.dcm", "mg_mono1_j2k_lossless.dcm", "mg_rle.dcm"),
    ),
}


@pytest.fixture(scope="module", params=[f"{folder}/{name}" for folder, names in FILES.items() for name in names])
def written(request, real_data, tmp_path_factory):
    """(JSON, folder of all reports). Two of the files are clinical Secondary Captures, seven bare mammograms."""
    path = real_data / "ingest" / request.param
    if not path.exists():
        pytest.skip(f"{path} is not there")
    folder = tmp_path_factory.mktemp("real")
    result = mcfast.Engine(mcfast.Config(any_modality=True, spacing_mm=0.07))(path)
    assert result.clusters
    result = replace(result, calcifications=result.calcifications[:30])  # highdicom takes its time for a hundred
    write_result(result, folder, outputs=("json", "mg", "sr", "cad-sr", "sc", "seg"))
    return json.loads((folder / "result.json").read_text()), folder


def test_valid_by_dciodvfy(written):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: apt install dicom3tools)")
    _, folder = written
    assert {*KINDS, "calcifications.dcm"} <= {path.name for path in folder.glob("*.dcm")}
    for path in folder.glob("*.dcm"):
        said = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
        lines = (said.stdout + said.stderr).splitlines()
        errors = [line for line in lines if line.startswith("Error")]
        if path.name == "calcifications.dcm":
            assert [line for line in errors if not any(known in line for known in LABEL_MAP)] == []
        else:
            assert errors == []
            assert KINDS.get(path.name, KINDS["magnified.dcm"]) in lines


def test_printed_by_dsrdump(written):
    if shutil.which("dsrdump") is None:
        pytest.skip("dsrdump is not installed (Debian: apt install dcmtk)")
    values, folder = written
    for name in ("report.dcm", "cad.dcm"):
        said = subprocess.run(["dsrdump", folder / name], capture_output=True, text=True, check=False)
        assert said.returncode == 0
        assert "E:" not in said.stderr
        assert said.stdout.count("129770007") >= len(values["calcifications"])


def test_numbers_are_those_of_the_json(written):
    values, folder = written
    findings = [*values["clusters"], *values["calcifications"]]
    groups = highdicom.sr.srread(folder / "report.dcm").content.get_planar_roi_measurement_groups()
    shown = list(items(pydicom.dcmread(folder / "cad.dcm"), "Single Image Finding"))
    for group, item, one in zip(groups, shown, findings, strict=True):
        measured = {one.name.meaning: one.value for one in group.get_measurements()}
        certain = pytest.approx(100 * one["score"], abs=1e-4)
        assert measured["Certainty of Finding"] == number(item, "Certainty of Finding") == certain
        if "count" in one:
            assert measured["Number of calcifications"] == number(item, "Number of calcifications") == one["count"]
            assert measured["Area"] == pytest.approx(one["area_mm2"], abs=1e-6)
            assert group.roi.value[:-1, ::-1] - 0.5 == pytest.approx(numpy.array(one["outline"]), abs=1e-3)
        else:
            assert measured["Diameter"] == pytest.approx(one["diameter_mm"], abs=1e-6)
            assert measured["Contrast to noise ratio"] == pytest.approx(one["contrast_to_noise"], abs=1e-6)
            assert group.roi.value[0, ::-1] - 0.5 == pytest.approx(numpy.array([one["row"], one["col"]]), abs=1e-3)
    segments = highdicom.seg.segread(folder / "calcifications.dcm")
    assert segments.number_of_segments >= len(values["clusters"])
    shape = segments.pixel_array.shape[-2:]
    assert shape == (values["image"]["rows"], values["image"]["columns"])
