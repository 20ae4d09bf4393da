"""ROC, confusion measures, calibration and bootstrap: by hand, and against scikit-learn."""

import math

import numpy
import pytest

from mcfast.evaluate.binary import Confusion, confusion
from mcfast.evaluate.bootstrap import bootstrap, paired_p_value
from mcfast.evaluate.calibration import reliability
from mcfast.evaluate.roc import auc, mean_sensitivity, operating_point, roc

SCORES = numpy.array([0.9, 0.8, 0.7, 0.7, 0.3, 0.1])
TRUTH = numpy.array([1, 0, 1, 0, 1, 0], bool)


def test_roc_by_hand() -> None:
    curve = roc(SCORES, TRUTH)
    assert curve.thresholds.tolist() == [math.inf, 0.9, 0.8, 0.7, 0.3, 0.1]
    assert curve.sensitivity == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 1, 1])
    assert curve.false_positive_rate == pytest.approx([0, 0, 1 / 3, 2 / 3, 2 / 3, 1])
    # 9 pairs: 0.9 beats 3, 0.7 beats one and ties with one, 0.3 beats one.
    assert auc(SCORES, TRUTH) == pytest.approx((3 + 1.5 + 1) / 9)
    assert operating_point(curve) == pytest.approx((0.9, 1 / 3, 1.0))


def test_mean_sensitivity_by_hand() -> None:
    """One negative of 100 above the second positive: 1/2 up to a rate of 0.01, 1 from there."""
    curve = roc([3.0, 2.0, 1.0], [True, False, True], negatives=100)
    assert mean_sensitivity(curve, 1e-4, 1.0) == pytest.approx(0.5 * 0.5 + 0.5 * 1)
    assert mean_sensitivity(curve, 1e-6, 1e-3) == pytest.approx(0.5)
    assert mean_sensitivity(curve, 0.02, 0.1) == pytest.approx(1)


def test_perfect_and_useless() -> None:
    positive = numpy.arange(40) >= 20
    assert auc(numpy.arange(40), positive) == 1
    assert auc(numpy.zeros(40), positive) == 0.5
    assert mean_sensitivity(roc(numpy.arange(40), positive)) == 1
    assert mean_sensitivity(roc(numpy.zeros(40), positive)) == 0


@pytest.mark.parametrize("seed", range(6))
def test_equals_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    rng = numpy.random.default_rng(seed)
    truth = rng.random(301) < 0.3
    scores = numpy.round(rng.normal(truth * 1.0, 1.0), seed % 3)  # rounding makes ties
    curve = roc(scores, truth)
    rates, sensitivity, thresholds = metrics.roc_curve(truth, scores, drop_intermediate=False)
    assert curve.sensitivity == pytest.approx(sensitivity)
    assert curve.false_positive_rate == pytest.approx(rates)
    assert curve.thresholds[1:] == pytest.approx(thresholds[1:])
    assert auc(scores, truth) == pytest.approx(metrics.roc_auc_score(truth, scores))
    answers = scores > 0.4
    counted = confusion(answers, truth)
    assert counted.accuracy == pytest.approx(metrics.accuracy_score(truth, answers))
    assert counted.precision == pytest.approx(metrics.precision_score(truth, answers))
    assert counted.recall == pytest.approx(metrics.recall_score(truth, answers))
    assert counted.specificity == pytest.approx(metrics.recall_score(~truth, ~answers))
    assert counted.f1 == pytest.approx(metrics.f1_score(truth, answers))
    assert counted.mcc == pytest.approx(metrics.matthews_corrcoef(truth, answers))
    probabilities = 1 / (1 + numpy.exp(-scores))
    assert reliability(probabilities, truth).brier == pytest.approx(metrics.brier_score_loss(truth, probabilities))


@pytest.mark.parametrize("bins", [1, 5, 10])
@pytest.mark.parametrize("power", [1, 6])  # the second leaves bins empty
def test_reliability_equals_scikit_learn(bins: int, power: int) -> None:
    calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn is the oracle")
    rng = numpy.random.default_rng(bins)
    scores = rng.random(173) ** power
    truth = rng.random(173) < scores
    scores[:2], truth[:2] = (0.0, 1.0), (False, True)
    found = reliability(scores, truth, bins=bins)
    observed, predicted = calibration.calibration_curve(truth, scores, n_bins=bins, strategy="uniform")
    filled = found.counts > 0
    assert found.observed[filled] == pytest.approx(observed)
    assert found.predicted[filled] == pytest.approx(predicted)
    assert found.counts.sum() == 173


def test_confusion_by_hand() -> None:
    counted = confusion([1, 1, 1, 0, 0], [1, 1, 0, 0, 1])
    assert (counted.true_positive, counted.false_positive, counted.true_negative, counted.false_negative) == (
        2,
        1,
        1,
        1,
    )
    assert counted.f1 == pytest.approx(2 / 3)
    assert counted.mcc == pytest.approx((2 * 1 - 1 * 1) / math.sqrt(3 * 3 * 2 * 2))
    assert Confusion(0, 0, 4, 0).mcc == 0
    assert math.isnan(Confusion(0, 0, 4, 0).precision)
    assert Confusion(0, 0, 4, 0).as_dict()["recall"] is None


def test_reliability_by_hand() -> None:
    found = reliability([0.1, 0.15, 0.9, 1.0], [False, True, True, True], bins=5)
    assert found.counts.tolist() == [2, 0, 0, 0, 2]
    assert found.predicted[[0, 4]] == pytest.approx([0.125, 0.95])
    assert found.observed[[0, 4]] == pytest.approx([0.5, 1.0])
    assert numpy.isnan(found.predicted[1:4]).all()
    assert found.error == pytest.approx((2 * 0.375 + 2 * 0.05) / 4)
    assert found.brier == pytest.approx((0.01 + 0.85**2 + 0.01) / 4)


def test_bootstrap_keeps_patients_together() -> None:
    seen = []
    bootstrap(lambda images: seen.append(sorted(images.tolist())) or [0.0], ["a", "a", "b"], draws=50)
    assert seen[0] == [0, 1, 2]
    assert {tuple(one) for one in seen[1:]} == {(0, 0, 1, 1), (0, 1, 2), (2, 2)}


def test_bootstrap_of_a_mean() -> None:
    """The interval of a mean of many is plus or minus 1.96 standard errors."""
    values = numpy.random.default_rng(0).normal(3, 1, 400)
    (mean,), drawn = bootstrap(lambda images: [values[images].mean()], range(400), draws=1000)
    assert mean.value == pytest.approx(values.mean())
    assert mean.low == pytest.approx(mean.value - 1.96 * values.std() / 20, abs=0.02)
    assert mean.high == pytest.approx(mean.value + 1.96 * values.std() / 20, abs=0.02)
    assert drawn.shape == (1000, 1)
    assert bootstrap(lambda images: [values[images].mean()], range(400), draws=9)[1].tolist() == drawn[:9].tolist()


def test_bootstrap_leaves_unknown_draws_out() -> None:
    (one,), _ = bootstrap(lambda images: [float("nan") if 0 in images else 0.25], range(3), draws=200)
    assert (one.low, one.high) == (0.25, 0.25)


def test_paired_p_value() -> None:
    rng = numpy.random.default_rng(1)
    noise = rng.normal(0, 1, 999)
    assert paired_p_value(noise + 10, noise) == pytest.approx(2 / 1000)
    assert paired_p_value(noise, noise) == 1
    assert paired_p_value(noise, -noise) > 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: roc([1.0], [True, False]), r"roc\(positive\): expected 1 entries .*, got 2"),
        (lambda: roc([1.0, 2.0], [True, True]), r"expected positives and negatives, got 2 and 0"),
        (lambda: roc([1.0, float("nan")], [True, False]), r"roc\(scores\): expected finite numbers"),
        (lambda: roc([1.0, 2.0, 3.0], [True, False, False], negatives=1), r"got 1 and 1 \(2 listed\)"),
        (lambda: mean_sensitivity(roc(SCORES, TRUTH), 0, 0.1), r"expected 0 < low < high <= 1, got 0"),
        (lambda: confusion([True], [True, False]), r"expected 1 entries .*, got 2"),
        (lambda: reliability([2.0], [True]), r"expected scores of 0 .. 1"),
        (lambda: bootstrap(lambda images: [0.0], []), r"expected at least one image, got none"),
    ],
)
def test_bad_arguments_are_named(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
