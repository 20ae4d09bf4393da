"""What restless images lose: the formula by SciPy, its bounds, and what it does to a noisy phantom."""

from collections import Counter

import numpy
import pytest
from images import spotted
from scipy.special import expit, logit

from mcfast import nets, runtimes
from mcfast.detect import Committee, DetectorConfig, detect
from mcfast.detect.clutter import EACH, MOST, PER_CM2, SIDE_MM, SPARE, USUAL, discount, discounted
from mcfast.engine import DETECTORS
from mcfast.errors import ConfigError
from mcfast.phantom import mammogram


def marks(level: float, count: int = 400) -> numpy.ndarray:
    """Probabilities, best first: forty of calcifications, then log-odds falling from a level by 2."""
    odds = numpy.r_[numpy.linspace(9, 3, 40), numpy.linspace(level, level - 2, count - 40)]
    return expit(numpy.sort(odds)[::-1]).astype(numpy.float32)


def apart(count: int) -> numpy.ndarray:
    """Places in pixels of 0.1 mm, each in a square centimetre of its own."""
    return numpy.stack(numpy.divmod(numpy.arange(count), 25), axis=1) * 100 + 3


def lost(scores: numpy.ndarray, area_cm2: float, share: float) -> float:
    return discount(scores, apart(len(scores)), area_cm2, spacing_mm=0.1, share=share)


@pytest.mark.parametrize("level", [-6.0, -3.5, -2.0, 1.0, 9.0])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("area_cm2", [0.0, 3.2, 97.4, 160.0])
def test_the_loss_is_what_the_ranked_mark_has_more_than_in_phantoms(level, share, area_cm2) -> None:
    scores = marks(level)
    rank = round(SPARE + PER_CM2 * area_cm2)
    expected = numpy.clip(share * (logit(float(scores[rank])) - USUAL), 0, MOST)
    assert lost(scores, area_cm2, share) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("spacing_mm", [0.1, 0.07])
def test_of_each_square_the_best_three_count(spacing_mm) -> None:
    """Against loops over places at random, one square in ten with sixty marks."""
    rng = numpy.random.default_rng(5)
    mm = numpy.concatenate([rng.uniform(0, 120, (500, 2)), rng.uniform(0, 10, (60, 2)) + 10 * rng.integers(12, size=2)])
    places = rng.permutation((mm / spacing_mm).astype(numpy.int32))
    scores = expit(numpy.sort(rng.normal(-4, 1, len(places)))[::-1]).astype(numpy.float32)
    counted, seen = [], Counter()
    for score, (row, column) in zip(scores, places, strict=True):
        square = int(row * spacing_mm // SIDE_MM), int(column * spacing_mm // SIDE_MM)
        seen[square] += 1
        if seen[square] <= EACH:
            counted.append(float(score))
    assert len(counted) < len(scores) - 50
    expected = numpy.clip(logit(counted[SPARE + 100]) - USUAL, 0, MOST)
    assert 0 < expected < MOST
    assert discount(scores, places, 100.0, spacing_mm=spacing_mm, share=1.0) == pytest.approx(expected, abs=1e-6)


def test_a_rich_group_is_no_restlessness() -> None:
    """Three hundred marks in a square of 2 cm, surer than all others, cost as much as a dozen do."""
    quiet, away = marks(-3.5), apart(400)
    rich = numpy.random.default_rng(6).integers(0, 200, (300, 2)) + 10_000
    sure = numpy.full(300, 0.999, numpy.float32)
    with_rich = discount(numpy.r_[sure, quiet], numpy.r_[rich, away], 97.0, spacing_mm=0.1, share=1.0)
    assert with_rich == pytest.approx(lost(numpy.r_[sure[:12], quiet], 97.0, 1.0), abs=1e-6)
    assert lost(numpy.r_[sure, quiet], 97.0, 1.0) == MOST


def test_log_odds_fall_by_the_loss() -> None:
    p = numpy.random.default_rng(0).random(501).astype(numpy.float32) * 0.998 + 0.001
    for loss in (0.0, 0.7, 2.0):
        less = discounted(p, loss)
        assert less.dtype == numpy.float32
        assert logit(less.astype(float)) == pytest.approx(logit(p.astype(float)) - loss, abs=1e-3)
        assert (numpy.argsort(-less, kind="stable") == numpy.argsort(-p, kind="stable")).all()
    assert discounted(numpy.float32([0, 1]), 1.5).tolist() == [0, 1]
    assert (discounted(p, 0.0) == p).all()


def test_few_marks_lose_nothing() -> None:
    """Small crops, and images where hardly anything is bright: too little to tell how restless they are."""
    assert lost(numpy.ones(SPARE, numpy.float32), 0.0, 1.0) == 0
    assert lost(numpy.ones(SPARE + 1, numpy.float32), 0.0, 1.0) == MOST
    assert lost(numpy.ones(150, numpy.float32), 100.0, 1.0) == 0
    assert lost(numpy.zeros(151, numpy.float32), 1.0, 1.0) == 0
    assert lost(numpy.empty(0, numpy.float32), 1.0, 1.0) == 0


def test_fifty_calcifications_more_are_no_restlessness() -> None:
    quiet = marks(-5.0)
    assert lost(numpy.r_[numpy.full(10, 0.999, numpy.float32), quiet], 90.0, 1.0) == 0


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "much"])
def test_a_share_that_is_none_is_named(value) -> None:
    with pytest.raises(ConfigError, match=r"DetectorConfig\(clutter\): expected"):
        DetectorConfig(clutter=value)


@pytest.fixture(scope="module")
def committee() -> Committee:
    return Committee([runtimes.load(nets.weights(name), threads=1) for name in DETECTORS])


def test_a_phantom_keeps_its_scores_and_a_spotted_one_loses(committee) -> None:
    """Five hundred faint spots, each half like a calcification: every score falls alike, and none changes its order."""
    drawn = mammogram(12, shape=(1503, 1107), spacing_mm=0.1, clusters=2)
    losses = []
    for image in (drawn.image, spotted(drawn.image, drawn.mask, 500, 2.4, seed=3)):
        as_said, found = (
            detect(image, 0.1, max_value=4095, network=committee, config=config, min_score=0.02)
            for config in (DetectorConfig(clutter=0.0), DetectorConfig(clutter=1.0))
        )
        places = {(one.row, one.column): one.score for one in as_said.calcifications}
        before = numpy.array([places[one.row, one.column] for one in found.calcifications])
        after = numpy.array([one.score for one in found.calcifications])
        fallen = logit(before[before < 0.999]) - logit(after[before < 0.999])
        assert len(fallen) >= 5
        assert numpy.ptp(fallen) < 1e-3
        losses.append(float(fallen.mean()))
        assert [(one.row, one.column) for one in found.calcifications] == list(places)[: len(after)]
        assert found.image_score <= as_said.image_score
    assert losses[0] < 0.3
    assert 0.4 < losses[1] < MOST
