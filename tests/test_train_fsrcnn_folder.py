"""Training on images of one's own: the command, what is dealt where, going on, and what is refused."""

import json

import numpy
import pytest
from PIL import Image

from mcfast import runtimes
from mcfast.cli import main
from mcfast.errors import InputError
from mcfast.evaluate.sr import bin2x2

pytest.importorskip("torch", reason="needs the train extra")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("images")
    random = numpy.random.default_rng(0)
    for index in range(5):
        image = numpy.zeros((90 + index, 80), numpy.uint16)
        image[10:, 10:] = random.integers(1, 4096, (80 + index, 70))
        Image.fromarray(image).save(path / f"{index}.png")
    (path / "notes.txt").write_text("no image")
    return path


@pytest.fixture
def tiny(monkeypatch):
    from mcfast.train.magnifier import training

    recipe = training.FsrcnnRecipe(crops=6, side=16, steps=12, batch=4, check_every=4, d=8, s=4, m=1)
    monkeypatch.setattr(training, "FsrcnnRecipe", lambda: recipe)
    return recipe


def test_command_trains_and_goes_on(folder, tiny, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["train", "fsrcnn", str(folder), "--out", str(out), "--seed", "5", "--threads", "1"]
    assert main([*arguments, "--quiet"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["images"] == [3, 1, 1]
    assert metrics["data"] == "a folder of images"
    network = runtimes.load(out / "fsrcnn.onnx", runtime="native")
    assert network.size == (8, 4, 1)
    assert network.metadata["training_data"] == "a folder of images"
    card = (out / "fsrcnn.md").read_text()
    assert "| training data | a folder of images: 3, with 6 crops of each |" in card
    assert "mcfast train fsrcnn FOLDER --out" in card
    assert "not to be published" in card
    assert ".png" not in card, "names of files may be names of patients"
    assert main(arguments) == 0
    assert "goes on from step 12" in capsys.readouterr().out


def test_another_image_begins_anew(folder, tiny, tmp_path, capsys):
    import shutil

    mine = shutil.copytree(folder, tmp_path / "mine")
    arguments = ["train", "fsrcnn", str(mine), "--out", str(tmp_path / "out"), "--threads", "1"]
    assert main(arguments) == 0
    (mine / "0.png").write_bytes((mine / "1.png").read_bytes())
    capsys.readouterr()
    assert main(arguments) == 0
    assert "goes on" not in capsys.readouterr().out


def test_steps(tiny, folder, tmp_path, capsys):
    assert main(["train", "fsrcnn", str(folder), "--out", str(tmp_path), "--steps", "3", "--threads", "1"]) == 0
    assert "step 3 of 3" in capsys.readouterr().out


def test_parts_share_no_image_and_follow_the_seed(folder):
    from mcfast.train.magnifier.data import FolderData

    files = sorted(folder.glob("*.png"))
    data = FolderData(files, 1)
    dealt = [file for part in data._parts for file in part]
    assert sorted(dealt) == files
    assert data.counts == (3, 1, 1)
    assert FolderData(files[::-1], 1)._parts == data._parts, "the order they are given in does not matter"
    assert any(FolderData(files, seed)._parts != data._parts for seed in range(2, 6))


def test_pairs_are_crops_of_the_images(folder):
    from mcfast.train.magnifier.data import FolderData

    pairs = FolderData(sorted(folder.glob("*.png")), 1).training_pairs(4, 12)
    assert pairs.small.shape == (12, 1, 12, 12)
    assert pairs.large.shape == (12, 1, 24, 24)
    assert 0 <= pairs.large.min() < pairs.large.max() <= 1
    for small, large in zip(pairs.small[:, 0], pairs.large[:, 0], strict=True):
        numpy.testing.assert_allclose(small, bin2x2(large), atol=0.51 / 4095)


def test_few_black_and_small_images_are_refused(folder, tmp_path):
    from mcfast.train.magnifier.data import FolderData

    files = sorted(folder.glob("*.png"))
    with pytest.raises(InputError, match="expected at least 3 images .*, got 2; give more, or phantoms"):
        FolderData(files[:2], 0)
    with pytest.raises(InputError, match=r"expected at least 200 pixels on a side for training, got \(9\d, 80\)"):
        FolderData(files, 0).training_pairs(1, 100)
    for index in range(3):
        Image.fromarray(numpy.zeros((40, 40), numpy.uint16)).save(tmp_path / f"{index}.png")
    with pytest.raises(InputError, match="every pixel is zero; leave it out"):
        FolderData(sorted(tmp_path.glob("*.png")), 0).training_pairs(1, 8)
    with pytest.raises(InputError, match="gone.png: cannot be read"):
        FolderData([*files, tmp_path / "gone.png"], 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone"], "gone: no such folder; give a folder of images, or the word phantoms"),
        (["phantoms", "--steps", "0"], "--steps: expected at least 1, got 0"),
        (["phantoms", "--seed", "-1"], "--seed: expected at least 0, got -1"),
        (["phantoms", "--threads", "0"], "--threads: expected at least 1, got 0"),
    ],
)
def test_the_command_refuses(arguments, message, tmp_path, capsys):
    assert main(["train", "fsrcnn", *arguments, "--out", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err
