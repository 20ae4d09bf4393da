"""Patches as images of their own: the score of the engine, the table that is printed, and the real ones."""

import json

import numpy
import pytest
from PIL import Image

import mcfast
from mcfast.cli import main
from mcfast.config import Config
from mcfast.errors import InputError, SpacingError
from mcfast.evaluate.patch_files import LabelledFile, patch_files, read_patch, score_patches
from mcfast.evaluate.roc import auc
from mcfast.phantom import mammogram

SIDE = 60


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """Patches of a phantom's clusters and of places without calcifications, in folders called 1 and 0."""
    folder = tmp_path_factory.mktemp("cut")
    drawn = mammogram(5, shape=(1400, 1100), spacing_mm=0.1, clusters=6)
    marks = numpy.array([(one.row, one.column) for one in drawn.calcifications])
    clear = [(one.row, one.column) for one in drawn.calcifications if one.contrast_to_noise > 5]
    rng = numpy.random.default_rng(0)
    places = {"1": [(row - SIDE / 2, column - SIDE / 2) for row, column in clear], "0": []}
    while len(places["0"]) < 15:
        row, column = rng.integers(0, drawn.image.shape[0] - SIDE), rng.integers(0, drawn.image.shape[1] - SIDE)
        inside = drawn.mask[row : row + SIDE, column : column + SIDE].all()
        near = ((marks >= (row - 5, column - 5)) & (marks < (row + SIDE + 5, column + SIDE + 5))).all(axis=1).any()
        if inside and not near:
            places["0"].append((row, column))
    for label, some in places.items():
        (folder / label).mkdir()
        for number, place in enumerate(some[:15]):
            top, left = numpy.clip(numpy.rint(place).astype(int), 0, numpy.array(drawn.image.shape) - SIDE)
            patch = (drawn.image[top : top + SIDE, left : left + SIDE] >> 4).astype(numpy.uint8)
            Image.fromarray(patch).save(folder / label / f"{label}{number}.{'pgm' if number % 2 else 'png'}")
    return folder


def test_score_is_the_engines(cut) -> None:
    files = patch_files(cut)
    assert sum(one.positive for one in files) >= 10
    engine, told = mcfast.Engine(Config(magnify="none")), []
    scores = score_patches(files, engine, spacing_mm=0.1, progress=lambda *one: told.append(one))
    assert told[-1] == (len(files), len(files))
    with Image.open(files[3].file) as picture:
        alone = mcfast.Engine(Config(magnify="none", spacing_mm=0.1))(numpy.asarray(picture))
    assert scores[3] == alone.score
    assert auc(scores, [one.positive for one in files]) > 0.9


def test_command(cut, tmp_path, capsys) -> None:
    out = tmp_path / "report.json"
    command = ["evaluate", "patches", str(cut), "--spacing-mm", "0.1", "--draws", "50", "--threads", "1"]
    assert main([*command, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    report = json.loads(out.read_text())
    area = report["measures"]["auc"]
    assert f"AUC                      {area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f})" in printed
    assert f"{report['patches']} patches, {report['positives']} with calcifications; 95 % intervals by patch" in printed
    assert "at an image score of 0.5:" in printed
    for name in ("accuracy", "precision", "recall (sensitivity)", "specificity", "F1", "MCC"):
        assert f"  {name:22} " in printed
    lines = [f"{file.name},{index % 4}" for index, file in enumerate(sorted(cut.rglob("*.p*")))]
    table = tmp_path / "patients.csv"
    table.write_text("image,patient\n" + "\n".join(lines))
    assert main([*command, "--patients", str(table)]) == 0
    assert f"{report['patches']} patches of 4 patients" in capsys.readouterr().out
    table.write_text("image,patient\nother,1\n")
    assert main([*command, "--patients", str(table)]) == 1
    assert "patients: expected a line for each image, got none for 0" in capsys.readouterr().err


def test_a_table_with_patients(cut, tmp_path, capsys) -> None:
    files = [one for one in patch_files(cut) if one.file.stem in ("00", "01", "10", "11")]
    lines = [f"{one.file},{int(one.positive)},{'anna' if one.positive else 'berta'}" for one in files]
    table = tmp_path / "patches.csv"
    table.write_text("image,label,patient\n" + "\n".join(lines) + "\n")
    assert main(["evaluate", "patches", str(table), "--spacing-mm", "0.1", "--draws", "5"]) == 0
    assert "4 patches of 2 patients, 2 with calcifications" in capsys.readouterr().out


def test_what_cannot_be_measured_is_named(cut, tmp_path, capsys) -> None:
    files = patch_files(cut)
    with pytest.raises(InputError, match=r"with and without calcifications, got 0 and 15; give both"):
        score_patches([one for one in files if not one.positive], lambda image: None)
    for one in files[:2]:
        with pytest.raises(SpacingError, match=r"the pixel spacing is unknown; state it with .*--spacing-mm"):
            read_patch(one.file, None)
    gone = [LabelledFile(tmp_path / "gone.pgm", True, "a"), files[0]]
    with pytest.raises(InputError, match=r"gone.pgm: cannot be read"):
        score_patches(gone, lambda image: None, spacing_mm=0.1)
    assert main(["evaluate", "patches", str(cut), "--draws", "0"]) == 1
    assert "--draws: expected at least 1, got 0" in capsys.readouterr().err
    (tmp_path / "empty.csv").write_text("")
    assert main(["evaluate", "patches", str(tmp_path / "empty.csv")]) == 1
    assert "empty.csv: expected columns image and label, got " in capsys.readouterr().err


def test_real_patches(real_data, capsys) -> None:
    """All 797 patches of digitised film, none of which anything was trained on."""
    folder = real_data / "mc_patches"
    if not folder.is_dir():
        pytest.skip(f"no real patches at {folder}")
    assert main(["evaluate", "patches", str(folder), "--spacing-mm", "0.07", "--draws", "100"]) == 0
    printed = capsys.readouterr().out
    assert "797 patches, 383 with calcifications" in printed
    (area,) = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("AUC ")]
    assert area >= 0.97
