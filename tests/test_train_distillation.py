"""Teachers and students: what is trained first, kept, asked and learnt."""

import dataclasses
import functools
import json

import numpy
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
onnx = pytest.importorskip("onnx", reason="training needs onnx")

from mcfast import runtimes  # noqa: E402
from mcfast.train.detector import context  # noqa: E402
from mcfast.train.detector.context import NAME, ContextRecipe  # noqa: E402
from mcfast.train.detector.recipe import RECIPES, SHIPPED, DetectorRecipe  # noqa: E402
from mcfast.train.detector.training import train_detector, train_shipped  # noqa: E402
from mcfast.train.fit import Fit  # noqa: E402

TINY = DetectorRecipe(
    tiles=3,
    side=256,
    negatives=60,
    phantoms=0,
    calibrating=0,
    tested=0,
    epochs=1,
    batch=64,
    maps=8,
    hidden=16,
    bfloat16=False,
)


@pytest.fixture
def tiny_recipes(monkeypatch):
    """Teachers and students as they ship, in small."""
    for name, recipe in list(RECIPES.items()):
        kind = {one: getattr(recipe, one) for one in ("network", "scales", "mixture", "teachers")}
        monkeypatch.setitem(RECIPES, name, dataclasses.replace(TINY, **kind))
    small = functools.partial(ContextRecipe, tiles=3, side=256, tested=2, epochs=1, maps=4, hidden=8)
    monkeypatch.setattr(context, "ContextRecipe", small)


def test_those_that_ship(tmp_path, tiny_recipes, capsys) -> None:
    metrics = train_shipped(tmp_path, threads=1)
    assert set(metrics) == {*SHIPPED, NAME}
    assert {file.stem for file in tmp_path.glob("*.onnx")} == {*SHIPPED, NAME}
    for mixture in ("usual", "difficult"):
        assert {file.stem for file in (tmp_path / mixture).glob("*.onnx")} == {"vgg12", "vgg24"}
    told = capsys.readouterr().out
    for line in ("epoch 1 of 1: done", "vgg24, difficult tiles: epoch 1 of 1: done", "asking the teachers: done"):
        assert told.count(f"detector: {line}\n") == (1 if "tiles" in line else 2)


def test_what_is_finished_is_not_trained_again(tmp_path, tiny_recipes) -> None:
    first = train_detector(tmp_path, recipe=RECIPES["vgg12"], threads=1)
    weights = (tmp_path / "vgg12.onnx").read_bytes()
    told = []
    again = train_detector(tmp_path, recipe=RECIPES["vgg12"], threads=1, tell=lambda what, *_: told.append(what))
    assert (told, again) == ([], first)
    (tmp_path / "vgg12.onnx").unlink()
    (tmp_path / "vgg12-checkpoint.pt").unlink()
    train_detector(tmp_path, recipe=RECIPES["vgg12"], threads=1, tell=lambda what, *_: told.append(what))
    assert dict.fromkeys(told) == {"asking the teachers": None, "epoch 1 of 1": None}
    assert (tmp_path / "vgg12.onnx").read_bytes() == weights


def test_a_student_learns_what_its_teachers_say(tmp_path, tiny_recipes, monkeypatch) -> None:
    """Target is the truth's share and the mean of the teachers' odds, undone from calibration, of all tiles of all."""
    seen = []
    run_epoch = Fit.run_epoch
    monkeypatch.setattr(Fit, "run_epoch", lambda self, one, *rest: seen.append(one) or run_epoch(self, one, *rest))
    monkeypatch.setitem(
        RECIPES, "vgg12-usual", dataclasses.replace(RECIPES["vgg12-usual"], calibrating=1, mined_tiles=1, mined_after=0)
    )
    recipe = dataclasses.replace(RECIPES["vgg12"], truth=0.25, calibrating=1)
    train_detector(tmp_path, recipe=recipe, threads=1)
    *taught_alone, given = seen
    assert len(taught_alone) == 4
    assert len(given.positive) == len(taught_alone[0].positive) + len(taught_alone[2].positive)  # mined ones included
    assert all(one.target is None for one in taught_alone)
    odds = []
    for mixture, network in (("usual", "vgg12"), ("usual", "vgg24"), ("difficult", "vgg12"), ("difficult", "vgg24")):
        loaded = runtimes.load((tmp_path / mixture / f"{network}.onnx").read_bytes(), threads=1)
        calibration = json.loads((tmp_path / mixture / f"{network}.json").read_text())["calibration"]
        parts = [numpy.load(tmp_path / one / "patches.npz")["pixels"] for one in ("usual", "difficult")]
        pixels = numpy.concatenate([parts[0], numpy.load(tmp_path / "usual" / "vgg12-mined.npz")["pixels"], parts[1]])
        _, scales, side, _ = loaded.input_shape
        inner = slice(12 - side // 2, 12 + side // 2)
        p = loaded.run(numpy.ascontiguousarray(pixels[:, :scales, inner, inner], numpy.float32)).ravel()
        odds.append((numpy.log(p / (1 - p)) - calibration["offset"]) / calibration["slope"])
    expected = 0.25 * given.positive + 0.75 / (1 + numpy.exp(-numpy.mean(odds, axis=0)))
    assert given.target == pytest.approx(expected, abs=1e-4)
    assert numpy.ptp(given.target[~given.positive]) > 0.02


def test_fine_tuning_needs_no_teachers(tmp_path, tiny_recipes, capsys) -> None:
    from mcfast.cli import main

    first = train_detector(tmp_path / "first", recipe=RECIPES["vgg12"], threads=1)
    start = str(tmp_path / "first" / "vgg12.onnx")
    arguments = ["train", "detector", "--recipe", "vgg12", "--tiles", "2", "--out", str(tmp_path / "second")]
    assert main([*arguments, "--start", start]) == 0
    assert "vgg12.onnx, .md, .json" in capsys.readouterr().out
    assert not (tmp_path / "second" / "usual").exists()
    second = json.loads((tmp_path / "second" / "vgg12.json").read_text())
    assert (first["recipe"]["teachers"], second["recipe"]["teachers"]) == (list(RECIPES["vgg12"].teachers), [])
    assert second["patches"] < first["patches"]
