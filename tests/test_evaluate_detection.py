"""The hit rule, FROC and the command, on toy images whose answer is known."""

import json

import numpy
import pytest
from PIL import Image

from mcfast.cli import main
from mcfast.cli.evaluate_detection import _print_image
from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate.binary import confusion
from mcfast.evaluate.detection import Findings, evaluate_detection, read_results
from mcfast.evaluate.froc import Froc, match_clusters, match_marks
from mcfast.evaluate.truth import ImageTruth, Mark, point

SQUARE = Mark(numpy.array([[100, 100], [100, 120], [120, 120], [120, 100]], float))


def findings(name, places, scores, clusters=(), image_score=0.0, spacing=(0.1, 0.1)):
    groups = tuple(numpy.array(places, float)[list(members)] for members in clusters)
    best = tuple(max(scores[one] for one in members) for members in clusters)
    found = numpy.array(places, float).reshape(-1, 2)
    return Findings(name, found, numpy.array(scores, float), groups, best, image_score, (1000, 1000), spacing)


def test_hit_rule_of_points_and_outlines() -> None:
    truth = (point(10, 10), SQUARE)
    places = [(10, 15), (10, 15.1), (97, 110), (96.9, 110), (110, 110), (10, 8)]
    got = match_marks(places, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], truth, (0.1, 0.1))
    # 0.5 mm of the point hits, 0.51 does not; 0.3 mm of the outline hits, 0.31 does not; the others hit again.
    assert got.hits.tolist() == [0.9, 0.7]
    assert got.false.tolist() == [0.8, 0.6]
    assert got.found.tolist() == [0.9, 0.7]


def test_spacing_of_rows_and_columns() -> None:
    got = match_marks([(13, 10), (10, 13)], [0.9, 0.8], (point(10, 10),), (0.2, 0.1))
    assert (got.hits.tolist(), got.false.tolist()) == ([0.8], [0.9])


def test_no_truth_makes_every_mark_false() -> None:
    got = match_marks([(1, 1), (2, 2)], [0.1, 0.7], (), (0.1, 0.1))
    assert (got.total, got.false.tolist()) == (0, [0.7, 0.1])


def test_clusters_need_two_members_inside() -> None:
    inside = numpy.array([(110, 110), (109, 129), (300, 300)], float)
    outside = numpy.array([(110, 110), (300, 300), (310, 300)], float)
    single = numpy.array([(91, 110)], float)
    got = match_clusters([outside, inside, single], [0.9, 0.8, 0.7], (SQUARE,), (0.1, 0.1))
    assert (got.hits.tolist(), got.false.tolist()) == ([0.8], [0.9])


def test_froc_by_hand_and_on_drawn_images() -> None:
    first = match_marks([(10, 10), (500, 500)], [0.9, 0.5], (point(10, 10), point(800, 800)), (0.1, 0.1))
    second = match_marks([(10, 10), (500, 500)], [0.4, 0.7], (point(10, 10),), (0.1, 0.1))
    curve = Froc([first, second])
    assert curve.thresholds.tolist() == [0.9, 0.7, 0.5, 0.4]
    assert curve.sensitivity == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3])
    assert curve.false_per_image.tolist() == [0, 0.5, 1, 1]
    assert curve.at([0, 0.5, 1]) == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert curve.at([0, 0.5, 1], numpy.array([1, 1])) == [0, 0, 1]
    assert curve.at([1], numpy.array([0, 0, 1])) == pytest.approx([3 / 5])


@pytest.fixture
def images():
    """Three patients: both calcifications found with one false mark; one of two missed; a normal image with a mark."""
    results = [
        findings("a", [(10, 10), (50, 50), (900, 9)], [0.9, 0.8, 0.3], image_score=0.9),
        findings("b", [(10, 10), (10, 11)], [0.7, 0.6], image_score=0.7),
        findings("c", [(5, 5)], [0.2], image_score=0.1),
    ]
    truth = [
        ImageTruth("a", (point(10, 10), point(50, 50)), (), "a"),
        ImageTruth("b", (point(10, 10), point(700, 700)), (), "b"),
        ImageTruth("c", (), (), "c"),
    ]
    return results, truth


def test_report_of_toy_images(images) -> None:
    report = evaluate_detection(*images, draws=50)
    assert (report["images"], report["calcifications"], report["clusters"]) == (3, 4, 0)
    part = report["per_calcification"]
    assert part["false_per_image"] == [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    assert [one["value"] for one in part["sensitivity"]] == [0.75] * 6
    assert all(one["low"] <= one["value"] <= one["high"] for one in part["sensitivity"])
    # No false mark scores above a hit: the sensitivity is 3/4 at every rate.
    assert part["mean_sensitivity"]["value"] == pytest.approx(0.75)
    assert report["per_image"]["auc"]["value"] == 1
    assert report["per_image"]["operating_point"] == {"threshold": 0.7, "sensitivity": 1, "specificity": 1}
    assert report["per_image"]["confusion"]["accuracy"] == 1
    assert sum(one["count"] for one in report["calibration"]["bins"]) == 5
    json.dumps(report, allow_nan=False)


def test_mean_sensitivity_falls_with_false_marks(images) -> None:
    """A false mark above all: S counts from 1 in 3 images of 40,000 cells of 0.5 mm on."""
    results, truth = images
    results[2] = findings("c", [(5, 5)], [0.99])
    value = evaluate_detection(results, truth, draws=5)["per_calcification"]["mean_sensitivity"]["value"]
    first = numpy.log(1 / 120_000 / 1e-6) / numpy.log(1e5)
    assert value == pytest.approx(0.75 * (1 - first))


def test_missing_results_are_named(images) -> None:
    results, truth = images
    with pytest.raises(InputError, match=r"no result for b; run mcfast on them too"):
        evaluate_detection([results[0], results[2]], truth)


def test_command(tmp_path, capsys, small_phantom, small_dicom) -> None:
    results, out = tmp_path / "results", tmp_path / "report"
    assert main(["run", str(small_dicom), "--out", str(results), "--write", "json", "--min-score", "0.001"]) == 0
    truth = tmp_path / "small.json"
    truth.write_text(json.dumps(small_phantom.truth()))
    capsys.readouterr()
    assert main(["evaluate", "detection", str(results), str(truth), "--out", str(out), "--draws", "20"]) == 0
    text = capsys.readouterr().out
    assert f"{len(small_phantom.calcifications)} calcifications" in text
    assert "20 false positives per image" in text
    report = json.loads((out / "report.json").read_text())
    at_twenty = report["per_calcification"]["sensitivity"][-1]["value"]
    assert 0.4 < at_twenty <= 1
    with Image.open(out / "froc.png") as picture:
        assert picture.size == (720, 480)


def test_what_the_command_says_of_images(images, tmp_path, capsys, monkeypatch) -> None:
    """Four images of which two of three with calcifications score above the normal one."""
    results, truth = images
    results.append(findings("d", [(5, 5)], [0.05], image_score=0.05))
    truth.append(ImageTruth("d", (point(5, 5),), (), "d"))
    monkeypatch.setattr("mcfast.evaluate.detection.read_results", lambda folder: results)
    monkeypatch.setattr("mcfast.evaluate.truth_files.read_truth", lambda path: truth)
    out = tmp_path / "report"
    assert main(["evaluate", "detection", "results", "truth", "--draws", "20", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "at score 0.700, where sensitivity and specificity together are highest:" in printed
    lines = [line.split() for line in printed.splitlines()]
    for words in (
        ["accuracy", "0.750"],
        ["precision", "1.000"],
        ["recall", "(sensitivity)", "0.667"],
        ["specificity", "1.000"],
        ["F1", "0.800"],
        ["MCC", f"{2 / 12**0.5:.3f}"],  # (2 x 1 - 0 x 1) / root of 2 x 3 x 1 x 2
    ):
        assert words in lines
    for name in ("roc.png", "froc.png"):
        with Image.open(out / name) as picture:
            assert (picture.format, picture.size) == ("PNG", (720, 480))
            colours = {colour: count for count, colour in picture.convert("RGB").getcolors(1 << 20)}
        assert colours[(255, 255, 255)] > 0.5 * 720 * 480
        # The curve itself, three pixels wide, goes once across and once up; axes and words are gray and black.
        assert colours[(0x1B, 0x6C, 0xA8)] > 3 * 300
        assert min(max(colour) for colour in colours) < 80


def test_a_measure_that_nothing_tells(capsys) -> None:
    """Where no image is called positive, precision is not known."""
    counted = confusion([False, False], [True, False]).as_dict()
    point_of = {"threshold": None, "sensitivity": 0.0, "specificity": 1.0}
    area = {"value": 0.5, "low": None, "high": None}
    _print_image({"auc": area, "operating_point": point_of, "confusion": counted})
    printed = capsys.readouterr().out
    assert "at score above all" in printed
    assert ["precision", "unknown"] in [line.split() for line in printed.splitlines()]


def test_failed_images_count_as_missed(tmp_path) -> None:
    content = {"source": {"name": "x.dcm"}, "image": None, "score": None, "calcifications": [], "clusters": []}
    (tmp_path / "result.json").write_text(json.dumps(content))
    (failed,) = read_results(tmp_path)
    truth = [ImageTruth("x", (point(1, 1),), (), "x", (0.1, 0.1))]
    report = evaluate_detection([failed], truth, draws=3)
    assert report["per_calcification"]["sensitivity"][-1]["value"] == 0


def test_what_is_no_result_is_named(tmp_path) -> None:
    with pytest.raises(UnreadableError, match=r"no result.json at or below it"):
        read_results(tmp_path)
    (tmp_path / "result.json").write_text('{"source": 3}')
    with pytest.raises(UnreadableError, match=r"is no result of mcfast run"):
        read_results(tmp_path)
