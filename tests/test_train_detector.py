"""Training in small: it learns, repeats itself bit for bit, and writes what it says it writes."""

import dataclasses
import json

import numpy
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
onnx = pytest.importorskip("onnx", reason="training needs onnx")

from mcfast import runtimes  # noqa: E402
from mcfast.detect.propose import propose  # noqa: E402
from mcfast.nets.vgg12 import fold_calibration, vgg12  # noqa: E402
from mcfast.phantom import mammogram, tile  # noqa: E402
from mcfast.train.detector import DetectorRecipe, draw_patches, export_vgg12, train_detector  # noqa: E402
from mcfast.train.detector_card import model_card, sensitivity_table  # noqa: E402
from mcfast.train.detector_trial import evaluate  # noqa: E402
from mcfast.train.patches import SPACING_MM, WHITE, _labels, canonical, from_tile  # noqa: E402

TINY = DetectorRecipe(
    tiles=5, side=256, negatives=60, phantoms=0, calibrating=0, tested=0, epochs=3, batch=64, maps=8, hidden=16
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    return folder, train_detector(folder, seed=3, recipe=TINY, threads=1, progress=False)


def test_loss_falls(trained) -> None:
    _, metrics = trained
    assert metrics["loss_last"] < 0.8 * metrics["loss_first"]
    assert metrics["positives"] > 20


def test_same_seed_same_bytes(trained, tmp_path) -> None:
    folder, metrics = trained
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.random.get_rng_state()
    again = train_detector(tmp_path, seed=3, recipe=TINY, threads=1, progress=False)
    assert (tmp_path / "vgg12.onnx").read_bytes() == (folder / "vgg12.onnx").read_bytes()
    assert {**again, "seconds": 0} == {**metrics, "seconds": 0}
    assert before[:2] == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    assert torch.equal(before[2], torch.random.get_rng_state())
    train_detector(tmp_path, seed=4, recipe=TINY, threads=1, progress=False)
    assert (tmp_path / "vgg12.onnx").read_bytes() != (folder / "vgg12.onnx").read_bytes()


def test_metrics_are_kept(trained) -> None:
    folder, metrics = trained
    assert json.loads((folder / "vgg12.json").read_text()) == metrics
    assert metrics["recipe"] == dataclasses.asdict(TINY)


def test_prints_progress(capsys, tmp_path) -> None:
    train_detector(tmp_path, recipe=dataclasses.replace(TINY, tiles=1, epochs=1), threads=1)
    assert "epoch 1 of 1: loss" in capsys.readouterr().out


def test_workers_draw_the_same() -> None:
    recipe = dataclasses.replace(TINY, tiles=3, side=128)
    alone, together = (draw_patches(1, recipe, [], workers=count) for count in (1, 2))
    assert numpy.array_equal(alone.pixels, together.pixels)
    assert numpy.array_equal(alone.positive, together.positive)


def test_export_equals_torch() -> None:
    torch.manual_seed(0)
    network = vgg12().eval()
    calibrated = fold_calibration(network, 1.7, -2.0).eval()
    content = export_vgg12(calibrated, seed=0, recipe=TINY)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    patches = numpy.random.default_rng(0).normal(0, 2, (9, 1, 12, 12)).astype(numpy.float32)
    with torch.no_grad():
        logits = network(torch.from_numpy(patches)).numpy()
        probabilities = calibrated(torch.from_numpy(patches)).numpy()
    assert probabilities == pytest.approx(1 / (1 + numpy.exp(-(1.7 * logits - 2.0))), abs=1e-6)
    loaded = runtimes.load(content, threads=1)
    assert loaded.run(patches) == pytest.approx(probabilities, abs=1e-5)
    assert loaded.run(patches[:1]).shape == (1, 1)
    assert loaded.metadata["spacing_mm"] == "0.1"


def test_labels_follow_the_truth() -> None:
    drawn = tile(numpy.random.default_rng(12), side=256)
    candidates = propose(drawn.image, drawn.mask, threshold=1.5, limit=600, max_value=WHITE)
    labels = _labels(candidates, drawn.calcifications)
    assert 0 < (labels == 1).sum() <= len(drawn.calcifications)
    for one in drawn.calcifications:
        distance = numpy.hypot(*(candidates.positions - numpy.array([one.row, one.column])).T)
        radius = one.diameter_mm / SPACING_MM / 2
        on = numpy.flatnonzero(distance <= max(2.5, radius))
        assert len(on) == 0 or labels[on[0]] == 1
        assert (labels[distance < 6] != 0).all()


def test_patches_of_a_tile() -> None:
    patches = from_tile(numpy.random.default_rng(5), side=256, negatives=40)
    assert patches.pixels.shape[1:] == (1, 12, 12)
    assert patches.pixels.dtype == numpy.float32
    assert (~patches.positive).sum() == 40
    middle = patches.pixels[:, 0, 5:8, 5:8].max(axis=(1, 2))
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
    test = evaluate((folder / "vgg12.onnx").read_bytes(), [9_100_000], threads=1, small=True)
    assert test["images"] == 1
    assert set(test["sensitivity"]) == {"vgg12", "LoG", "top-hat"}
    for values in test["sensitivity"].values():
        assert values == sorted(values)
        assert all(0 <= value <= 1 for value in values)
    film = {
        "images": 2,
        "circles": 3,
        "hit_by_cluster": 0.5,
        "hit_by_calcification": 0.75,
        "false_clusters_per_image": 1.25,
    }
    card = model_card({**metrics, "test": test, "mini_mias": film}, "1.0")
    assert sensitivity_table(test) in card
    assert "| circles hit by a cluster | 50% |" in card
    assert "mini-MIAS" not in model_card({**metrics, "test": test, "mini_mias": None}, "1.0")
    assert "{" not in card
