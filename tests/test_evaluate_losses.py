"""Where calcifications are lost: score limits, stages and shares by contrast."""

import numpy
import pytest

from mcfast.evaluate.froc import Froc, Matched
from mcfast.evaluate.losses import BANDS, STAGES, limit_at, losses, stage_of

NONE = float("nan")


def image(found: list[float], false: list[float]) -> Matched:
    hits = [score for score in found if score == score]
    return Matched(numpy.array(hits), numpy.array(false), len(found), numpy.array(found))


def test_limit_by_hand() -> None:
    images = [image([0.9, 0.3], [0.8, 0.4]), image([0.6], [0.7])]
    assert limit_at(images, 0) == 0.9
    assert limit_at(images, 0.5) == 0.8
    assert limit_at(images, 1) == 0.6
    assert limit_at(images, 1.5) == 0.3
    assert limit_at([image([0.2], [0.8])], 0.5) == float("inf")
    with pytest.raises(ValueError, match=r"Froc\(images\): expected at least one image, got none"):
        limit_at([], 1)


def test_each_stage() -> None:
    found = numpy.array([0.9, 0.5, 0.4, NONE, NONE, 0.9])
    passed = numpy.array([True, True, True, True, False, False])
    names = [STAGES[index] for index in stage_of(found, passed, 0.5)]
    # A mark may have been moved onto a calcification from a candidate farther away: it is found all the same.
    assert names == ["found", "found", "ranked too low", "no mark", "no candidate", "found"]
    assert [STAGES[index] for index in stage_of(found[:2], passed[:2], float("inf"))] == ["ranked too low"] * 2


def test_shares_by_contrast() -> None:
    matched = [image([0.9, NONE, 0.2], [0.5, 0.3]), image([0.6], [])]
    passed = [numpy.array([True, False, True]), numpy.array([True])]
    contrast = [numpy.array([12.0, 2.0, 5.0]), numpy.array([5.0])]
    entries = losses(matched, passed, contrast, [0, 1])
    assert len(entries) == 2 * len(BANDS)
    strict, lax = entries[: len(BANDS)], entries[len(BANDS) :]
    assert [(one["low"], one["high"]) for one in strict] == [(0, 3), (3, 5), (5, 10), (10, None), (0, None)]
    assert [one["calcifications"] for one in strict] == [1, 0, 2, 1, 4]
    assert strict[0]["shares"] == {"found": 0, "no candidate": 1, "no mark": 0, "ranked too low": 0}
    assert strict[1]["shares"] is None
    assert strict[2]["shares"] == {"found": 0.5, "no candidate": 0, "no mark": 0, "ranked too low": 0.5}
    assert lax[2]["shares"]["found"] == 1
    assert lax[-1]["shares"] == {"found": 0.75, "no candidate": 0.25, "no mark": 0, "ranked too low": 0}


def test_agrees_with_the_curve() -> None:
    rng = numpy.random.default_rng(3)
    matched = []
    for _ in range(7):
        found = numpy.where(rng.random(9) < 0.7, rng.random(9).round(2), NONE)
        matched.append(image(found.tolist(), rng.random(12).round(2).tolist()))
    passed, contrast = [numpy.ones(9, bool)] * 7, [rng.uniform(0, 20, 9) for _ in range(7)]
    rates = (0.2, 1, 5, 20)
    together = [one["shares"]["found"] for one in losses(matched, passed, contrast, rates) if one["high"] is None]
    assert together[1::2] == pytest.approx(Froc(matched).at(rates))
