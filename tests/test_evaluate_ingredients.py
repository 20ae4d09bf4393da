"""The trial of ingredients: candidates that are kept, differences in pairs, arteries, and a tiny trial by the command."""

import json
from dataclasses import fields, replace

import numpy
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="training needs onnx")

from mcfast.cli import main  # noqa: E402
from mcfast.detect import Committee, detect  # noqa: E402
from mcfast.errors import ConfigError  # noqa: E402
from mcfast.evaluate import gallery, leave_one_out  # noqa: E402
from mcfast.evaluate.cases import Case  # noqa: E402
from mcfast.evaluate.comparison import breast_of, phantom_truth  # noqa: E402
from mcfast.evaluate.distractors import DISTRACTORS, draw_distractors  # noqa: E402
from mcfast.evaluate.truth import point  # noqa: E402
from mcfast.phantom import mammogram  # noqa: E402
from mcfast.rasters import read_array  # noqa: E402
from mcfast.train.detector.recipe import INGREDIENTS  # noqa: E402
from mcfast.train.trials import ingredients as trial  # noqa: E402
from mcfast.train.trials.ingredient_report import ingredient_table  # noqa: E402

TINY = replace(
    trial.TRIAL,
    maps=8,
    hidden=16,
    tiles=3,
    side=160,
    negatives=30,
    phantoms=0,
    calibrating=0,
    epochs=2,
    batch=64,
)


@pytest.fixture(scope="module")
def phantom():
    return mammogram(31, shape=(600, 450), spacing_mm=0.1)


@pytest.fixture(scope="module")
def item(phantom):
    return read_array(phantom.image, "x", spacing_mm=0.1, bits=12)


def _exhibit(group, patient, places, truth=(), positive=True, counted=None):
    count = len(places)
    return gallery.Exhibit(
        group,
        patient,
        positive,
        numpy.array(places, float).reshape(-1, 2),
        numpy.zeros((count, 1, 12, 12), numpy.float16),
        numpy.ones(count, bool) if counted is None else numpy.array(counted),
        numpy.array(truth, float).reshape(-1, 2),
    )


def test_candidates_are_those_of_the_engine(phantom, item) -> None:
    truth = phantom_truth(phantom).calcifications
    one = gallery.exhibit(item, "phantoms", "me", truth)
    assert one.truth[0] == pytest.approx([phantom.calcifications[0].row, phantom.calcifications[0].column])
    asked = []

    class Spy:
        input_shape = (None, 1, 12, 12)

        def run(self, batch):
            asked.append(batch.copy())
            return numpy.full((len(batch), 1), 0.9, numpy.float32)

    detect(item.pixels, 0.1, network=Committee([Spy()]), max_value=4095)
    assert numpy.concatenate(asked) == pytest.approx(one.patches, abs=0.02)
    assert one.counted.all()
    # What is known to be there does not count, unless it lies on the truth.
    place = one.places[numpy.hypot(*(one.places[:, None] - one.truth).T).min(axis=0) > 30][0]
    known = gallery.exhibit(item, "phantoms", "me", truth, [point(*place), truth[0]])
    near = numpy.hypot(*(one.places - place).T) <= 10
    assert near.any()
    assert numpy.array_equal(~known.counted, near)


def test_kept_and_taken_again() -> None:
    some = [
        _exhibit("a", "p", [(1, 2), (3, 4)], [(1, 2)], counted=[True, False]),
        _exhibit("patches", "q", [], positive=False),
        _exhibit("b", "r", [(5, 6)], [(7, 8), (9, 1)]),
    ]
    again = gallery.unpacked(gallery.packed(some))
    assert len(again) == 3
    for one, other in zip(some, again, strict=True):
        for field in fields(gallery.Exhibit):
            assert numpy.array_equal(getattr(one, field.name), getattr(other, field.name))


def test_marks_by_hand() -> None:
    places = [(0, 0), (2, 0), (50, 50), (100, 100), (200, 200)]
    one = _exhibit("a", "p", places, [(0, 3), (104, 100)], counted=[True, True, True, True, False])
    found = gallery.matched(one, numpy.array([0.9, 0.8, 0.7, 0.6, 0.95]))
    # (2, 0) is within 0.4 mm of a better one, and (200, 200) does not count.
    assert (found.hits.tolist(), found.false.tolist()) == ([0.9, 0.6], [0.7])
    scores = numpy.array([0.9, 0.8, 0.7, 0.6, 0.95])
    assert [gallery.marks_on(one, scores, limit) for limit in (0.5, 0.6, 0.9)] == [2, 1, 0]
    four = _exhibit("patches", "p", [(0, 0), (10, 0), (20, 0), (30, 0)])
    assert gallery.image_score(four, numpy.full(4, 0.8)) == pytest.approx(0.8)
    assert gallery.image_score(_exhibit("patches", "p", []), numpy.empty(0)) == 0


def test_standing_and_difference_by_hand() -> None:
    """Two images in two looks, each with one calcification and two other candidates; three patches."""
    places = [(0, 0), (90, 90), (40, 90)]
    looks = [_exhibit(look, who, places, [(0, 0)]) for look in ("0.11 mm", "b") for who in "pq"]
    patches = [_exhibit("patches", str(index), [(5, 5)], positive=index > 0) for index in range(3)]
    arteries = [_exhibit("calcified arteries", who, [(0, 0), (60, 60)], [(0, 2)]) for who in "pq"]
    every = [*looks, *arteries, *patches]
    good = numpy.array([*[9, 1, 0.5, 8, 2, 1.5] * 2, *(0, 3, 0.9, 3), *(-1, 1, 2)])
    # In the second look 3 others are above one calcification and 4 above the other, where 2 may be at 1 per image.
    poor = numpy.array([*(9, 1, 0.5, 8, 2, 1.5), *(1, 9, 9.5, 3, 8, 2), *(5, 3, 6, 3), *(1.5, 1, 2)])
    whole = leave_one_out.standing(every, [good, good], draws=40)
    part = leave_one_out.standing(every, [good, poor], draws=40)
    assert whole.rates == {"looks": [1, 1, 1, 1]}
    assert whole.starts == {"looks": [1, 1]}
    # Two others of the first look, one per image, lie above a limit of 1: so do marks on both walls in one start of two.
    assert (whole.auc, whole.marks) == (1, {"calcified arteries": 0})
    assert part.rates["looks"] == pytest.approx([0.75, 1, 1, 2.75 / 3])
    assert part.starts["looks"] == pytest.approx([1, 2.5 / 3])
    assert part.auc == pytest.approx((1 + 0.5) / 2)
    assert part.marks == pytest.approx({"calcified arteries": 2 / 2 / 2})
    apart = leave_one_out.difference(part, whole)
    assert set(apart) == {"looks", "calcified arteries", "patches"}
    assert apart["calcified arteries"]["value"] == pytest.approx(0.5)
    assert apart["looks"]["value"] == pytest.approx(-0.25 / 3)
    assert -0.25 / 3 - 1e-9 <= apart["looks"]["low"] <= apart["looks"]["high"] <= 0
    assert apart["patches"]["value"] == pytest.approx(-0.25)
    assert apart["patches"]["low"] <= -0.25 <= apart["patches"]["high"] <= 0
    nothing = leave_one_out.difference(whole, whole)["looks"]
    assert nothing == {"value": 0, "low": 0, "high": 0, "p_value": 1}
    alone = leave_one_out.standing(looks[2:], [good[6:12]], draws=40)
    assert (alone.auc, alone.marks) == (None, {})


@pytest.mark.parametrize("name", DISTRACTORS)
def test_what_should_not_be_marked_lies_in_the_breast(item, name) -> None:
    image, mask = breast_of(item)
    drawn, marks = draw_distractors(name, image, mask, 0.1, max_value=4095, seed=1)
    again, _ = draw_distractors(name, image, mask, 0.1, max_value=4095, seed=1)
    assert numpy.array_equal(drawn, again)
    assert len(marks) > 20
    rows, columns = numpy.array([mark.corners[0] for mark in marks]).astype(int).T
    assert mask[rows, columns].all()
    added = drawn.astype(int) - image
    if name == "soft edges":
        assert -added.min() > 3
        assert added.max() > 3
    else:
        assert added.min() >= 0
        assert (added[rows, columns] > 0).mean() > 0.95
    nowhere, none = draw_distractors(name, image, numpy.zeros_like(mask), 0.1, max_value=4095, seed=1)
    assert numpy.array_equal(nowhere, image)
    assert none == ()


def test_another_thing_is_named(item) -> None:
    image, mask = breast_of(item)
    with pytest.raises(ValueError, match=r"draw_distractors\(name\): expected one of calcified arteries, .*got 'hair'"):
        draw_distractors("hair", image, mask, 0.1, max_value=4095, seed=1)


def test_a_mammogram_is_seen_in_looks_and_with_distractors(item) -> None:
    seen = {one.group: one for one in gallery.seen_in_looks(item, "me", seed=3)}
    assert list(seen) == [*(one.name for one in gallery.FOUR_LOOKS), gallery.SHAPES, *DISTRACTORS]
    for name in DISTRACTORS:
        one = seen[name]
        apart = numpy.hypot(*(one.places[:, None] - one.truth[None]).transpose(2, 0, 1)).min(axis=1, initial=numpy.inf)
        assert (apart <= 10).all()
        assert len(one.places) == len(one.patches) == len(one.counted)
    assert len(seen["metal"].places) > 5
    assert len(seen[gallery.SHAPES].places) > 300


def test_command_is_taken_up_again(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(trial, "TRIAL", TINY)
    for number in (52, 53):
        drawn = mammogram(number, shape=(420, 300), spacing_mm=0.1, clusters=0)
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.fromarray(drawn.image).save(tmp_path / "images" / f"{number}.png")
    rng = numpy.random.default_rng(3)
    for label in (0, 1):
        (tmp_path / "cut" / str(label)).mkdir(parents=True)
        for index in range(2):
            pixels = rng.integers(90, 110, (60, 60)).astype(numpy.uint8)
            pixels[20 : 20 + 2 * label, 30:32] = 255
            Image.fromarray(pixels).save(tmp_path / "cut" / str(label) / f"{index}.png")
    out = tmp_path / "out"
    command = ["evaluate", "ingredients", str(tmp_path / "images"), "--spacing-mm", "0.1", "--phantoms", "0"]
    command += ["--patches", str(tmp_path / "cut"), "--draws", "20", "--threads", "1", "--out", str(out)]
    command += ["--only", "noise units, soft specks,hardest negatives,gain and level"]
    assert main(command) == 0
    table = capsys.readouterr().out
    assert (out / "ingredients.md").read_text() in table
    report = json.loads((out / "report.json").read_text())
    assert ingredient_table(report) in table
    assert [row["without"] for row in report["rows"]] == [
        None,
        "noise units",
        "soft specks",
        "hardest negatives",
        "gain and level",
    ]
    assert report["images"] == {
        **{one.name: 2 for one in gallery.FOUR_LOOKS},
        gallery.SHAPES: 2,
        **dict.fromkeys(DISTRACTORS, 2),
        "patches": 4,
    }
    assert len({json.dumps(row["loss"]) for row in report["rows"]}) == 5
    for row in report["rows"]:
        assert len(row["by_start"]["looks"]) == 2
        assert row["rates"]["looks"][-1] == pytest.approx(numpy.mean(row["rates"]["looks"][:-1]))
        assert 0 <= row["auc"] <= 1
        if row["without"]:
            start = row["difference"]["looks"]
            assert start["low"] <= start["high"]
            assert f"| {row['without']} | {INGREDIENTS[row['without']]} | " in table
    # Tiles are drawn for what decides them alone; a network for each start of each.
    assert sorted(file.name for file in out.glob("tiles-*")) == [
        "tiles-everything.npz",
        "tiles-without-hardest-negatives.npz",
        "tiles-without-soft-specks.npz",
    ]
    assert len(list(out.glob("*.pt"))) == 10
    kept = {file: file.stat().st_mtime_ns for file in out.rglob("*.[np][pt]*")}
    assert main(command) == 0
    assert capsys.readouterr().out == table
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    # What is lost is made again, the same.
    for name in ("without-soft-specks-1.npz", "without-soft-specks-1.pt", "tiles-without-soft-specks.npz"):
        (out / name).unlink()
    assert main(command) == 0
    assert capsys.readouterr().out == table
    # With other tiles nothing of it is taken for theirs.
    assert main([*command[:-2], "--only", "soft specks", "--tiles", "2"]) == 0
    fewer = json.loads((out / "report.json").read_text())
    assert fewer["rows"][0]["loss"] != report["rows"][0]["loss"]
    assert main([*command[:-2], "--only", "soft specks", "--mixture", "difficult"]) == 0
    other = json.loads((out / "report.json").read_text())
    assert (fewer["recipe"]["mixture"], other["recipe"]["mixture"]) == ("usual", "difficult")
    assert other["rows"][0]["loss"] != report["rows"][0]["loss"]


def test_phantoms_and_calibration_take_part(tmp_path, monkeypatch, phantom, item) -> None:
    case = Case("x", lambda: (item, phantom_truth(phantom), ()))
    monkeypatch.setattr(gallery, "phantom_cases", lambda count: [case] * count)
    for module in ("trials.ingredients", "detector.draw"):
        monkeypatch.setattr(f"mcfast.train.{module}.small_phantom", lambda number: phantom)
    recipe = replace(TINY, phantoms=1, phantom_negatives=30, calibrating=1)
    told = []
    report = trial.ingredient_trial(
        tmp_path,
        [],
        names=("whole phantoms",),
        recipe=recipe,
        starts=1,
        phantoms=1,
        draws=5,
        tell=lambda *n: told.append(n),
    )
    assert report["images"] == {"phantoms": 1}
    assert set(report["rows"][1]["rates"]) == set(report["rows"][1]["difference"]) == {"phantoms"}
    assert (report["rows"][1]["auc"], report["rows"][1]["marks"]) == (None, {})
    assert (tmp_path / "phantoms-everything.npz").exists()
    assert ("phantoms with everything", 1, 1) in told
    assert ("without whole phantoms, start 1: epochs", 2, 2) in told
    table = ingredient_table(report)
    assert "Unseen phantoms: 1, " in table
    assert "looks" not in table
    assert "AUC" not in table


def test_what_makes_no_trial(tmp_path, capsys) -> None:
    for arguments, words in (
        (["--tiles", "0"], "--tiles: expected at least 1, got 0"),
        (["--seeds", "0"], "--seeds: expected at least 1, got 0"),
        (["--only", "skin,bone"], "--only: expected some of noise units, exports, "),
        (["--only", "skin,bone"], "pectoral edge; got 'bone'"),
    ):
        assert main(["evaluate", "ingredients", str(tmp_path), "--out", str(tmp_path / "out"), *arguments]) == 1
        assert words in capsys.readouterr().err
    assert main(["evaluate", "ingredients", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no image there" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"ingredient_trial\(names\): expected some of noise units, .*; got 'bone'"):
        trial.ingredient_trial(tmp_path / "out", [], names=("bone",))
    assert not (tmp_path / "out").exists()
