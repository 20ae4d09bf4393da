"""Training of FSRCNN in little, and what the shipped one is worth on images that it has not seen."""

import json
import os
import pathlib

import numpy
import pytest

from mcfast import nets, runtimes
from mcfast.evaluate.sr import METHODS, compare
from mcfast.magnify import super_resolve

DATA = pathlib.Path(os.environ.get("MCFAST_DATA", pathlib.Path(__file__).parents[2] / "shared/data"))

# --- the shipped network ------------------------------------------------------------------------------------------


def _scores(image, peak, mask=None):
    return compare(image, lambda small: super_resolve(small, max_value=peak), peak=peak, mask=mask)


@pytest.mark.parametrize(("seed", "spacing_mm"), [(70_001, 0.07), (70_002, 0.085)])
def test_shipped_network_beats_interpolation_on_an_unseen_phantom(seed, spacing_mm):
    from mcfast import phantom

    drawn = phantom.mammogram(seed, shape=(900, 700), spacing_mm=spacing_mm, bits=12)
    scores = _scores(drawn.image, 4095, drawn.mask)
    for method in METHODS:
        for part in ("frame", "breast"):
            assert scores["fsrcnn"][part] > scores[method][part], (method, part)


@pytest.mark.parametrize(("name", "peak"), [("1_L_CC.png", 65535), ("gmic_0_R-MLO.png", 4095)])
def test_shipped_network_beats_interpolation_on_real_mammograms(name, peak):
    path = DATA / "ffdm" / name
    if not path.exists():
        pytest.skip(f"{path}: real mammograms are not there; set MCFAST_DATA to their folder")
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    rows, columns = numpy.nonzero(image)
    row, column = int(numpy.median(rows)), int(numpy.median(columns))
    crop = image[max(0, row - 300) : row + 300, max(0, column - 300) : column + 300]
    scores = _scores(crop, peak, crop > 0)
    for method in METHODS:
        assert scores["fsrcnn"]["frame"] > scores[method]["frame"] + 0.05, method
        assert scores["fsrcnn"]["breast"] > scores[method]["breast"] + 0.05, method


def test_shipped_network_keeps_flat_images_flat():
    for level in (0, 400, 2000, 4000):
        error = super_resolve(numpy.full((40, 40), level, numpy.uint16), max_value=4095).astype(int) - level
        assert numpy.abs(error[16:-16, 16:-16]).max() <= 4, level
        # At the border the network sees zeros beyond; the model card states what that costs.
        assert numpy.abs(error).max() <= 6 + 0.022 * level, level


# --- training -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny():
    pytest.importorskip("torch", reason="needs the train extra")
    from mcfast.train.magnifier.training import FsrcnnRecipe

    return FsrcnnRecipe(
        phantoms=2, crops=12, side=16, steps=24, batch=4, held_out=1, check_every=8, tested=1, scale=0.2, d=8, s=4, m=1
    )


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    from mcfast.train.magnifier.training import train_fsrcnn

    folder = tmp_path_factory.mktemp("trained")
    return folder, train_fsrcnn(folder, seed=3, recipe=tiny, threads=1, progress=False)


def test_training_lowers_the_loss_and_writes_everything(trained):
    folder, metrics = trained
    assert metrics["loss_kept"] < metrics["loss_first"]
    assert json.loads((folder / "fsrcnn.json").read_text()) == metrics
    card = (folder / "fsrcnn.md").read_text()
    assert "Research use only" in card
    assert "FSRCNN(8, 4, 1)" in card
    assert f"{metrics['psnr_db'][0]['fsrcnn']['breast']:.2f}" in card
    network = runtimes.load(folder / "fsrcnn.onnx", threads=1)
    assert network.metadata["seed"] == "3"
    assert json.loads(network.metadata["recipe"])["steps"] == 24
    image = numpy.random.default_rng(0).random((30, 30), numpy.float32)
    assert super_resolve(image, network=network, tile=11).shape == (60, 60)


def test_same_seed_gives_the_same_file_another_seed_another(trained, tiny, tmp_path):
    from mcfast.train.magnifier.training import train_fsrcnn

    folder, metrics = trained
    again = train_fsrcnn(tmp_path / "again", seed=3, recipe=tiny, threads=1, progress=False)
    assert (tmp_path / "again/fsrcnn.onnx").read_bytes() == (folder / "fsrcnn.onnx").read_bytes()
    assert {**again, "seconds": 0} == {**metrics, "seconds": 0}
    train_fsrcnn(tmp_path / "other", seed=4, recipe=tiny, threads=1, progress=False)
    assert (tmp_path / "other/fsrcnn.onnx").read_bytes() != (folder / "fsrcnn.onnx").read_bytes()


def test_a_stopped_run_goes_on_where_it_stopped(trained, tiny, tmp_path, monkeypatch):
    from mcfast.train.magnifier import training

    folder, _ = trained
    draw = training._Run._batch

    def stop_at_20(run):
        if run.step == 20:
            raise KeyboardInterrupt
        return draw(run)

    monkeypatch.setattr(training._Run, "_batch", stop_at_20)
    with pytest.raises(KeyboardInterrupt):
        training.train_fsrcnn(tmp_path, seed=3, recipe=tiny, threads=1, progress=False)
    assert not (tmp_path / "fsrcnn.onnx").exists()
    seen = []
    monkeypatch.setattr(training._Run, "_batch", lambda run: (seen.append(run.step), draw(run))[1])
    training.train_fsrcnn(tmp_path, seed=3, recipe=tiny, threads=1, progress=False)
    assert seen == list(range(16, 24)), "from the last check on"
    assert (tmp_path / "fsrcnn.onnx").read_bytes() == (folder / "fsrcnn.onnx").read_bytes()


def test_training_leaves_torch_as_it_was(tiny, tmp_path):
    import torch

    from mcfast.train.magnifier.training import train_fsrcnn

    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    train_fsrcnn(tmp_path, seed=1, recipe=tiny, threads=1, progress=False)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]
    assert torch.are_deterministic_algorithms_enabled() == before[2]


def test_phantoms_for_training_checking_and_testing_are_not_the_same():
    from mcfast.train.magnifier.data import PhantomData

    together = [seed for kind in PhantomData(3, (24, 6, 4)).seeds for seed in kind]
    assert len(set(together)) == len(together) == 24 + 6 + 4


def test_pairs_are_binned_crops_and_repeat():
    from mcfast.evaluate.sr import bin2x2
    from mcfast.train.magnifier.pairs import draw_pairs

    pairs = draw_pairs([5], 10, 12, scale=0.2)
    assert pairs.small.shape == (10, 1, 12, 12)
    assert pairs.large.shape == (10, 1, 24, 24)
    for values in (pairs.small, pairs.large):
        assert values.dtype == numpy.float32
        assert values.min() >= 0
        assert values.max() <= 1
    for small, large in zip(pairs.small[:, 0], pairs.large[:, 0], strict=True):
        numpy.testing.assert_allclose(small, bin2x2(large), atol=0.51 / 4095)
    again = draw_pairs([5], 10, 12, scale=0.2)
    numpy.testing.assert_array_equal(pairs.large, again.large)


def test_detectors_differ_from_seed_to_seed():
    from mcfast.train.magnifier.pairs import as_another_detector

    image = numpy.full((60, 60), 0.5, numpy.float32)
    mask = numpy.ones(image.shape, bool)
    mask[:, 40:] = False
    drawn = [as_another_detector(image, mask, numpy.random.default_rng(seed)) for seed in range(20)]
    levels = [float(one[:, :40].std() / one[:, :40].mean()) for one in drawn]
    assert max(levels) > 8 * min(levels)
    backgrounds = [one[:, 45:].max() for one in drawn]
    assert any(value == 0 for value in backgrounds)
    assert any(value > 0 for value in backgrounds)


def test_command_line(tiny, tmp_path, capsys, monkeypatch):
    from mcfast.train import __main__ as command
    from mcfast.train.magnifier import training

    monkeypatch.setattr(training, "FsrcnnRecipe", lambda: tiny)
    assert (
        command.main(["fsrcnn", "--out", str(tmp_path / "deep/out"), "--seed", "3", "--threads", "1", "--quiet"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["fsrcnn"]["seed"] == 3
    assert (tmp_path / "deep/out/fsrcnn.onnx").exists()
    monkeypatch.setitem(command.TRAINERS, "fsrcnn", "mcfast.train.absent:train")
    assert command.main(["fsrcnn", "--out", str(tmp_path)]) == 1
    assert "training fsrcnn: No module named 'mcfast.train.absent'; install what it needs" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["alexnet", "--out", str(tmp_path)])


def test_shipped_network_says_how_to_make_it_again():
    from dataclasses import asdict

    pytest.importorskip("torch", reason="needs the train extra")
    from mcfast.train.magnifier.training import VERSION, FsrcnnRecipe

    metadata = runtimes.load(nets.weights("fsrcnn"), threads=1).metadata
    assert json.loads(metadata["recipe"]) == asdict(FsrcnnRecipe())
    assert metadata["version"] == VERSION
    assert metadata["seed"] == "0"
