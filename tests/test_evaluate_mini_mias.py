"""Clusters in mini-MIAS: circles from its list, a folder made of phantoms, and the real images."""

import json

import numpy
import pytest
from PIL import Image

from mcfast.cli import main
from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate.mini_mias import SPACING_MM, circles_truth, evaluate_mini_mias
from mcfast.evaluate.truth import distance_to
from mcfast.phantom import mammogram

INFORMATION = """7th column: Approximate radius (in pixels) of a circle
mdb209 G CALC M 647 503 87
mdb210 G NORM
mdb216 D CALC M *NOTE 3*
mdb219 G CALC B 546 756 29
mdb220 G CALC B 100 200 10
mdb220 G CALC B 300 400 20
mdb221 G CALC B 300 400 20
mdb221 G CALC M *NOTE 3*
mdb223 D CIRC B 523 482 29
"""


def test_circles_count_from_the_bottom() -> None:
    truth = circles_truth(INFORMATION)
    assert [image.name for image in truth] == ["mdb209", "mdb219", "mdb220"]
    assert [len(image.outlined) for image in truth] == [1, 1, 2]
    (circle,) = truth[0].outlined
    assert circle.corners.mean(axis=0) == pytest.approx([1023 - 503, 647])
    assert numpy.hypot(*(circle.corners - [520, 647]).T) == pytest.approx(numpy.full(64, 87))
    assert distance_to(circle, [[520, 647], [520 + 87 + 10, 647]], (0.2, 0.2)) == pytest.approx([0, 2.0], abs=0.03)
    assert {image.spacing_mm for image in truth} == {(SPACING_MM, SPACING_MM)}


def test_two_films_are_of_one_woman() -> None:
    truth = circles_truth("mdb209 G CALC B 9 9 9\nmdb210 G CALC B 9 9 9\nmdb211 G CALC B 9 9 9\n")
    assert [image.patient for image in truth] == ["films 105", "films 105", "films 106"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A phantom as mini-MIAS has its films: 1024 x 1024 pixels of 0.2 mm, 8 bits, a circle around each cluster."""
    path = tmp_path_factory.mktemp("mini_mias")
    lines = []
    drawn = mammogram(41, shape=(1024, 1024), spacing_mm=0.2, clusters=3)
    Image.fromarray((drawn.image >> 4).astype(numpy.uint8)).save(path / "mdb001.pgm")
    for cluster in {one.cluster for one in drawn.calcifications} - {None}:
        places = numpy.array([(one.row, one.column) for one in drawn.calcifications if one.cluster == cluster])
        row, column = places.mean(axis=0)
        radius = numpy.hypot(*(places - (row, column)).T).max() + 2
        lines.append(f"mdb001 G CALC B {column:.0f} {1023 - row:.0f} {radius:.0f}")
    (path / "Info.txt").write_text("\n".join(lines) + "\nmdb004 G NORM\n")
    return path


def test_command(folder, tmp_path, capsys) -> None:
    out = tmp_path / "report.json"
    command = ["evaluate", "mini-mias", str(folder), "--draws", "20", "--threads", "1"]
    assert main([*command, "--cluster-score", "0.05", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    report = json.loads(out.read_text())
    assert f"1 images of 1 women, {report['clusters']} circles" in printed
    curve = report["per_cluster"]["curve"]
    assert curve["sensitivity"][-1] >= 0.5
    assert f"all clusters: {curve['sensitivity'][-1]:.1%} at {curve['false_per_image'][-1]:.2f} false" in printed
    assert "20 false positives per image" in printed
    assert main([*command, "--cluster-score", "1"]) == 0
    assert "no cluster was found" in capsys.readouterr().out
    assert main([*command, "--cluster-score", "1.5"]) == 1
    assert "--draws, --cluster-score: expected at least 1, and 0 to 1, got 20, 1.5" in capsys.readouterr().err


def test_what_is_no_mini_mias(folder, tmp_path) -> None:
    with pytest.raises(UnreadableError, match=r"Info.txt: cannot be read .*; give the folder of mini-MIAS"):
        evaluate_mini_mias(tmp_path, lambda image: None)
    (tmp_path / "Info.txt").write_text("mdb216 D CALC M *NOTE 3*\n")
    with pytest.raises(InputError, match=r"Info.txt: no circle there; give the folder of mini-MIAS"):
        evaluate_mini_mias(tmp_path, lambda image: None)
    (tmp_path / "Info.txt").write_text(INFORMATION)
    with pytest.raises(InputError, match=r"mdb209.pgm: missing; give the folder of mini-MIAS with all images"):
        evaluate_mini_mias(tmp_path, lambda image: None)


def test_real_films(real_data, tmp_path, capsys) -> None:
    """The first seven of the 22 films with circles that docs/evaluation.md tells of."""
    folder = real_data / "mini_mias_calc"
    if not folder.is_dir():
        pytest.skip(f"no mini-MIAS at {folder}")
    information = (folder / "Info.txt").read_text("ascii", errors="replace")
    assert len(circles_truth(information)) == 22
    for image in circles_truth(information)[:7]:
        (tmp_path / f"{image.name}.pgm").symlink_to(folder / f"{image.name}.pgm")
    lines = [line for line in information.splitlines() if line[:6] < "mdb220"]
    (tmp_path / "Info.txt").write_text("\n".join(lines))
    assert main(["evaluate", "mini-mias", str(tmp_path), "--cluster-score", "0.1", "--draws", "20"]) == 0
    printed = capsys.readouterr().out
    assert "7 images of 5 women, 7 circles" in printed
    (line,) = [line.split() for line in printed.splitlines() if "all clusters:" in line]
    assert float(line[2].rstrip("%")) >= 57  # four of seven
    assert float(line[4]) <= 4
