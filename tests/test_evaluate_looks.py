"""Looks: what an export does to an image and its marks; the table over looks; the command."""

import json

import numpy
import pytest
from PIL import Image

from mcfast.cli import main
from mcfast.evaluate import robustness
from mcfast.evaluate.froc import Matched
from mcfast.evaluate.looks import LOOKS, Look, exported, moved
from mcfast.evaluate.robustness import LOG, RATES, Seen, summary
from mcfast.evaluate.truth import point
from mcfast.phantom import mammogram

FULL = numpy.ones((120, 90), bool)


def test_window_and_curve() -> None:
    ramp = numpy.tile(numpy.linspace(0, 4000, 90, dtype=numpy.float32), (120, 1))
    plain = exported(ramp, FULL, 0.1, Look("", 0.1, high=100.0), seed=0)
    assert plain.dtype == numpy.uint8
    assert plain == pytest.approx(255 * ramp / 4000, abs=0.51)
    curved = exported(ramp, FULL, 0.1, Look("", 0.1, high=100.0, gamma=2.0), seed=0)
    assert curved == pytest.approx(255 * (ramp / 4000) ** 2, abs=0.51)
    hard = exported(ramp, FULL, 0.1, Look("", 0.1, low=25.0, high=75.0), seed=0)
    assert (hard[:, :20] == 0).all()
    assert (hard[:, -20:] == 255).all()
    pale = exported(ramp, FULL, 0.1, Look("", 0.1, high=100.0, black=90.0), seed=0)
    assert (int(pale.min()), int(pale.max())) == (90, 255)


def test_sharpness_and_noise() -> None:
    image = numpy.full((120, 90), 1000.0, numpy.float32)
    image[60, 45] = 2000.0
    peak = {
        name: int(exported(image, FULL, 0.1, Look("", 0.1, high=100.0, black=50.0, **options), seed=0)[60, 45])
        for name, options in {"plain": {}, "soft": {"blur_mm": 0.1}}.items()
    }
    assert peak["soft"] < peak["plain"] == 255
    flat = numpy.full((400, 300), 2000.0, numpy.float32)
    flat[0, 0] = 4000.0
    noisy = Look("", 0.1, high=100.0, noise=3.0)
    first, again, other = (exported(flat, flat > 0, 0.1, noisy, seed=seed) for seed in (1, 1, 2))
    assert first[5:].std() == pytest.approx(3.0, rel=0.05)
    assert numpy.array_equal(first, again)
    assert not numpy.array_equal(first, other)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_marks_move_with_the_pixels(look: Look) -> None:
    image = numpy.full((300, 210), 1000.0, numpy.float32)
    image[140:161, 90:111] = 3000.0
    window = numpy.zeros(image.shape, bool)
    window[140:161, 90:121] = True
    export = exported(image, window, 0.07, look, seed=0).astype(float)
    assert export.shape == (round(300 * 0.07 / look.spacing_mm), round(210 * 0.07 / look.spacing_mm))
    bright = numpy.argwhere(export > (export.max() + numpy.median(export)) / 2)
    assert bright.mean(axis=0) == pytest.approx(moved(point(150, 100), 0.07, look).corners[0], abs=0.6)


def test_summary_by_hand() -> None:
    """Two exports of two patients: one calcification found above, one below what is false elsewhere."""
    first = Matched(numpy.array([0.9]), numpy.array([0.1]), 2, numpy.array([0.9, numpy.nan]))
    second = Matched(numpy.array([0.2]), numpy.array([0.8, 0.7, 0.6]), 1, numpy.array([0.2]))
    looks = LOOKS[:2]
    seen = [
        Seen(look, patient, {"mcfast": one, LOG: one}, numpy.full(one.total, contrast), numpy.arange(one.total) == 0)
        for look, patient, one, contrast in ((looks[0], "a", first, 6.0), (looks[1], "b", second, 2.0))
    ]
    one, two, together = summary(seen, draws=20)
    assert (one["look"], two["look"], together["look"]) == (looks[0].name, looks[1].name, "all")
    assert (one["calcifications"], one["clear"], one["passed"], one["clear_passed"]) == (2, 2, 0.5, 0.5)
    assert (two["clear"], two["clear_passed"], together["passed"]) == (0, None, pytest.approx(2 / 3))
    values = [entry["value"] for entry in two["sensitivity"]["mcfast"]]
    assert values == [0.0, 1.0, 1.0]
    assert [entry["value"] for entry in together["sensitivity"][LOG]] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert RATES == (1.0, 5.0, 20.0)
    lost = [entry["shares"] for entry in together["losses"] if entry["false_per_image"] == 1][-1]
    assert lost == pytest.approx({"found": 1 / 3, "no candidate": 1 / 3, "no mark": 0, "ranked too low": 1 / 3})


def test_command(tmp_path, capsys, monkeypatch) -> None:
    drawn = mammogram(52, shape=(600, 450), spacing_mm=0.1, clusters=0)
    Image.fromarray(drawn.image).save(tmp_path / "one.png")
    monkeypatch.setitem(robustness.see.__kwdefaults__, "looks", LOOKS[:1])
    out = tmp_path / "report.json"
    arguments = ["evaluate", "looks", str(tmp_path / "one.png"), "--spacing-mm", "0.1", "--draws", "5"]
    assert main([*arguments, "--threads", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert f"| {LOOKS[0].name} |" in printed
    drawn_in = json.loads(out.read_text())[-1]["calcifications"]
    assert f"| 20 | 0 and above | {drawn_in} |" in printed
    assert drawn_in > 0
    assert [entry["look"] for entry in json.loads(out.read_text())] == [LOOKS[0].name, "all"]
    among = []
    draw = robustness.draw_distractors
    monkeypatch.setattr(
        robustness, "draw_distractors", lambda kind, *rest, **how: among.append(kind) or draw(kind, *rest, **how)
    )
    assert main([*arguments, "--among", "metal"]) == 0
    assert among == ["metal"]
    assert main([*arguments, "--among", "jam"]) == 1
    assert "--among: expected one of calcified arteries, metal" in capsys.readouterr().err
    assert main(["evaluate", "looks", str(tmp_path), "--draws", "0"]) == 1
    assert "--draws, --seed: expected at least 1 and 0" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["evaluate", "looks", str(tmp_path / "empty")]) == 1
    assert "no image there; give PNG, TIFF or DICOM files, or a folder" in capsys.readouterr().err
