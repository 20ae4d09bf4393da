"""Training of a patch classifier in small: it learns, repeats itself, goes on, and says how good it is."""

import dataclasses
import json

import numpy
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs torch")
onnx = pytest.importorskip("onnx", reason="training needs onnx")

from mcfast import runtimes  # noqa: E402
from mcfast.cli import main  # noqa: E402
from mcfast.errors import ConfigError, InputError  # noqa: E402
from mcfast.nets.vgg12 import fold_calibration  # noqa: E402
from mcfast.phantom import mammogram  # noqa: E402
from mcfast.train.classifier import sources  # noqa: E402
from mcfast.train.classifier.card import model_card  # noqa: E402
from mcfast.train.classifier.patches import GridPatches, deal  # noqa: E402
from mcfast.train.classifier.recipe import PatchRecipe  # noqa: E402
from mcfast.train.classifier.training import build, export_classifier, train_patch_classifier  # noqa: E402
from mcfast.train.fit import Fit  # noqa: E402
from mcfast.train.patches import Patches  # noqa: E402

TINY = PatchRecipe(
    network="resnet18", maps=4, side=32, phantoms=0, epochs=6, batch=16, learning_rate=2e-2, bfloat16=False
)


def specks(number, side=32, seed=0):
    """Noise, with a bright spot of 6 x 6 pixels in every other patch; two patches of each patient."""
    rng = numpy.random.default_rng(seed)
    pixels = rng.normal(0, 1, (number, 1, side, side)).astype(numpy.float16)
    positive = numpy.arange(number) % 2 == 0
    for index in numpy.flatnonzero(positive):
        row, column = rng.integers(0, side - 6, 2)
        pixels[index, 0, row : row + 6, column : column + 6] += 4
    return GridPatches(pixels, positive, numpy.array([f"{index // 2}" for index in range(number)]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    return folder, train_patch_classifier(folder, seed=3, recipe=TINY, threads=1, own=specks(240))


def test_it_learns(trained) -> None:
    _, metrics = trained
    assert metrics["loss_last"] < 0.8 * metrics["loss_first"]
    assert metrics["patches"] == [168, 24, 48]
    assert metrics["positives"] == [84, 12, 24]
    test = metrics["test"]["own images"]
    assert (test["patches"], test["patients"]) == (48, 24)
    assert test["measures"]["auc"]["value"] > 0.9
    assert test["measures"]["auc"]["low"] > 0.8


def test_what_is_written(trained) -> None:
    folder, metrics = trained
    assert json.loads((folder / "resnet18.json").read_text()) == metrics
    assert metrics["recipe"] == dataclasses.asdict(TINY)
    card = (folder / "resnet18.md").read_text()
    assert "{" not in card
    assert "168 patches, 84 with calcifications, of the user's images" in card
    assert "not to be published" in card
    assert "| patches | own images: 48, 24 with, of 24 |" in card
    assert "Trained on phantoms alone" in model_card({**metrics, "own": 0}, "1.0")
    loaded = runtimes.load(folder / "resnet18.onnx", threads=1)
    assert loaded.input_shape == (None, 1, 32, 32)
    patches = specks(240)
    tested = patches.part(deal(patches, 3) == 2)
    scores = loaded.run(tested.pixels.astype(numpy.float32)).ravel()
    right = ((scores >= 0.5) == tested.positive).mean()
    assert right == pytest.approx(metrics["test"]["own images"]["measures"]["accuracy"]["value"])


def test_same_seed_same_bytes(trained, tmp_path) -> None:
    folder, metrics = trained
    again = train_patch_classifier(tmp_path, seed=3, recipe=TINY, threads=1, own=specks(240))
    assert (tmp_path / "resnet18.onnx").read_bytes() == (folder / "resnet18.onnx").read_bytes()
    assert {**again, "seconds": 0} == {**metrics, "seconds": 0}
    train_patch_classifier(tmp_path, seed=4, recipe=TINY, threads=1, own=specks(240))
    assert (tmp_path / "resnet18.onnx").read_bytes() != (folder / "resnet18.onnx").read_bytes()


def test_goes_on_where_it_stopped(trained, tmp_path) -> None:
    class Stopped(Exception):
        pass

    def stop(what, done, total):
        if what == "epoch 6 of 6":
            raise Stopped

    with pytest.raises(Stopped):
        train_patch_classifier(tmp_path, seed=3, recipe=TINY, threads=1, own=specks(240), tell=stop)
    told = []
    train_patch_classifier(
        tmp_path, seed=3, recipe=TINY, threads=1, own=specks(240), tell=lambda what, *_: told.append(what)
    )
    assert list(dict.fromkeys(told)) == ["epoch 6 of 6", "calibrating", "testing on own images"]
    assert (tmp_path / "resnet18.onnx").read_bytes() == (trained[0] / "resnet18.onnx").read_bytes()


def test_other_images_begin_anew(trained, tmp_path) -> None:
    (tmp_path / "resnet18-checkpoint.pt").write_bytes((trained[0] / "resnet18-checkpoint.pt").read_bytes())
    told = []
    train_patch_classifier(
        tmp_path, seed=3, recipe=TINY, threads=1, own=specks(240, seed=1), tell=lambda what, *_: told.append(what)
    )
    assert told[0] == "epoch 1 of 6"


def test_starts_from_given_weights(trained, tmp_path) -> None:
    folder, metrics = trained
    start = (folder / "resnet18.onnx").read_bytes()
    once = dataclasses.replace(TINY, epochs=1)
    tuned = train_patch_classifier(tmp_path, seed=5, recipe=once, threads=1, own=specks(240), start=start)
    assert tuned["loss_first"] < metrics["loss_first"]
    assert "starts at given weights" in (tmp_path / "resnet18.md").read_text()
    other = dataclasses.replace(once, network="resnet50")
    with pytest.raises(ConfigError, match=r"start: no weights of this network .*; give an ONNX file of its kind"):
        train_patch_classifier(tmp_path, recipe=other, threads=1, own=specks(240), start=start)


def test_phantoms_and_own_images_together(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        sources, "small_phantom", lambda seed: mammogram(seed, shape=(420, 330), spacing_mm=0.1, clusters=1)
    )
    recipe = dataclasses.replace(TINY, phantoms=5, epochs=1, side=64)
    told = []
    metrics = train_patch_classifier(
        tmp_path, recipe=recipe, threads=1, own=specks(20, 64), tell=lambda *one: told.append(one)
    )
    assert told[:5] == [("drawing", index, 5) for index in range(1, 6)]
    assert set(metrics["test"]) == {"phantoms", "own images"}
    assert metrics["own"] == 20
    assert "5 phantoms of `mcfast.phantom` and the user's images" in (tmp_path / "resnet18.md").read_text()
    told.clear()
    alone = train_patch_classifier(tmp_path, recipe=recipe, threads=1, tell=lambda *one: told.append(one))
    assert told[0][0] == "epoch 1 of 1", "the phantoms were kept"
    assert set(alone["test"]) == {"phantoms"}
    assert b"images of the user" not in (tmp_path / "resnet18.onnx").read_bytes()


def test_few_of_ones_own_are_trained_on(tmp_path) -> None:
    with pytest.raises(
        InputError, match=r"in each part, of other patients, got 2 and 2 to train on, 0 and 0 to calibrate by, 0 and 0"
    ):
        train_patch_classifier(tmp_path, recipe=TINY, own=specks(4))
    with pytest.raises(ConfigError, match=r"expected patches of 32 pixels as the recipe says, got 40; cut them so"):
        train_patch_classifier(tmp_path, recipe=TINY, own=specks(8, 40))
    with pytest.raises(ConfigError, match=r"PatchRecipe\(phantoms\): expected at least 1 without images of one's own"):
        train_patch_classifier(tmp_path, recipe=TINY)


def test_classes_are_balanced_from_either_side() -> None:
    """As many negatives as positives in every epoch, all of them as often as can be."""
    for shares in ((30, 10), (10, 30)):
        positive = numpy.repeat([True, False], shares)
        patches = specks(40).part(numpy.arange(40))
        recipe = dataclasses.replace(TINY, epochs=1, batch=10)
        torch.manual_seed(0)
        fit = Fit(build(recipe), recipe, 0)
        seen = []
        fit._augmented = lambda pixels, rng, seen=seen: seen.append(pixels[:, 0, 0, 0]) or pixels.astype(numpy.float32)
        numbered = patches.pixels.copy()
        numbered[:, 0, 0, 0] = numpy.arange(40)
        fit.run_epoch(Patches(numbered, positive))
        counts = numpy.bincount(numpy.concatenate(seen).astype(int), minlength=40)
        assert counts[positive].tolist() == [1] * shares[0]
        assert counts[~positive].sum() == shares[0]
        assert numpy.ptp(counts[~positive]) <= 1


@pytest.mark.parametrize(("name", "number"), [("resnet50", 23_503_809), ("resnet18", 11_170_753)])
def test_networks_as_published(name, number) -> None:
    """As many weights as torchvision's have for one channel and one class."""
    network = build(PatchRecipe(network=name))
    assert sum(one.numel() for one in network.parameters()) == number


@pytest.mark.parametrize("name", ["resnet50", "resnet18"])
def test_export_equals_torch(name) -> None:
    torch.manual_seed(0)
    recipe = dataclasses.replace(TINY, network=name)
    network = build(recipe)
    for layer in network.modules():  # every normalisation as after a training
        if isinstance(layer, torch.nn.BatchNorm2d):
            for values, low in (
                (layer.weight, -1),
                (layer.bias, -1),
                (layer.running_mean, -1),
                (layer.running_var, 0.5),
            ):
                torch.nn.init.uniform_(values, low, 1.5)
    patches = specks(5).pixels.astype(numpy.float32)
    with torch.no_grad():
        logits = network.eval()(torch.from_numpy(patches)).numpy()
    slope = 1 / float(logits.std())
    offset = -slope * float(logits.mean())
    content = export_classifier(fold_calibration(network, slope, offset).eval(), seed=0, recipe=recipe)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    expected = 1 / (1 + numpy.exp(-(slope * logits + offset)))
    assert numpy.ptp(expected) > 0.2
    assert runtimes.load(content, threads=1).run(patches) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"network": "resnet34"}, r"PatchRecipe\(network\): expected one of resnet50, resnet18, got 'resnet34'"),
        ({"side": 8}, r"PatchRecipe\(side\): expected at least 16, got 8"),
        ({"maps": 0}, r"PatchRecipe\(maps\): expected at least 1, got 0"),
        ({"phantoms": -1}, r"PatchRecipe\(phantoms\): expected at least 0, got -1"),
        ({"batch": 1}, r"PatchRecipe\(epochs, batch\): expected 1 and 2 at least, got 20, 1"),
    ],
)
def test_bad_recipes_are_named(values, message) -> None:
    with pytest.raises(ConfigError, match=message):
        PatchRecipe(**values)


@pytest.fixture
def table(tmp_path):
    rng = numpy.random.default_rng(0)
    lines = ["image,label,patient"]
    for index in range(24):
        image = rng.normal(120, 10, (32, 32))
        if index % 2:
            image[rng.integers(8, 24), rng.integers(8, 24)] = 250
        Image.fromarray(image.astype(numpy.uint8)).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,{index % 2},{index // 2}")
    path = tmp_path / "patches.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


ARGUMENTS = ["train", "patch-classifier", "--network", "resnet18", "--maps", "4", "--epochs", "1", "--threads", "1"]


def test_command_on_a_table(table, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert main([*ARGUMENTS, "--patches", str(table), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "resnet18: 18 patches trained on, 2 calibrated by, 4 tested" in shown
    assert "| MCC |" in shown
    assert "Research use only" in shown
    assert json.loads((out / "resnet18.json").read_text())["recipe"]["side"] == 32
    start = ["--start", str(out / "resnet18.onnx")]
    assert main([*ARGUMENTS, "--patches", str(table), "--out", str(tmp_path / "tuned"), *start]) == 0


def test_command_on_images_of_ones_own(tmp_path, capsys) -> None:
    lines = ["image,row,column"]
    for seed in range(8):
        drawn = mammogram(seed, shape=(420, 330), spacing_mm=0.1, clusters=1)
        Image.fromarray(drawn.image).save(tmp_path / f"{seed}.png")
        lines += [f"{seed},{one.row},{one.column}" for one in drawn.calcifications]
    (tmp_path / "marks.csv").write_text("\n".join(lines) + "\n")
    images = ["--images", *(str(tmp_path / f"{seed}.png") for seed in range(8)), "--spacing-mm", "0.1"]
    arguments = [*ARGUMENTS, *images, "--phantoms", "0", "--side", "64", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--truth", str(tmp_path / "marks.csv")]) == 0
    assert "| patches | own images: " in capsys.readouterr().out
    assert main(arguments) == 1
    assert "--images, --truth: expected both or none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--patches", "x.csv", "--side", "64"], "--patches: expected without --images, --phantoms and --side"),
        (["--patches", "gone.csv"], "gone.csv: cannot be read (No such file or directory)"),
        (["--threads", "0"], "--seed, --threads: expected 0 and 1 to 256, got 0 and 0"),
        (["--epochs", "0"], "PatchRecipe(epochs, batch): expected 1 and 2 at least, got 0, 16"),
        (["--start", "gone.onnx"], "gone.onnx: No such file or directory"),
        (["--phantoms", "0"], "PatchRecipe(phantoms): expected at least 1 without images of one's own, got 0"),
    ],
)
def test_the_command_refuses(arguments, message, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*ARGUMENTS, *arguments, "--out", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err


def test_help(capsys) -> None:
    for words, expected in ((["train"], "patch-classifier"), (["train", "patch-classifier"], "Kahnouei et al. (2022)")):
        with pytest.raises(SystemExit) as left:
            main([*words, "--help"])
        assert left.value.code == 0
        assert expected in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit) as left:
        main(["train", "patch-classifier", "--network", "vgg12", "--out", "x"])
    assert left.value.code == 2
    assert "invalid choice: 'vgg12'" in capsys.readouterr().err
