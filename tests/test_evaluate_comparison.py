"""Insertion into given backgrounds, classical detectors, and the table that compares them."""

import json

import numpy
import pytest
from PIL import Image

from mcfast.cli import main
from mcfast.evaluate.bootstrap import DRAWS
from mcfast.evaluate.classical import blobs, tophat_maxima
from mcfast.evaluate.comparison import OURS, compare_methods, match_image, phantom_truth, with_inserted
from mcfast.evaluate.froc import Matched
from mcfast.evaluate.insertion import insert
from mcfast.evaluate.truth import point
from mcfast.phantom import mammogram
from mcfast.rasters import read_array


@pytest.fixture(scope="module")
def background():
    """A breast without calcifications."""
    return mammogram(52, shape=(1000, 700), spacing_mm=0.1, clusters=0)


def test_insertion_adds_what_it_tells(background) -> None:
    drawn, truth = insert(background.image, background.mask, 0.1, max_value=4095, name="x", seed=1)
    again, _ = insert(background.image, background.mask, 0.1, max_value=4095, name="x", seed=1)
    assert numpy.array_equal(drawn, again)
    added = drawn.astype(int) - background.image
    assert added.min() >= 0
    assert len(truth.calcifications) >= 8
    near = numpy.zeros(added.shape, bool)
    for mark in truth.calcifications:
        row, column = numpy.rint(mark.corners[0]).astype(int)
        assert background.mask[row, column]
        assert added[row - 8 : row + 9, column - 8 : column + 9].max() > 0
        near[max(row - 20, 0) : row + 21, max(column - 20, 0) : column + 21] = True
    assert not added[~near].any()


def test_exports_carry_the_truth_with_them(background) -> None:
    item = read_array(background.image, "x", spacing_mm=0.1, bits=12)
    plain, truth, known = with_inserted(item, 0.14, 3, [point(100, 200)])
    assert plain.bits == 8
    assert plain.shape == (round(1000 / 1.4), 500)
    assert known[0].corners[0] == pytest.approx([(100.5) / 1.4 - 0.5, (200.5) / 1.4 - 0.5])
    bright = numpy.array(
        [plain.pixels[tuple(numpy.rint(mark.corners[0]).astype(int))] for mark in truth.calcifications]
    )
    assert (bright > numpy.median(plain.pixels[plain.pixels > 20])).mean() > 0.6


def test_classical_detectors_find_bright_disks() -> None:
    rng = numpy.random.default_rng(0)
    image = rng.normal(2000, 20, (300, 300))
    down, right = numpy.mgrid[:300, :300]
    # So many that the brightest thousandth of the pixels, which the blob detector saturates, is within them.
    places = [(row, column) for row in (60, 150, 240) for column in (40, 90, 170, 250)]
    for row, column in places:
        image += 900 * (numpy.hypot(down - row, right - column) < 2.5)
    image = image.clip(0, 4095).astype(numpy.uint16)
    mask = numpy.ones(image.shape, bool)
    for found in (
        tophat_maxima(image, mask, 4095),
        tophat_maxima(image, mask, 4095, dehazed=True),
        blobs(image, mask),
    ):
        assert found is not None
        positions, scores = found
        assert (numpy.diff(scores) <= 0).all()
        for place in places:
            assert numpy.hypot(*(positions[: 2 * len(places)] - place).T).min() < 3


def test_known_findings_do_not_count() -> None:
    drawn = mammogram(53, shape=(900, 700), spacing_mm=0.1, clusters=2)
    item = read_array(drawn.image, "x", spacing_mm=0.1, bits=12)
    truth = phantom_truth(drawn)

    class Even:
        input_shape = (None, 1, 8, 8)

        def run(self, batch):
            return numpy.full((len(batch), 1), 0.5, numpy.float32)

    counted = match_image(item, truth, Even())
    somewhere = truth.calcifications[0].corners[0] + (40, 40)
    fewer = match_image(item, truth, Even(), [point(*somewhere)])
    for method, one in counted.items():
        assert one.total == len(drawn.calcifications)
        assert len(fewer[method].false) <= len(one.false)
        assert len(fewer[method].hits) == len(one.hits)


def test_table_by_hand() -> None:
    """Ours finds all without a false mark, the other nothing."""
    ours = Matched(numpy.array([0.9, 0.8]), numpy.array([]), 2, numpy.array([0.9, 0.8]))
    other = Matched(numpy.array([]), numpy.array([0.7]), 2, numpy.full(2, numpy.nan))
    report = compare_methods([{OURS: ours, "other": other}] * 4, list("abcd"), [1e4] * 4, draws=100)
    assert [one["value"] for one in report["methods"][OURS]["sensitivity"]] == [1.0] * 6
    assert [one["value"] for one in report["methods"]["other"]["sensitivity"]] == [0.0] * 6
    assert report["methods"][OURS]["mean_sensitivity"]["value"] == 1
    assert report["methods"]["other"]["p_value"] == pytest.approx(2 / 101)
    assert DRAWS == 1000


def test_command(tmp_path, background, capsys, monkeypatch) -> None:
    Image.fromarray(background.image).save(tmp_path / "one.png")
    out = tmp_path / "report.json"
    arguments = ["evaluate", "comparison", str(tmp_path / "one.png"), "--spacing-mm", "0.1", "--draws", "10"]
    assert main([*arguments, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "2 images of 1," in text
    for method in (OURS, "LoG in local noise units", "top-hat", "dehazed top-hat", "OpenCV blob detector"):
        assert f"| {method} |" in text
    assert set(json.loads(out.read_text())["methods"]) >= {OURS, "top-hat"}
    monkeypatch.setattr("mcfast.evaluate.comparison.blobs", lambda image, mask: None)
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "OpenCV" not in printed.out
    assert printed.err.endswith(
        "mcfast: no row of the OpenCV blob detector: it needs pip install opencv-python-headless\n"
    )
    assert main(["evaluate", "comparison", "--draws", "0"]) == 1
    assert "expected at least 1, 1 and 0" in capsys.readouterr().err
