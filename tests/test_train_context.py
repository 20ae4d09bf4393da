"""Training of context24 in small: files, resumption, whose marks it looks at, and that it learns."""

import functools
import json

import numpy
import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="training needs onnx")

from mcfast import nets, runtimes
from mcfast.cli import main
from mcfast.detect.context import SIDE
from mcfast.train.detector import context
from mcfast.train.detector.context import NAME, ContextRecipe, train_context
from mcfast.train.detector.marks import ARTERY, CALCIFICATION, draw_marks
from mcfast.train.detector.recipe import SHIPPED
from mcfast.train.fit import Fit

TINY = ContextRecipe(tiles=6, side=320, tested=3, epochs=2, batch=32, maps=4, hidden=8, bfloat16=False)
FILES = [nets.path(name) for name in SHIPPED]


def test_marks_are_labelled_and_do_not_depend_on_the_workers() -> None:
    alone, together = (draw_marks((7, 1), 4, 320, FILES, workers=workers) for workers in (1, 2))
    assert set(alone) == {"pixels", "kinds", "scores"}
    for name, values in alone.items():
        assert (values == together[name]).all()
    assert alone["pixels"].shape[1:] == (2, SIDE, SIDE)
    assert alone["pixels"].dtype == numpy.float16
    assert set(alone["kinds"].tolist()) == {0, CALCIFICATION, ARTERY}
    assert (alone["scores"] > 0.05).all()
    # Each mark is in its own field: the middle cells hold the highest log-odds that any of them can have.
    middle = alone["pixels"][:, 1, SIDE // 2, SIDE // 2].astype(float)
    odds = numpy.log(alone["scores"] / (1 - alone["scores"].astype(float)))
    assert (middle >= 2 * (numpy.clip(odds, -6, 4) + 6) / 10 - 2e-3).all()


def test_half_of_what_is_not_to_be_marked_is_arteries() -> None:
    rng = numpy.random.default_rng(3)
    kinds = numpy.repeat([0, CALCIFICATION, ARTERY], (300, 40, 70)).astype(numpy.uint8)
    rng.shuffle(kinds)
    drawn = {"pixels": numpy.arange(len(kinds), dtype=numpy.float16)[:, None, None, None], "kinds": kinds}
    taken = context._balanced(drawn, seed=1)
    which = taken.pixels.ravel().astype(int)
    assert len(set(which)) == len(which) == 40 + 70 + 70
    assert (taken.positive == (kinds[which] == CALCIFICATION)).all()
    assert numpy.bincount(kinds[which]).tolist() == [70, 40, 70]
    assert (context._balanced(drawn, seed=2).pixels.ravel() != taken.pixels.ravel()).any()


def test_files_numbers_and_what_is_finished_is_not_trained_again(tmp_path) -> None:
    told = []
    metrics = train_context(tmp_path, recipe=TINY, threads=1, tell=lambda what, *_: told.append(what))
    assert {file.name for file in tmp_path.glob(f"{NAME}.*")} == {f"{NAME}.onnx", f"{NAME}.md", f"{NAME}.json"}
    assert json.loads((tmp_path / f"{NAME}.json").read_text()) == metrics
    assert f"{NAME}: epoch 2 of 2" in told
    assert metrics["marks"] > metrics["positives"] > 0
    card = (tmp_path / f"{NAME}.md").read_text()
    for words in (f"{metrics['marks']} marks on 6 tiles", f"{metrics['test']['auc']['both']:.3f}", "not for diagnosis"):
        assert words in card
    network = runtimes.load((tmp_path / f"{NAME}.onnx").read_bytes(), threads=1)
    assert network.input_shape == (None, 2, SIDE, SIDE)
    weights = (tmp_path / f"{NAME}.onnx").read_bytes()
    told.clear()
    assert train_context(tmp_path, recipe=TINY, threads=1, tell=lambda what, *_: told.append(what)) == metrics
    assert told == []
    (tmp_path / f"{NAME}.json").unlink()
    (tmp_path / f"{NAME}-checkpoint.pt").unlink()
    train_context(tmp_path, recipe=TINY, threads=1, tell=lambda what, *_: told.append(what))
    assert not any("tiles" in what for what in told)
    assert (tmp_path / f"{NAME}.onnx").read_bytes() == weights


def test_a_stopped_training_goes_on(tmp_path, monkeypatch) -> None:
    whole = train_context(tmp_path / "whole", recipe=TINY, threads=1)
    save = Fit.save

    def stop(self, *arguments) -> None:
        save(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Fit, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        train_context(tmp_path / "parts", recipe=TINY, threads=1)
    monkeypatch.setattr(Fit, "save", save)
    parts = train_context(tmp_path / "parts", recipe=TINY, threads=1)
    assert {**whole, "seconds": 0} == {**parts, "seconds": 0}
    files = [(tmp_path / folder / f"{NAME}.onnx").read_bytes() for folder in ("whole", "parts")]
    assert files[0] == files[1]


def test_it_looks_at_the_marks_of_the_networks_beside_it(tmp_path, monkeypatch) -> None:
    asked = []

    def draw(stream, tiles, side, networks, **options):
        asked.append(list(networks))
        return draw_marks(stream, tiles, side, networks, **options)

    monkeypatch.setattr(context, "draw_marks", draw)
    for name in SHIPPED:
        (tmp_path / f"{name}.onnx").write_bytes(nets.weights(name))
    train_context(tmp_path, recipe=TINY, threads=1)
    assert asked == [[tmp_path / f"{name}.onnx" for name in SHIPPED]] * 3
    (tmp_path / f"{SHIPPED[1]}.onnx").unlink()
    asked.clear()
    (tmp_path / f"{NAME}.json").unlink()
    train_context(tmp_path / "without", recipe=TINY, threads=1)
    assert asked == [FILES] * 3


def test_it_learns_which_way_a_row_lies(monkeypatch, tmp_path) -> None:
    """Marks in rows against marks in groups, made by hand: what tells them is nothing but where the others lie."""

    def draw(stream, tiles, side, networks, **options):
        rng = numpy.random.default_rng(stream)
        count = 20 * tiles
        kinds = rng.choice([0, CALCIFICATION, ARTERY], count)
        pixels = numpy.zeros((count, 2, SIDE, SIDE), numpy.float16)
        for field, grouped in zip(pixels, kinds == CALCIFICATION, strict=True):
            along = rng.integers(0, SIDE, 9)
            cells = rng.integers(8, 16, (9, 2)) if grouped else numpy.column_stack([along, numpy.full(9, 12)])
            field[:, cells[:, 0], cells[:, 1]] = 1.5
        return {"pixels": pixels, "kinds": kinds.astype(numpy.uint8), "scores": numpy.full(count, 0.5, numpy.float32)}

    monkeypatch.setattr(context, "draw_marks", draw)
    recipe = ContextRecipe(tiles=80, tested=10, epochs=3, batch=32, maps=4, hidden=16, dropout=0.0, bfloat16=False)
    metrics = train_context(tmp_path, recipe=recipe, threads=1)
    assert metrics["loss_last"] < 0.5 * metrics["loss_first"]
    assert metrics["test"]["auc"]["context"] > 0.97
    assert metrics["test"]["auc"]["score"] == 0.5


def test_the_command_trains_it_alone(tmp_path, monkeypatch, capsys) -> None:
    small = functools.partial(ContextRecipe, side=320, tested=2, maps=4, hidden=8)
    monkeypatch.setattr(context, "ContextRecipe", small)
    arguments = ["train", "detector", "--recipe", NAME, "--tiles", "4", "--epochs", "1", "--threads", "1"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    assert f"{NAME}: " in capsys.readouterr().out
    assert {file.name for file in tmp_path.glob("*.onnx")} == {f"{NAME}.onnx"}
