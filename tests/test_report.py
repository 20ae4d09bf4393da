"""Files of a result: whole or not there, and readable by others."""

import json
import os

import cv2
import numpy
import pytest

from mcfast.errors import ConfigError, UnreadableError
from mcfast.report import OUTPUTS, PICTURES, write_result
from mcfast.report.png import encode_png, full_range
from mcfast.report.write import write_file


@pytest.fixture(scope="module")
def result(engine, small_dicom):
    return engine(small_dicom)


def test_files(result, tmp_path):
    files = write_result(result, tmp_path / "a" / "b")
    assert {file.name for file in files} >= {"result.json", "marks.png", "enhanced.png", "magnified.png"}
    assert sorted(os.listdir(tmp_path / "a" / "b")) == sorted(file.name for file in files)
    assert json.loads((tmp_path / "a" / "b" / "result.json").read_text())["status"] == "ok"
    marks = cv2.imread(str(tmp_path / "a" / "b" / "marks.png"))
    assert 1000 < max(marks.shape) < 2200
    enhanced = cv2.imread(str(tmp_path / "a" / "b" / "enhanced.png"), cv2.IMREAD_UNCHANGED)
    assert enhanced.dtype == numpy.uint16
    expected = numpy.rint(result.enhanced / 4095 * 65535)
    numpy.testing.assert_array_equal(enhanced, expected)
    magnified = cv2.imread(str(tmp_path / "a" / "b" / "magnified.png"), cv2.IMREAD_UNCHANGED)
    assert magnified.shape == result.magnified[0].pixels.shape


def test_marks_are_drawn_where_the_findings_are(result):
    from mcfast.report.marks import CALCIFICATION, SINGLE, marks_picture, picture_scale

    picture = marks_picture(result).astype(int)
    scale = picture_scale(result.image.shape)
    for one in result.calcifications:
        row, col = int((one.row + 0.5) * scale), int((one.col + 0.5) * scale)
        around = picture[max(0, row - 8) : row + 9, max(0, col - 8) : col + 9]
        colour = SINGLE if one.cluster is None else CALCIFICATION
        assert (numpy.abs(around - colour).sum(axis=-1) < 40).any()


def test_only_what_is_asked_for(result, tmp_path):
    assert [file.name for file in write_result(result, tmp_path, outputs=["json"])] == ["result.json"]
    with pytest.raises(
        ConfigError,
        match="outputs: expected some of json, marks, enhanced, magnified, html, features, mg, sr, cad-sr, sc, seg, got pdf",
    ):
        write_result(result, tmp_path, outputs=["pdf"])
    assert PICTURES == ("json", "marks", "enhanced", "magnified")
    assert (*PICTURES, "html", "features", "mg", "sr", "cad-sr", "sc", "seg") == OUTPUTS


def test_a_failed_result_has_json_alone(engine, tmp_path):
    failed = engine.failed("x.dcm", UnreadableError("x.dcm: is empty; fetch the file again"))
    assert [file.name for file in write_result(failed, tmp_path)] == ["result.json"]


def test_no_half_file_stays(tmp_path, monkeypatch):
    target = tmp_path / "result.json"
    target.write_bytes(b"old")

    def broken(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="no space left"):
        write_file(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_png_round_trip(tmp_path):
    for dtype in (numpy.uint8, numpy.uint16):
        image = numpy.random.default_rng(1).integers(0, 256, (33, 47)).astype(dtype)
        (tmp_path / "x.png").write_bytes(encode_png(image[:, ::-1]))
        numpy.testing.assert_array_equal(cv2.imread(str(tmp_path / "x.png"), cv2.IMREAD_UNCHANGED), image[:, ::-1])


def test_full_range():
    values = numpy.array([[0, 1, 2048, 4095]], numpy.uint16)
    assert full_range(values, 12).tolist() == [[0, 16, 32776, 65535]]
    assert full_range(values, 16) is values


def test_pictures_of_an_earlier_result_go(result, engine, tmp_path):
    write_result(result, tmp_path)
    (tmp_path / "magnified-99.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    write_result(engine.failed("x.dcm", UnreadableError("x.dcm: is empty")), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["notes.txt", "result.json"]


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (5, 7), (20, 20), (5000, 1)])
def test_pictures_of_tiny_images(engine, shape, tmp_path):
    image = numpy.random.default_rng(3).integers(0, 4096, shape).astype(numpy.uint16)
    files = write_result(engine(image), tmp_path)
    assert {"marks.png", "enhanced.png"} <= {file.name for file in files}
    numpy.testing.assert_array_equal(cv2.imdecode(numpy.frombuffer(encode_png(image), "u1"), -1), image)


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left") as raised:
        write_file(tmp_path / "result.json", b"new")
    assert raised.value.filename == str(tmp_path / "result.json")
