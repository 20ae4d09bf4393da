"""S(1e-6, 1e-1) from ranks: against the staircase's own integral and by hand; p-values; cases."""

import numpy
import pytest

from mcfast.errors import InputError
from mcfast.evaluate.cases import inserted_cases, phantom_cases
from mcfast.evaluate.ranks import compare_inputs, rank
from mcfast.evaluate.roc import mean_sensitivity, roc
from mcfast.evaluate.truth import point
from mcfast.phantom import mammogram


def test_by_hand() -> None:
    """A positive above all but one of a hundred counts a fifth: one of the five decades from 1e-6 to 1e-1."""
    below = numpy.arange(100.0)
    assert rank([numpy.array([98.5])], [below]).mean_sensitivity() == pytest.approx(1 / 5)
    assert rank([numpy.array([99.0])], [below]).mean_sensitivity() == pytest.approx(1 / 5)  # a tie is no win
    assert rank([numpy.array([99.5])], [below]).mean_sensitivity() == 1
    assert rank([numpy.array([89.5, 3.0])], [below]).mean_sensitivity() == 0
    assert rank([numpy.array([98.5, 99.5])], [below]).mean_sensitivity() == pytest.approx(0.6)
    assert rank([numpy.array([98.5])], [below]).mean_sensitivity(low=1e-3) == pytest.approx(0.5)
    two = rank([numpy.array([98.5]), numpy.array([])], [below, numpy.full(900, 100.0)])
    assert two.mean_sensitivity() == 0
    assert two.mean_sensitivity(numpy.array([0, 0])) == pytest.approx(1 / 5)
    assert numpy.isnan(two.mean_sensitivity(numpy.array([1])))


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_integral_over_the_curve(seed: int) -> None:
    rng = numpy.random.default_rng(seed)
    positives = [numpy.round(rng.normal(2, 1, size), 2) for size in (5, 0, 17)]
    negatives = [numpy.round(rng.normal(0, 1, size), 2) for size in (4000, 300, 2100)]
    ranks = rank(positives, negatives)
    for images in (numpy.arange(3), rng.integers(3, size=3) * 2 % 3, numpy.array([0, 0, 2])):
        scores = [numpy.concatenate([part[i] for i in images]) for part in (positives, negatives)]
        if len(scores[0]) == 0:
            assert numpy.isnan(ranks.mean_sensitivity(images))
            continue
        curve = roc(numpy.concatenate(scores), numpy.arange(sum(map(len, scores))) < len(scores[0]))
        for low, high in ((1e-6, 1e-1), (1e-3, 0.5)):
            assert ranks.mean_sensitivity(images, low, high) == pytest.approx(mean_sensitivity(curve, low, high))


def test_p_values_by_hand() -> None:
    """Better on every draw; the same; and better on one patient, worse on the other."""
    below = [numpy.arange(100.0)] * 4
    good, bad = numpy.array([98.5]), numpy.array([95.5])
    mixed = [numpy.array([98.5]), numpy.array([98.5]), numpy.array([90.5]), numpy.array([90.5])]
    middle = [numpy.array([95.5])] * 4
    ranks = {
        "good": rank([good] * 4, below),
        "bad": rank([bad] * 4, below),
        "again": rank([good] * 4, below),
        "mixed": rank(mixed, below),
        "middle": rank(middle, below),
    }
    report = compare_inputs(ranks, ["a", "b", "c", "d"], draws=99)
    assert report["inputs"]["good"] == {
        "value": pytest.approx(0.2),
        "low": pytest.approx(0.2),
        "high": pytest.approx(0.2),
    }
    assert report["p_values"]["good, bad"] == pytest.approx(2 / 100)
    assert report["p_values"]["good, again"] == 1
    assert report["p_values"]["bad, middle"] == 1
    assert report["p_values"]["mixed, middle"] > 0.1
    assert len(report["p_values"]) == 10
    assert report == compare_inputs(ranks, ["a", "b", "c", "d"], draws=99)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"rank\(negatives\): expected 2 images as of positives, got 1"):
        rank([numpy.zeros(1)] * 2, [numpy.zeros(1)])
    with pytest.raises(ValueError, match="expected finite numbers, got NaN or infinity"):
        rank([numpy.array([numpy.nan])], [numpy.zeros(1)])
    with pytest.raises(ValueError, match="expected finite numbers, got NaN or infinity"):
        rank([numpy.zeros(1)], [numpy.array([numpy.inf])])
    with pytest.raises(ValueError, match=r"mean_sensitivity\(low, high\): expected 0 < low < high <= 1, got 0.1, 0.1"):
        rank([numpy.zeros(1)], [numpy.zeros(1)]).mean_sensitivity(low=0.1)


def test_cases_have_names_and_come_again(tmp_path) -> None:
    from PIL import Image

    names = [case.name for case in phantom_cases(3) + phantom_cases(3, seed=1)]
    assert len(set(names)) == 6
    drawn = mammogram(52, shape=(600, 450), spacing_mm=0.1, clusters=0)
    Image.fromarray(drawn.image).save(tmp_path / "one.png")
    (tmp_path / "notes.txt").write_text("no mammogram")
    files = sorted(tmp_path.iterdir())
    known = {"one": [point(200.0, 300.0)]}
    plain = inserted_cases(files, spacing_mm=0.1)
    marked = inserted_cases(files, spacing_mm=0.1, known=known)
    assert len({case.name for case in [*plain, *marked, *inserted_cases(files, spacing_mm=0.1, seed=1)]}) == 6
    item, truth, others = marked[1].load()
    again, same, _ = marked[1].load()
    assert numpy.array_equal(item.pixels, again.pixels)
    assert [mark.corners.tolist() for mark in truth.calcifications] == [
        mark.corners.tolist() for mark in same.calcifications
    ]
    assert item.spacing_mm == (0.14, 0.14)
    assert others[0].corners[0] == pytest.approx([200.5 / 1.4 - 0.5, 300.5 / 1.4 - 0.5])
    with pytest.raises(InputError, match=r"notes.txt: no mammogram there; give PNG, TIFF or DICOM files"):
        inserted_cases([tmp_path / "notes.txt"])
