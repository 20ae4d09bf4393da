"""Whose images they are: tables, marks, names; and intervals that follow."""

import json

import numpy
import pytest
from PIL import Image

from mcfast.cli import main
from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate import robustness
from mcfast.evaluate.cases import inserted_cases
from mcfast.evaluate.detection import Findings, evaluate_detection
from mcfast.evaluate.looks import LOOKS
from mcfast.evaluate.patients import read_patients, what_is_known
from mcfast.evaluate.truth import ImageTruth, point
from mcfast.phantom import mammogram

INBREAST = "20586908_6c613a14b80a8591_MG_R_CC_ANON"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two small mammograms without calcifications of their own."""
    folder = tmp_path_factory.mktemp("pictures")
    for seed, name in ((52, "a_L"), (53, "a_R")):
        drawn = mammogram(seed, shape=(400, 320), spacing_mm=0.1, clusters=0)
        Image.fromarray(drawn.image).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text("image,patient\na_L.png,anna\na_R,anna\n")
    return path


def test_table(table) -> None:
    assert read_patients(table) == {"a_L": "anna", "a_R": "anna"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,woman\na,b\n", r"p.csv: expected columns image and patient, got image, woman"),
        ("image,patient\na,\n", r"p.csv: line 2: expected an image and a patient, got 'a' and ''"),
        ("image,patient\na\n", r"p.csv: line 2: expected an image and a patient, got 'a' and ''"),
        ("image,patient\na,b\na.png,c\n", r"p.csv: line 3: a has two patients, b and c"),
        ("", r"p.csv: expected columns image and patient, got $"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, message) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_patients(path)


def test_what_is_no_table(tmp_path) -> None:
    with pytest.raises(UnreadableError, match=r"gone.csv: cannot be read"):
        read_patients(tmp_path / "gone.csv")
    (tmp_path / "p.csv").write_bytes(b"image,patient\n\xff\xfe,a\n")
    with pytest.raises(UnreadableError, match=r"p.csv: is no CSV file in UTF-8"):
        read_patients(tmp_path / "p.csv")


def test_table_before_marks_before_name(tmp_path) -> None:
    files = [tmp_path / f"{name}.png" for name in (INBREAST, "a_L", "a_R")]
    marks = (point(1, 2),)
    truth = [ImageTruth("20586908", marks), ImageTruth("a_L", marks, (), "berta"), ImageTruth("a_R", (), (), "a_R")]
    known, patients = what_is_known(files, truth)
    assert known == {INBREAST: marks, "a_L": marks, "a_R": ()}
    assert patients == {INBREAST: "6c613a14b80a8591", "a_L": "berta"}
    assert what_is_known(files[:1])[1] == {INBREAST: "6c613a14b80a8591"}
    given = {INBREAST: "x", "a_L": "y", "a_R": "y", "other": "z"}
    assert what_is_known(files, truth, given)[1] == {INBREAST: "x", "a_L": "y", "a_R": "y"}
    with pytest.raises(InputError, match=r"patients: expected a line for each image, got none for a_R; add it"):
        what_is_known(files, truth, {INBREAST: "x", "a_L": "y"})


def test_cases_carry_the_patient(pictures) -> None:
    files = sorted(pictures.iterdir())
    cases = inserted_cases(files, spacing_mm=0.1, patients={"a_L": "anna"})
    assert [case.patient for case in cases] == ["anna", "anna", str(files[1]), str(files[1])]
    assert cases[0].load()[1].patient == "anna"
    assert cases[2].load()[1].patient == str(files[1])


def test_intervals_widen_with_fewer_patients() -> None:
    """Eight images, found wholly or not at all, are not two patients."""
    place, nothing = numpy.array([[10.0, 10.0]]), numpy.empty((0, 2))
    results, truth = [], []
    for index in range(8):
        found = place if index % 2 else nothing
        score = numpy.full(len(found), 0.9)
        results.append(Findings(f"i{index}", found, score, (), (), 0.5, (500, 500), (0.1, 0.1)))
        truth.append(ImageTruth(f"i{index}", (point(10, 10),), (), f"i{index}"))
    by_image = evaluate_detection(results, truth, draws=200)
    two = {f"i{index}": "anna" if index % 2 else "berta" for index in range(8)}
    by_patient = evaluate_detection(results, truth, patients=two, draws=200)
    assert (by_image["patients"], by_patient["patients"]) == (8, 2)
    first, second = (report["per_calcification"]["sensitivity"][0] for report in (by_image, by_patient))
    assert first["value"] == second["value"] == 0.5
    assert 0 < first["low"] < first["high"] < 1
    assert (second["low"], second["high"]) == (0, 1)
    with pytest.raises(InputError, match=r"got none for i0; add it to the table"):
        evaluate_detection(results, truth, patients={"i1": "anna"})


def test_commands_take_a_table(pictures, table, tmp_path, capsys, monkeypatch) -> None:
    shared = [str(pictures), "--spacing-mm", "0.1", "--draws", "3", "--patients", str(table)]
    assert main(["evaluate", "comparison", *shared]) == 0
    assert "4 images of 1," in capsys.readouterr().out
    seen = []
    whole = robustness.see
    monkeypatch.setitem(whole.__kwdefaults__, "looks", LOOKS[:1])
    monkeypatch.setattr(robustness, "see", lambda *one, **named: seen.extend(whole(*one, **named)) or seen[-1:])
    assert main(["evaluate", "looks", *shared, "--threads", "1"]) == 0
    assert [one.patient for one in seen] == ["anna", "anna"]
    table.write_text("image,patient\na_L,anna\n")
    capsys.readouterr()
    assert main(["evaluate", "comparison", *shared]) == 1
    assert "got none for a_R; add it to the table" in capsys.readouterr().err


def test_detection_takes_a_table(small_phantom, small_dicom, tmp_path, capsys) -> None:
    results, truth = tmp_path / "results", tmp_path / "small.json"
    assert main(["run", str(small_dicom), "--out", str(results), "--write", "json"]) == 0
    truth.write_text(json.dumps(small_phantom.truth()))
    (tmp_path / "p.csv").write_text("image,patient\nsmall.dcm,anna\n")
    command = ["evaluate", "detection", str(results), str(truth), "--draws", "3", "--patients"]
    assert main([*command, str(tmp_path / "p.csv")]) == 0
    capsys.readouterr()
    (tmp_path / "p.csv").write_text("image,patient\nother,anna\n")
    assert main([*command, str(tmp_path / "p.csv")]) == 1
    assert "got none for small; add it to the table" in capsys.readouterr().err
