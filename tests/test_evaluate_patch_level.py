"""Measures of a patch classifier, by hand and against their definitions."""

import json

import numpy
import pytest

from mcfast.evaluate.binary import MEASURES
from mcfast.evaluate.patch_level import evaluate_patches


def test_measures_by_hand() -> None:
    """3 of 4 positives and 4 of 5 negatives answered rightly at 0.5."""
    scores = numpy.array([0.9, 0.8, 0.5, 0.3, 0.7, 0.4, 0.2, 0.1, 0.0])
    truth = numpy.array([1, 1, 1, 1, 0, 0, 0, 0, 0], bool)
    report = evaluate_patches(scores, truth, list("aabbccdde"), draws=200)
    values = {name: one["value"] for name, one in report["measures"].items()}
    assert values == pytest.approx(
        {
            "accuracy": 7 / 9,
            "precision": 3 / 4,
            "recall": 3 / 4,
            "specificity": 4 / 5,
            "f1": 3 / 4,
            "mcc": (3 * 4 - 1 * 1) / (4 * 4 * 5 * 5) ** 0.5,
            "auc": (5 + 5 + 4 + 3) / 20,
        }
    )
    assert (report["patches"], report["positives"], report["patients"]) == (9, 4, 5)
    assert report["confusion"]["false_negative"] == 1
    assert report["operating_point"] == pytest.approx({"threshold": 0.3, "sensitivity": 1.0, "specificity": 0.6})
    assert report["calibration"]["brier"] == pytest.approx(((scores - truth) ** 2).mean())
    for one in report["measures"].values():
        assert one["low"] <= one["value"] <= one["high"]


def test_intervals_keep_patients_together() -> None:
    """Ten copies of a patch in each patient say no more than one: the interval stays as wide."""
    rng = numpy.random.default_rng(0)
    truth = rng.random(40) < 0.5
    scores = numpy.clip(0.5 + 0.3 * (truth - 0.5) + rng.normal(0, 0.2, 40), 0, 1)
    once = evaluate_patches(scores, truth, range(40), draws=300)
    copied = evaluate_patches(scores.repeat(10), truth.repeat(10), numpy.arange(40).repeat(10).tolist(), draws=300)
    for name in (*MEASURES, "auc"):
        assert copied["measures"][name] == pytest.approx(once["measures"][name])
    apart = evaluate_patches(scores.repeat(10), truth.repeat(10), range(400), draws=300)["measures"]["auc"]
    together = copied["measures"]["auc"]
    assert apart["high"] - apart["low"] < 0.6 * (together["high"] - together["low"])


def test_what_is_not_known_is_null() -> None:
    """Nothing scores 0.5, so no precision; one patient of each class, so half of the draws have no area."""
    report = evaluate_patches(numpy.array([0.3, 0.2]), numpy.array([True, False]), ["a", "b"], draws=50)
    assert report["measures"]["precision"] == {"value": None, "low": None, "high": None}
    assert report["measures"]["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize(
    ("scores", "truth", "patients", "message"),
    [
        ([0.1, 0.2], [True, False], ["a"], r"evaluate_patches\(patients\): expected 2 as there are scores, got 1"),
        ([0.1, 0.2], [True, True], ["a", "b"], r"expected positives and negatives, got 2 and 0"),
        ([0.1, 1.2], [True, False], ["a", "b"], r"expected scores of 0 .. 1"),
        ([0.1, 0.2], [True], ["a", "b"], r"expected 2 entries as there are scores, got 1"),
    ],
)
def test_bad_arguments_are_named(scores, truth, patients, message) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_patches(numpy.array(scores), numpy.array(truth), patients)
