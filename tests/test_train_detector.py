"""Training in small: it learns, repeats itself bit for bit, and writes what it says it writes."""

import dataclasses
import json

import numpy
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
onnx = pytest.importorskip("onnx", reason="training needs onnx")

from mcfast import runtimes  # noqa: E402
from mcfast.detect.propose import propose  # noqa: E402
from mcfast.errors import ConfigError, InputError  # noqa: E402
from mcfast.nets.alexnet12 import alexnet12  # noqa: E402
from mcfast.nets.resnet50 import resnet50  # noqa: E402
from mcfast.nets.vgg12 import fold_calibration  # noqa: E402
from mcfast.phantom import mammogram, tile  # noqa: E402
from mcfast.train.calibrate import calibrate  # noqa: E402
from mcfast.train.detector import draw  # noqa: E402
from mcfast.train.detector.card import model_card, sensitivity_table  # noqa: E402
from mcfast.train.detector.draw import draw_patches, mine_patches  # noqa: E402
from mcfast.train.detector.network import build, export_detector, looks  # noqa: E402
from mcfast.train.detector.recipe import RECIPES, DetectorRecipe, told  # noqa: E402
from mcfast.train.detector.training import train_detector  # noqa: E402
from mcfast.train.detector.trial import evaluate  # noqa: E402
from mcfast.train.patches import SPACING_MM, WHITE, canonical, from_tile, labels_of  # noqa: E402

TINY = DetectorRecipe(
    network="vgg24",
    scales=2,
    tiles=8,
    side=256,
    negatives=60,
    phantoms=0,
    mined_tiles=2,
    mined_negatives=15,
    mined_after=2,
    calibrating=0,
    tested=0,
    epochs=4,
    batch=64,
    maps=8,
    hidden=16,
    bfloat16=False,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    return folder, train_detector(folder, seed=3, recipe=TINY, threads=1)


def test_loss_falls(trained) -> None:
    _, metrics = trained
    assert metrics["loss_last"] < 0.9 * metrics["loss_first"]
    assert metrics["positives"] > 20


def test_same_seed_same_bytes(trained, tmp_path) -> None:
    folder, metrics = trained
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.random.get_rng_state()
    again = train_detector(tmp_path, seed=3, recipe=TINY, threads=1)
    assert (tmp_path / "vgg24.onnx").read_bytes() == (folder / "vgg24.onnx").read_bytes()
    assert {**again, "seconds": 0} == {**metrics, "seconds": 0}
    assert before[:2] == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    assert torch.equal(before[2], torch.random.get_rng_state())
    train_detector(tmp_path, seed=4, recipe=TINY, threads=1)
    assert (tmp_path / "vgg24.onnx").read_bytes() != (folder / "vgg24.onnx").read_bytes()


def test_metrics_are_kept(trained) -> None:
    folder, metrics = trained
    assert json.loads((folder / "vgg24.json").read_text()) == metrics
    assert metrics["recipe"] == told(TINY)


def test_tells_progress(tmp_path) -> None:
    told = []
    recipe = dataclasses.replace(TINY, tiles=2, mined_tiles=1, mined_after=1, epochs=2)
    train_detector(tmp_path, recipe=recipe, threads=1, tell=lambda *one: told.append(one))
    names = list(dict.fromkeys(one[0] for one in told))
    assert names == ["drawing", "epoch 1 of 2", "mining", "epoch 2 of 2"]
    assert [one for one in told if one[0] == "drawing"] == [("drawing", 1, 2), ("drawing", 2, 2)]


def test_the_hardest_of_tiles_and_phantoms_are_mined(monkeypatch) -> None:
    """Four times as many of a phantom as of a tile, none on a calcification; whole phantoms alone do, too."""
    monkeypatch.setattr(draw, "small_phantom", lambda number: mammogram(number, shape=(500, 300), spacing_mm=0.1))
    asked, recipe = [], dataclasses.replace(TINY, side=160, mined_phantoms=2)

    def hardness(found):
        assert not found.positive.any()
        asked.append(found.pixels[:, 0, 12, 12].astype(float))
        return asked[-1]

    mined = mine_patches(3, recipe, hardness, [7, 8])
    assert [min(len(one), count) for one, count in zip(asked, (15, 15, 60, 60), strict=True)] == [15, 15, 60, 60]
    expected = [numpy.sort(one)[::-1][:count] for one, count in zip(asked, (15, 15, 60, 60), strict=True)]
    assert mined.pixels[:, 0, 12, 12].tolist() == numpy.concatenate(expected).tolist()
    assert not mined.positive.any()
    alone = mine_patches(3, dataclasses.replace(recipe, mined_tiles=0), hardness, [8])
    assert numpy.array_equal(alone.pixels, mined.pixels[-60:])
    told = dataclasses.replace(TINY, mined_tiles=0, mined_phantoms=1)
    assert told.mines and not dataclasses.replace(TINY, mined_tiles=0).mines


def test_goes_on_where_it_stopped(trained, tmp_path) -> None:
    """Stopped after any epoch, before or after mining, it ends with the same bytes."""

    class Stopped(Exception):
        pass

    folder, _ = trained
    for epoch in (2, 4):

        def stop(what, done, total, epoch=epoch):
            if what.startswith(f"epoch {epoch} of") and done == total:
                raise Stopped

        with pytest.raises(Stopped):
            train_detector(tmp_path / str(epoch), seed=3, recipe=TINY, threads=1, tell=stop)
        told = []
        train_detector(
            tmp_path / str(epoch), seed=3, recipe=TINY, threads=1, tell=lambda what, *_, told=told: told.append(what)
        )
        assert "drawing" not in told
        assert "epoch 1 of 4" not in told
        assert (tmp_path / str(epoch) / "vgg24.onnx").read_bytes() == (folder / "vgg24.onnx").read_bytes()


def test_starts_from_given_weights(trained, tmp_path) -> None:
    folder, metrics = trained
    start = (folder / "vgg24.onnx").read_bytes()
    tuned = train_detector(tmp_path, seed=5, recipe=dataclasses.replace(TINY, epochs=1), threads=1, start=start)
    assert tuned["loss_first"] < metrics["loss_first"]
    with pytest.raises(ConfigError, match=r"start: no weights of this network .*; give an ONNX file of its kind"):
        train_detector(tmp_path, seed=6, recipe=dataclasses.replace(TINY, network="vgg12"), threads=1, start=start)


def test_images_of_ones_own(tmp_path, small_phantom, small_dicom, capsys) -> None:
    from mcfast.evaluate.truth_files import read_truth
    from mcfast.train.detector.own_images import from_images

    path = tmp_path / "small.json"
    path.write_text(json.dumps(small_phantom.truth()))
    truth = read_truth(path)
    own = from_images([small_dicom], truth, negatives=50)
    assert (~own.positive).sum() == 50
    assert 0.3 * len(small_phantom.calcifications) < own.positive.sum() <= len(small_phantom.calcifications)
    metrics = train_detector(tmp_path, recipe=dataclasses.replace(TINY, tiles=1, epochs=1), threads=1, own=own)
    assert metrics["own"] == len(own.positive)
    assert b"and images of the user" in (tmp_path / "vgg24.onnx").read_bytes()
    with pytest.raises(InputError, match=r"none of 1 images has marks; name them like the files"):
        from_images([tmp_path / "other.dcm"], truth)


def test_command(tmp_path, capsys, monkeypatch) -> None:
    from mcfast.cli import main

    monkeypatch.setitem(RECIPES, "vgg24", dataclasses.replace(TINY, mined_tiles=0))
    arguments = ["train", "detector", "--out", str(tmp_path), "--recipe", "vgg24", "--epochs", "1", "--tiles", "2"]
    assert main(arguments) == 0
    assert "vgg24.onnx, .md, .json" in capsys.readouterr().out
    assert main([*arguments, "--recipe", "none"]) == 1
    assert "expected one of shipped, context24, vgg12, vgg24, vgg12-usual" in capsys.readouterr().err
    assert main([*arguments, "--images", "x.png"]) == 1
    assert "--images, --truth: expected both or none" in capsys.readouterr().err


def test_calibration_finds_the_odds() -> None:
    rng = numpy.random.default_rng(0)
    odds = rng.normal(-1, 2, 40_000)
    truth = rng.random(40_000) < 1 / (1 + numpy.exp(-odds))
    slope, offset = calibrate((odds + 0.7) / 1.8, truth)
    assert slope == pytest.approx(1.8, rel=0.05)
    assert offset == pytest.approx(-0.7, abs=0.06)
    assert calibrate(numpy.empty(0), numpy.empty(0, bool)) == (1.0, 0.0)


def test_workers_draw_the_same() -> None:
    recipe = dataclasses.replace(TINY, tiles=3, side=128)
    alone, together = (draw_patches(1, recipe, [], workers=count) for count in (1, 2))
    assert numpy.array_equal(alone.pixels, together.pixels)
    assert numpy.array_equal(alone.positive, together.positive)


@pytest.mark.parametrize("name", ["vgg24", "vgg12", "alexnet12"])
def test_export_equals_torch(name) -> None:
    torch.manual_seed(0)
    recipe = dataclasses.replace(TINY, network=name)
    network = build(recipe).eval()
    calibrated = fold_calibration(network, 1.7, -2.0).eval()
    content = export_detector(calibrated, seed=0, recipe=recipe)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    scales, side = looks(recipe)
    patches = numpy.random.default_rng(0).normal(0, 2, (9, scales, side, side)).astype(numpy.float32)
    with torch.no_grad():
        logits = network(torch.from_numpy(patches)).numpy()
        probabilities = calibrated(torch.from_numpy(patches)).numpy()
    assert probabilities == pytest.approx(1 / (1 + numpy.exp(-(1.7 * logits - 2.0))), abs=1e-6)
    loaded = runtimes.load(content, threads=1)
    assert loaded.run(patches) == pytest.approx(probabilities, abs=1e-5)
    assert loaded.run(patches[:1]).shape == (1, 1)


def test_networks_that_are_not_shipped() -> None:
    resnet = resnet50().eval()
    assert sum(one.numel() for one in resnet.parameters()) == 23_503_809  # torchvision's, for one channel and class
    with torch.no_grad():
        assert resnet(torch.zeros(1, 1, 224, 224)).shape == (1, 1)
    norm = [layer for layer in alexnet12() if isinstance(layer, torch.nn.LocalResponseNorm)]
    assert [(one.size, one.alpha, one.beta, one.k) for one in norm] == [(5, 1e-4, 0.75, 2.0)] * 2


def test_labels_follow_the_truth() -> None:
    drawn = tile(numpy.random.default_rng(12), side=256)
    candidates = propose(drawn.image, drawn.mask, threshold=1.5, limit=600, max_value=WHITE)
    labels = labels_of(candidates, drawn.calcifications)
    assert 0 < (labels == 1).sum() <= len(drawn.calcifications)
    for one in drawn.calcifications:
        distance = numpy.hypot(*(candidates.positions - numpy.array([one.row, one.column])).T)
        radius = one.diameter_mm / SPACING_MM / 2
        on = numpy.flatnonzero(distance <= max(2.5, radius))
        assert len(on) == 0 or labels[on[0]] == 1
        assert (labels[distance < 6] != 0).all()


def test_patches_of_a_tile() -> None:
    patches = from_tile(numpy.random.default_rng(5), side=256, negatives=40)
    assert patches.pixels.shape[1:] == (2, 24, 24)
    assert patches.pixels.dtype == numpy.float16
    assert patches.view(1, 12).pixels.shape[1:] == (1, 12, 12)
    assert numpy.array_equal(patches.view(1, 12).pixels[:, 0, 6, 6], patches.pixels[:, 0, 12, 12])
    assert (~patches.positive).sum() == 40
    middle = patches.pixels[:, 0, 11:14, 11:14].max(axis=(1, 2))
    assert numpy.median(middle[patches.positive]) > numpy.median(middle[~patches.positive])


def test_canonical_moves_the_truth_with_the_image() -> None:
    drawn = mammogram(2, shape=(400, 300), spacing_mm=0.07, clusters=2)
    image, truth = canonical(drawn)
    assert image.shape == (280, 210)
    for one, other in zip(drawn.calcifications, truth, strict=True):
        assert (other.row + 0.5) * 0.1 == pytest.approx((one.row + 0.5) * 0.07)
        assert (other.column + 0.5) * 0.1 == pytest.approx((one.column + 0.5) * 0.07)


def test_evaluation_and_card(trained) -> None:
    folder, metrics = trained
    test = evaluate((folder / "vgg24.onnx").read_bytes(), [9_100_000], threads=1, small=True)
    assert test["images"] == 1
    assert set(test["sensitivity"]) == {"vgg24", "LoG", "top-hat"}
    for values in test["sensitivity"].values():
        assert values == sorted(values)
        assert all(0 <= value <= 1 for value in values)
    card = model_card({**metrics, "test": test}, "2.0")
    assert "level varied; left out: line crossings, pectoral edge, soft specks; seed 3" in card
    assert f", {metrics['mined']} of them the hardest of 2 further tiles; " in card
    whole = {name: value for name, value in metrics["recipe"].items() if name != "without"}
    assert "left out" not in model_card({**metrics, "test": test, "recipe": whole}, "2.0")
    both = {**metrics, "test": test, "recipe": {**whole, "mined_phantoms": 4}}
    assert " of them the hardest of 2 further tiles and 4 further phantoms; " in model_card(both, "2.0")
    partly = {**metrics, "test": test, "recipe": {**metrics["recipe"], "without": ["skin", "dropout"]}}
    assert "level varied; left out: skin, dropout; seed 3" in model_card(partly, "2.0")
    assert sensitivity_table(test) in card
    assert "{" not in card
