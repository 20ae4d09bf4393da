"""The command line as a user meets it: files, tables, exit codes, one line for each bad input."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy
import pytest

import mcfast
from mcfast.cli import main
from mcfast.cli.inputs import expand, image_files, result_names
from mcfast.errors import InputError


def test_run(small_dicom, tmp_path, capsys):
    assert main(["run", str(small_dicom), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert "small " in printed.out
    for stage in ("read", "enhance", "classify", "magnify", "total", "write"):
        assert stage in printed.out
    assert "Research use only" in printed.out
    files = os.listdir(tmp_path / "out" / "small")
    assert {"result.json", "marks.png", "enhanced.png", "magnified.png"} <= set(files)


def test_a_bad_file_is_a_line_and_exit_code_1_and_the_rest_is_done(small_dicom, tmp_path, capsys):
    bad = tmp_path / "bad.dcm"
    bad.write_bytes(b"no mammogram")
    code = main(
        [
            "run",
            str(bad),
            str(small_dicom),
            str(tmp_path / "gone.dcm"),
            "--out",
            str(tmp_path / "out"),
            "--write",
            "json",
        ]
    )
    printed = capsys.readouterr()
    assert code == 1
    lines = printed.err.strip().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"mcfast: {bad}: ")
    assert lines[1].startswith(f"mcfast: {tmp_path / 'gone.dcm'}: ")
    statuses = {
        name: json.loads((tmp_path / "out" / name / "result.json").read_text())["status"]
        for name in ("bad", "small", "gone")
    }
    assert statuses == {"bad": "failed", "small": "ok", "gone": "failed"}


def test_options(small_phantom, tmp_path, capsys):
    from mcfast.report.png import encode_png

    picture = tmp_path / "view.png"
    picture.write_bytes(encode_png(small_phantom.image))
    out = tmp_path / "out"
    assert main(["run", str(picture), "--out", str(out)]) == 1
    assert "--spacing-mm" in capsys.readouterr().err
    options = ["--spacing-mm", "0.07", "--min-score", "0.9", "--magnify", "none", "--threads", "1", "--write", "json"]
    assert main(["run", str(picture), "--out", str(out), *options]) == 0
    values = json.loads((out / "view" / "result.json").read_text())
    assert values["engine"]["configuration"]["detector"]["min_score"] == 0.9
    assert all(one["score"] >= 0.9 for one in values["calcifications"])
    assert values["magnified"] == []
    assert os.listdir(out / "view") == ["result.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--min-score", "2"], "--min-score: expected 0 to 1, got 2"),
        (
            ["--write", "pdf"],
            "--report: expected some of json,marks,enhanced,magnified,html,features,mg,sr,cad-sr,sc,seg, got 'pdf'",
        ),
        (
            ["--write", ""],
            "--report: expected some of json,marks,enhanced,magnified,html,features,mg,sr,cad-sr,sc,seg, got ''",
        ),
        (["--threads", "0"], "--threads: expected 1 to 256, got 0"),
    ],
)
def test_wrong_options_are_one_line(options, message, tmp_path, capsys):
    assert main(["run", "x.dcm", "--out", str(tmp_path), *options]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_folders_are_walked(small_dicom, tmp_path, capsys):
    for name in ("b/one.dcm", "a/one.dcm", ".hidden/one.dcm", "a/.secret"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    files = expand([str(tmp_path / "in"), str(tmp_path / "in" / "a" / "one.dcm")])
    assert [str(file.relative_to(tmp_path / "in")) for file in files] == ["a/one.dcm", "b/one.dcm"]
    assert result_names(files) == ["one", "one-2"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["run", str(empty), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert printed.err == f"mcfast: {empty}: no files there; nothing to do\n"
    assert printed.out == ""
    assert not (tmp_path / "out").exists()


def test_a_file_where_the_results_shall_go(small_dicom, tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_bytes(b"mine")
    for command in (["run", str(small_dicom)], ["demo"]):
        assert main([*command, "--out", str(taken)]) == 1
        error = capsys.readouterr().err
        assert error == f"mcfast: --out: {taken} cannot be made a folder (File exists); name another\n"
    assert taken.read_bytes() == b"mine"


def test_a_folder_that_may_not_be_written_to(small_dicom, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)  # root may write anywhere
    assert main(["run", str(small_dicom), "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error == f"mcfast: --out: {tmp_path} is a folder that you may not write to; name another\n"


def test_names_never_collide():
    from pathlib import Path

    names = result_names([Path("a/x.dcm"), Path("b/x.dcm"), Path("x-2"), Path("c/x.png"), Path("MG1_J2KI")])
    assert len(set(names)) == 5
    assert names[0] == "x"
    assert names[-1] == "MG1_J2KI"


def test_info(capsys):
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    for word in ("mcfast", "cpu_level", "threads", "native", "cuda", "unavailable: ", "onnxruntime", "vgg12", "fsrcnn"):
        assert word in printed


def test_demo(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out)]) == 0
    assert {"phantom.dcm", "truth.json", "result.json", "marks.png", "enhanced.png", "magnified.png"} <= set(
        os.listdir(out)
    )
    printed = capsys.readouterr().out
    assert "look at" in printed
    truth = json.loads((out / "truth.json").read_text())
    assert (truth["rows"], truth["columns"], truth["bits"]) == (3328, 2560, 12)
    result = json.loads((out / "result.json").read_text())
    assert result["source"]["transfer_syntax_uid"] == "1.2.840.10008.1.2.4.70"
    assert len(result["clusters"]) >= 2


def test_help_says_research_use_only():
    commands = (
        [],
        ["run"],
        ["map"],
        ["demo"],
        ["info"],
        ["evaluate"],
        ["evaluate", "sr"],
        ["train"],
        ["train", "fsrcnn"],
    )
    for arguments in ([*command, "--help"] for command in commands):
        text = subprocess.run(
            [sys.executable, "-m", "mcfast", *arguments], capture_output=True, text=True, check=True
        ).stdout
        assert "Research use only" in " ".join(text.split())


def test_version(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("mcfast 0.")
    assert mcfast.__version__ == version("mcfast")


def test_usage_errors_are_code_2():
    process = subprocess.run([sys.executable, "-m", "mcfast", "run"], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "--out" in process.stderr


def test_real_files(real_data, tmp_path, capsys):
    """Every file of the ingest folder gives a result; the seven encodings of one image give the same findings."""
    derived = sorted((real_data / "ingest" / "derived").glob("*.dcm"))
    nema = sorted((real_data / "ingest" / "nema").iterdir())
    files = [str(file) for file in (*derived, *nema)]
    options = ["--any-modality", "--spacing-mm", "0.07", "--write", "json"]
    assert main(["run", *files, "--out", str(tmp_path), *options]) == 0
    found = {file.stem: json.loads((tmp_path / file.stem / "result.json").read_text()) for file in (*derived, *nema)}
    assert len(derived) == 7
    first, *others = [found[file.stem] for file in derived]
    assert len(first["calcifications"]) >= 20
    for other in others:
        assert other["calcifications"] == first["calcifications"]
        assert other["clusters"] == first["clusters"]
        assert other["score"] == first["score"]
    label = numpy.array([[210, 1320], [280, 1530]])  # the burnt-in view label, rows and columns
    for one in first["calcifications"]:
        assert not (label[0, 0] <= one["row"] <= label[1, 0] and label[0, 1] <= one["col"] <= label[1, 1])


def test_names_are_shown_in_one_line_as_they_are(tmp_path, capsys):
    for name in ("[bold]x.dcm", "a\nb.dcm", "c\x1b[31m.dcm"):
        (tmp_path / name).write_bytes(b"")
        assert main(["run", str(tmp_path / name), "--out", str(tmp_path / "out")]) == 1
        printed = capsys.readouterr()
        shown = name.removesuffix(".dcm").encode("unicode_escape").decode()
        assert shown in printed.out
        assert printed.err.count("\n") == 1
        assert shown in printed.err


def test_results_of_an_earlier_run_are_no_input(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    for path in (tmp_path / "one.dcm", results / "marks.png"):
        path.write_bytes(b"")
    assert expand([str(tmp_path)], leave_out=results) == [tmp_path / "one.dcm"]
    assert expand([str(results)], leave_out=results) == [results / "marks.png"]


def test_images_of_a_folder(tmp_path):
    for name, content in (
        ("a.PNG", b""),
        ("b.dcm", b""),
        ("LICENSE", b"text"),
        ("c", bytes(128) + b"DICM"),
        ("d.md", b""),
    ):
        (tmp_path / name).write_bytes(content)
    assert [file.name for file in image_files([str(tmp_path)])] == ["a.PNG", "b.dcm", "c"]
    given = [str(tmp_path / "d.md"), str(tmp_path / "gone.jpg")]  # what is named is tried
    assert image_files(given) == [tmp_path / "d.md", tmp_path / "gone.jpg"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no image there; give PNG, TIFF or DICOM files, or a folder"):
        image_files([str(tmp_path / "empty")])


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["demo", "--seed", "-1", "--out", "demo"], {}, "--seed: expected"),
        (["info"], {"MCFAST_THREADS": "bad"}, "MCFAST_THREADS"),
        (["info"], {"MCFAST_CPU_LEVEL": "bad"}, "MCFAST_CPU_LEVEL"),
        (["run", "", "--out", "out"], {}, "PATH: expected a file or folder"),
        (["run", "x.dcm", "--out", "taken/out"], {}, "taken"),
        (["run", "x.dcm", "--out", "out", "--spacing-mm", "nan"], {}, "Config(spacing_mm)"),
    ],
)
def test_what_cannot_start_says_so_in_one_line(arguments, environment, message, tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    process = subprocess.run(
        [sys.executable, "-m", "mcfast", *arguments],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert process.stderr.startswith("mcfast: ")
    assert message in process.stderr
    assert process.stderr.count("\n") == 1


def test_a_closed_pipe_is_no_error():
    process = subprocess.Popen([sys.executable, "-m", "mcfast", "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141
