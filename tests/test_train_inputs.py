"""The trial of inputs: CLAHE as scikit-image's, the same places for every input, a tiny trial that is taken up again."""

import json
import sys
from dataclasses import replace

import numpy
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="training needs onnx")

from mcfast.cli import main  # noqa: E402
from mcfast.detect.classify import candidate_patches  # noqa: E402
from mcfast.detect.propose import propose  # noqa: E402
from mcfast.errors import DependencyError  # noqa: E402
from mcfast.evaluate.truth import ImageTruth, point  # noqa: E402
from mcfast.nets.local_response import LocalResponse  # noqa: E402
from mcfast.ops import dehaze  # noqa: E402
from mcfast.phantom import mammogram  # noqa: E402
from mcfast.rasters import read_array  # noqa: E402
from mcfast.train.inputs import INPUTS, clahe, dehazed  # noqa: E402
from mcfast.train.scenes import Scene, patches_at, scene_of, scene_of_tile  # noqa: E402
from mcfast.train.trials import inputs as trial  # noqa: E402
from mcfast.train.trials.input_patches import Standard, draw_inputs  # noqa: E402
from mcfast.train.trials.input_report import input_tables  # noqa: E402

TINY = replace(
    trial.TRIAL, maps=8, hidden=16, tiles=3, side=256, negatives=30, phantoms=0, phantom_negatives=30, epochs=2
)


@pytest.fixture(scope="module")
def image():
    rng = numpy.random.default_rng(4)
    drawn = rng.integers(0, 4096, (97, 61)) * numpy.linspace(0.2, 1, 61)
    return drawn.astype(numpy.uint16)


def test_clahe_is_that_of_scikit_image(image) -> None:
    from skimage.exposure import equalize_adapthist

    for tile, kernel in ((None, (97 // 8, 61 // 8)), ((40, 30), (40, 30)), ((200, 30), (97, 30))):
        wanted = equalize_adapthist(image / 4095, kernel_size=kernel, clip_limit=0.01) * 4095
        assert numpy.abs(clahe(image, 4095.0, tile) - wanted).max() <= 0.5 + 1e-9
    assert clahe(image, 4095.0).dtype == numpy.uint16
    # What lies above white is white.
    assert numpy.array_equal(clahe(image, 3000.0), clahe(numpy.minimum(image, 3000), 3000.0))


def test_dehazed_by_the_windows_of_the_paper(image) -> None:
    assert numpy.array_equal(dehazed(image, 4095.0, (3, 3)), dehaze(image, size=11, radius=22, max_value=4095.0))


def test_without_scikit_image(image, monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setitem(sys.modules, "skimage.exposure", None)
    with pytest.raises(DependencyError, match=r"pip install mcfast\[train\] \(scikit-image\)"):
        clahe(image, 4095.0)
    assert main(["evaluate", "inputs", "--out", str(tmp_path / "out")]) == 1
    assert "mcfast: CLAHE: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_negatives_keep_away() -> None:
    mask = numpy.zeros((200, 160), bool)
    mask[:, 40:] = True
    image = numpy.zeros(mask.shape, numpy.uint16)
    scene = Scene(image, mask, 4095.0, numpy.array([[100, 100]], numpy.int32), numpy.array([[50.0, 120.0]]), None)
    places = scene.negatives()
    assert (places[:, 1].min(), places[:, 1].max()) == (46, 153)
    assert (places[:, 0].min(), places[:, 0].max()) == (6, 193)
    for row, column in ((100, 100), (50, 120)):
        distance = numpy.hypot(places[:, 0] - row, places[:, 1] - column)
        assert distance.min() == 15
        assert (distance < 15.5).sum() > 4
    some = scene.negatives(4)
    assert not (some % 4).any()
    assert len(some) == pytest.approx(len(places) / 16, rel=0.1)


def test_scene_of_a_mammogram() -> None:
    drawn = mammogram(3, shape=(700, 500), spacing_mm=0.2, clusters=1)
    first = drawn.calcifications[0]
    item = read_array(drawn.image, "x", spacing_mm=0.2, bits=12)
    scene = scene_of(item, ImageTruth("x", (point(first.row, first.column),)), [point(10.0, 20.0)])
    assert scene.image.shape == (1400, 1000)
    assert scene.white == 4095 * 16
    assert scene.positives[0] == pytest.approx([(first.row + 0.5) * 2 - 0.5, (first.column + 0.5) * 2 - 0.5], abs=0.5)
    assert scene.others[0] == pytest.approx([20.5, 40.5])


def test_patches_show_their_places() -> None:
    scene = scene_of_tile(numpy.random.default_rng(7), 256)
    places = scene.negatives(16)
    plain, others = patches_at(scene, "unprocessed", "intensity", [places, scene.positives])
    for (row, column), patch in zip(places, plain, strict=True):
        assert numpy.array_equal(patch[0], scene.image[row - 6 : row + 6, column - 6 : column + 6])
    assert len(others) == len(scene.positives)
    clear = patches_at(scene, "dehazed", "intensity", [places])[0]
    row, column = places[3]
    assert clear[3, 0, 6, 6] == dehaze(scene.image, size=11, radius=22, max_value=65535.0)[row, column]


def test_units_of_noise_are_the_detectors() -> None:
    scene = scene_of_tile(numpy.random.default_rng(8), 256)
    found = propose(scene.image, scene.mask, threshold=1.5, limit=50, max_value=scene.white, even_tone=False)
    patches = patches_at(scene, "unprocessed", "noise", [found.positions])[0]
    assert patches == pytest.approx(candidate_patches(found, side=12, scales=1), abs=1e-5)


def test_same_places_for_every_input_and_standardised() -> None:
    drawn = draw_inputs(list(INPUTS), "intensity", TINY, 1)
    again = draw_inputs(["dehazed"], "intensity", TINY, 1, workers=2)
    assert numpy.array_equal(drawn["dehazed"].pixels, again["dehazed"].pixels)
    assert len({one.positive.tobytes() for one in drawn.values()}) == 1
    assert (~drawn["CLAHE"].positive).sum() == 3 * 30
    pixels = drawn["CLAHE"].pixels
    flat = Standard(pixels)(pixels)
    assert (float(flat.mean()), float(flat.std())) == pytest.approx((0, 1), abs=1e-4)
    same = numpy.ones((1, 1, 12, 12), numpy.float32)
    assert numpy.array_equal(Standard(same)(same), same)


@pytest.mark.parametrize(("size", "beta"), [(5, 0.75), (4, 0.5)])
def test_local_response_is_that_of_torch(size: int, beta: float) -> None:
    x = torch.randn(3, 7, 6, 5, generator=torch.Generator().manual_seed(1)) * 30
    wanted = torch.nn.LocalResponseNorm(size, alpha=1e-2, beta=beta, k=2.0)(x)
    assert torch.allclose(LocalResponse(size, alpha=1e-2, beta=beta, k=2.0)(x), wanted, rtol=1e-5)


def test_command_is_taken_up_again(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(trial, "TRIAL", TINY)
    drawn = mammogram(52, shape=(600, 450), spacing_mm=0.1, clusters=0)
    Image.fromarray(drawn.image).save(tmp_path / "one.png")
    out = tmp_path / "out"
    command = ["evaluate", "inputs", str(tmp_path / "one.png"), "--spacing-mm", "0.1", "--phantoms", "0"]
    command += ["--stride", "8", "--draws", "20", "--threads", "1", "--out", str(out)]
    assert main(command) == 0
    table = capsys.readouterr().out
    assert (out / "inputs.md").read_text() in table
    report = json.loads((out / "inputs.json").read_text())
    part = report["sets"]["drawn into mammograms"]
    assert (part["images"], part["patients"]) == (2, 1)
    assert input_tables(report) in table
    for network in ("vgg12", "alexnet12"):
        assert set(part["networks"][network]["inputs"]) == {"unprocessed", "CLAHE", "dehazed"}
        for label in INPUTS:
            assert f"| {network} | {label} | " in table
            assert len(report["losses"][network][label]) == 2
    assert f"{part['negatives']} other places (the lowest rate that is seen: {1 / part['negatives']:.1e})" in table
    kept = {file: file.stat().st_mtime_ns for file in out.rglob("*.[np][pt]*")}
    assert len(kept) == 3 + 6 + 4
    assert main(command) == 0
    assert capsys.readouterr().out == table
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    # A network that was stopped halfway goes on; one that is lost is trained to the same weights again.
    (out / "vgg12-CLAHE.pt").unlink()
    for file in (out / "scores").iterdir():
        file.unlink()
    assert main(command) == 0
    assert capsys.readouterr().out == table
    assert main([*command, "--seed", "1"]) == 0
    assert capsys.readouterr().out != table


def test_options_out_of_range(tmp_path, capsys) -> None:
    for arguments, words in (
        (["--stride", "0"], "--stride: expected at least 1, got 0"),
        (["--epochs", "0"], "--epochs: expected at least 1, got 0"),
        (["--phantoms", "0"], "--phantoms: expected at least 1 without PATH, got 0; there is nothing to test on"),
    ):
        assert main(["evaluate", "inputs", "--out", str(tmp_path / "out"), *arguments]) == 1
        assert words in capsys.readouterr().err
