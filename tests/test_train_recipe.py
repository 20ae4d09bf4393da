"""Recipes of detectors: those with a name, the course that they describe, and what none may ask for."""

import dataclasses
import json

import numpy
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
onnx = pytest.importorskip("onnx", reason="training needs onnx")

from mcfast import nets, runtimes  # noqa: E402
from mcfast.cli import main  # noqa: E402
from mcfast.errors import ConfigError  # noqa: E402
from mcfast.nets.export import export  # noqa: E402
from mcfast.nets.vgg12 import fold_calibration, vgg12  # noqa: E402
from mcfast.phantom.tiles import INGREDIENTS as OF_TILES  # noqa: E402
from mcfast.train.detector.network import build, export_detector, looks  # noqa: E402
from mcfast.train.detector.recipe import INGREDIENTS, RECIPES, SHIPPED, UNEARNED, DetectorRecipe, teachers_of, told  # noqa: E402
from mcfast.train.fit import Fit, deterministic, logits_of  # noqa: E402
from mcfast.train.patches import every_negative, from_tile  # noqa: E402


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"network": "vgg16"}, r"expected vgg24, vgg12 or alexnet12, got 'vgg16'"),
        ({"optimizer": "adam"}, r"DetectorRecipe\(optimizer\): expected adamw or sgd, got 'adam'"),
        ({"start": "zero"}, r"DetectorRecipe\(start\): expected he or glorot, got 'zero'"),
        ({"mixture": "rare"}, r"DetectorRecipe\(mixture\): expected usual, difficult, arteries, got 'rare'"),
        ({"truth": 1.5}, r"DetectorRecipe\(truth\): expected 0 .. 1, got 1.5"),
        ({"teachers": ("vgg12-usual",), "mined_tiles": 1}, r"expected teachers or mining; let a teacher mine"),
        ({"teachers": ("vgg12-usual",), "mined_phantoms": 1}, r"expected teachers or mining; let a teacher mine"),
        ({"tiles": -1}, r"DetectorRecipe\(tiles\): expected at least 0, got -1"),
        ({"without": ("skin", "bone")}, r"\(without\): expected some of noise units, exports, .*edge; got 'bone'"),
        ({"epochs": 0}, r"DetectorRecipe\(epochs, batch\)"),
    ],
)
def test_bad_recipes_are_named(values, message) -> None:
    with pytest.raises(ConfigError, match=message):
        DetectorRecipe(**values)


def test_what_is_left_out() -> None:
    whole = DetectorRecipe(without=())
    for name in INGREDIENTS:
        recipe = dataclasses.replace(whole, without=(name,))
        assert told(recipe)["without"] == [name]
        assert recipe.turns == (name != "turns and mirrors")
        assert recipe.drawn_without == ((name,) if name in (*OF_TILES, "hardest negatives") else ())
        changed = {key for key, value in told(recipe).items() if told(whole).get(key) != value} - {"without"}
        assert changed == {
            "gain and level": {"gain", "level"},
            "whole phantoms": {"phantoms"},
            "dropout": {"dropout"},
        }.get(name, set())
        assert all(getattr(recipe, key) == 0 for key in changed)
    assert set(OF_TILES) < set(INGREDIENTS)
    assert told(DetectorRecipe())["without"] == list(UNEARNED)
    assert "without" not in told(DetectorRecipe(without=()))
    assert "mined_phantoms" not in told(DetectorRecipe())
    assert told(RECIPES["vgg12-usual"])["mined_phantoms"] == 24
    assert DetectorRecipe(without=("skin", "dropout", "metal")).drawn_without == ("metal", "skin")


def test_turns_are_left_out_and_nothing_else_moves() -> None:
    pixels = numpy.random.default_rng(1).normal(size=(6, 1, 12, 12)).astype(numpy.float32)
    still = DetectorRecipe(without=("turns and mirrors", "gain and level"))
    assert numpy.array_equal(Fit(build(still), still, 0)._augmented(pixels, numpy.random.default_rng(3)), pixels)
    turning, lying_still = (
        Fit(build(one), one, 0) for one in (DetectorRecipe(), DetectorRecipe(without=still.without[:1]))
    )
    for seed in range(8):
        one, other = (numpy.random.default_rng(seed) for _ in range(2))
        turned, lying = turning._augmented(pixels, one), lying_still._augmented(pixels, other)
        assert numpy.sort(turned, axis=None) == pytest.approx(numpy.sort(lying, axis=None))
        assert one.random() == other.random()


@pytest.mark.parametrize("network", ["vgg12", "vgg24"])
def test_own_units_are_in_the_network(network, tmp_path) -> None:
    """Without units of noise, neither level nor contrast of a patch matter; the exported file says the same."""
    recipe = DetectorRecipe(network=network, maps=8, hidden=16, without=("noise units",))
    with deterministic(4):
        model = build(recipe).eval()
    side = looks(recipe)[1]
    pixels = numpy.random.default_rng(2).normal(3, 2, (5, 1, side, side)).astype(numpy.float32)
    logits = logits_of(model, pixels)
    assert logits_of(model, 2.5 * pixels - 1) == pytest.approx(logits, abs=1e-4)
    with deterministic(4):
        plain = build(dataclasses.replace(recipe, without=())).eval()
    flat = (pixels - pixels.mean(axis=(2, 3), keepdims=True)) / pixels.std(axis=(2, 3), keepdims=True)
    assert logits_of(plain, flat) == pytest.approx(logits, abs=1e-4)
    content = export_detector(fold_calibration(model, 1.0, 0.0), seed=4, recipe=recipe)
    (tmp_path / "net.onnx").write_bytes(content)
    probabilities = runtimes.load(tmp_path / "net.onnx", threads=1).run(pixels).ravel()
    assert probabilities == pytest.approx(1 / (1 + numpy.exp(-logits)), abs=1e-5)
    described = {one.key: one.value for one in onnx.load_from_string(content).metadata_props}
    assert json.loads(described["recipe"])["without"] == ["noise units"]


def test_instance_norms_that_are_not_written() -> None:
    for layer in (torch.nn.InstanceNorm2d(1, affine=True), torch.nn.InstanceNorm2d(1, track_running_stats=True)):
        with pytest.raises(ConfigError, match=r"cannot write an InstanceNorm2d with weights or running means"):
            export(
                torch.nn.Sequential(layer), name="x", version="1", input_shape=(1, 1, 4, 4), output_shape=(1, 1, 4, 4)
            )


def test_negatives_at_random() -> None:
    """Half of the negatives are the strongest candidates, or none by design; calcifications are the same."""
    half = from_tile(numpy.random.default_rng([5, 1]), side=256, negatives=40)
    none = from_tile(numpy.random.default_rng([5, 1]), side=256, negatives=40, without=("hardest negatives",))
    assert half.positive.sum() == none.positive.sum() > 0
    assert numpy.array_equal(half.pixels[half.positive], none.pixels[none.positive])
    every = every_negative(numpy.random.default_rng([5, 1]), side=256).pixels
    strongest = {one.tobytes() for one in every[:20]}
    shares = [sum(one.tobytes() in strongest for one in part.pixels[~part.positive]) for part in (half, none)]
    assert shares[0] == 20
    assert shares[1] < 15


@pytest.mark.parametrize("name", ["vgg16", "vgg12"])
def test_teachers_are_known_and_have_none(name) -> None:
    with pytest.raises(ConfigError, match=rf"expected some of vgg12-usual, .*bria-alexnet12, got '{name}'"):
        teachers_of(DetectorRecipe(teachers=("vgg12-usual", name)))


def test_teachers_draw_as_much_as_is_asked_for() -> None:
    teachers = teachers_of(dataclasses.replace(RECIPES["vgg12"], tiles=7, side=128, phantoms=1))
    assert [(one.network, one.mixture) for one in teachers] == [
        (network, mixture) for mixture in ("usual", "difficult") for network in ("vgg12", "vgg24")
    ]
    assert {(one.tiles, one.side, one.phantoms, one.tested) for one in teachers} == {(7, 128, 1, 0)}


def test_the_papers_recipe() -> None:
    bria = RECIPES["bria"]
    assert (bria.optimizer, bria.momentum, bria.weight_decay, bria.batch) == ("sgd", 0.9, 5e-4, 32)
    assert RECIPES["bria-alexnet12"] == dataclasses.replace(bria, network="alexnet12")
    fit = Fit(build(bria), bria, 0)
    rates = [fit._rate(epoch) for epoch in (0, 5.9, 6, 12, 18)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5, 1e-6])


@pytest.mark.parametrize("name", RECIPES)
def test_how_weights_begin(name) -> None:
    """He's normal, of variance 2 / inputs, or Glorot's uniform up to the root of 6 / (inputs + outputs)."""
    recipe = RECIPES[name]
    assert recipe.start == ("glorot" if name.startswith("bria") else "he")
    with deterministic(5):
        network = build(recipe)
    with deterministic(5):
        again = build(recipe)  # as many layers, made and drawn in the same order
        for layer in again:
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                assert not layer.bias.any()
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), again.parameters(), strict=True))
    for layer in network:
        if not isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            continue
        weights = layer.weight.detach().flatten(1)
        inputs, outputs = weights.shape[1], len(weights) * layer.weight[0, 0].numel()
        largest = float(weights.abs().max())
        if recipe.start == "he":
            assert float(weights.std()) == pytest.approx((2 / inputs) ** 0.5, rel=0.25)
            assert largest > 1.8 * (2 / inputs) ** 0.5
        else:
            limit = (6 / (inputs + outputs)) ** 0.5
            assert 0.9 * limit < largest <= limit
    told = onnx.load_from_string(export_detector(fold_calibration(network, 1.0, 0.0), seed=5, recipe=recipe))
    described = json.loads({one.key: one.value for one in told.metadata_props}["recipe"])
    assert described.get("start", "he") == recipe.start
    if name in SHIPPED:
        shipped = onnx.load_from_string(nets.weights(name))
        assert set(described) == set(json.loads({one.key: one.value for one in shipped.metadata_props}["recipe"]))


def test_a_start_that_nobody_knows() -> None:
    with pytest.raises(ConfigError, match=r"initialise\(start\): expected he or glorot, got 'zero'"):
        vgg12(start="zero")


def test_one_cycle_rises_and_falls() -> None:
    recipe = RECIPES["vgg24"]
    fit = Fit(build(dataclasses.replace(recipe, maps=8)), recipe, 0)
    rates = [fit._rate(part * recipe.epochs) for part in numpy.linspace(0, 0.999, 50)]
    peak = int(numpy.argmax(rates))
    assert rates[peak] == pytest.approx(recipe.learning_rate, rel=0.02)
    assert (numpy.diff(rates[: peak + 1]) > 0).all()
    assert (numpy.diff(rates[peak:]) < 0).all()
    assert rates[-1] < 0.01 * recipe.learning_rate


def test_alexnet12_as_published(tmp_path, capsys, monkeypatch) -> None:
    """The recipe of the paper for its second network, by the command, on fewer tiles and phantoms."""
    fewer = {"side": 256, "negatives": 60, "phantoms": 0, "calibrating": 0, "tested": 0, "maps": 8, "hidden": 16}
    monkeypatch.setitem(RECIPES, "bria-alexnet12", dataclasses.replace(RECIPES["bria-alexnet12"], **fewer))
    arguments = [
        "--recipe",
        "bria-alexnet12",
        "--epochs",
        "1",
        "--tiles",
        "3",
        "--threads",
        "1",
        "--out",
        str(tmp_path),
    ]
    assert main(["train", "detector", *arguments]) == 0
    assert "alexnet12.onnx, .md, .json" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "alexnet12.json").read_text())
    assert (metrics["recipe"]["network"], metrics["recipe"]["optimizer"], metrics["looks"]) == (
        "alexnet12",
        "sgd",
        [1, 12],
    )
    network = runtimes.load(tmp_path / "alexnet12.onnx", threads=1)
    scores = network.run(numpy.random.default_rng(0).normal(0, 2, (5, 1, 12, 12)).astype(numpy.float32))
    assert ((scores > 0) & (scores < 1)).all()
    with pytest.raises(SystemExit):
        main(["train", "detector", "--help"])
    assert "bria-alexnet12 (alexnet12, after table 2)" in " ".join(capsys.readouterr().out.split())
