"""What lies around a mark: the network's input by a plain loop, its word in the scores, and unseen tiles."""

import numpy
import pytest
from scipy.special import expit, logit

from mcfast import nets, runtimes
from mcfast.detect import Candidates, Committee, DetectorConfig, detect
from mcfast.detect.context import (
    ASKED,
    CELL_MM,
    GAIN,
    LOSS,
    SIDE,
    TYPICAL,
    believed,
    constellations,
    log_odds,
    reconsidered,
    said_around,
)
from mcfast.engine import CONTEXT, DETECTORS
from mcfast.errors import ConfigError
from mcfast.evaluate.roc import auc
from mcfast.phantom import mammogram
from mcfast.train.detector.marks import CALCIFICATION, draw_marks


def scattered(count: int, seed: int, extent: int = 700) -> tuple[Candidates, numpy.ndarray]:
    rng = numpy.random.default_rng(seed)
    positions = rng.integers(0, extent, (count, 2)).astype(numpy.int32)
    response = numpy.sort(rng.uniform(0.5, 14, count))[::-1].astype(numpy.float32)
    return Candidates(positions, response, response, None), rng.random(count).astype(numpy.float32)


def by_hand(candidates: Candidates, scores: numpy.ndarray, place: numpy.ndarray, spacing_mm: float) -> numpy.ndarray:
    """(2, 24, 24) by the words of the documentation, a candidate at a time."""
    field = numpy.zeros((2, SIDE, SIDE))
    for position, response, score in zip(candidates.positions, candidates.response, scores, strict=True):
        row, column = (int(numpy.floor(far * spacing_mm / CELL_MM)) + SIDE // 2 for far in position - place)
        if 0 <= row < SIDE and 0 <= column < SIDE:
            strength = 2 * (min(max(float(response), 2.0), 10.0) - 2) / 8
            odds = 2 * (min(max(float(logit(float(score))), -6.0), 4.0) + 6) / 10
            field[:, row, column] = numpy.maximum(field[:, row, column], (strength, odds))
    return field


@pytest.mark.parametrize(("count", "spacing_mm"), [(1, 0.1), (333, 0.1), (1501, 0.085), (1501, 0.14)])
def test_the_strongest_and_the_most_probable_of_each_cell(count, spacing_mm) -> None:
    candidates, scores = scattered(count, seed=count)
    places = candidates.positions[:7].astype(float)
    fields = constellations(candidates, scores, places, spacing_mm)
    assert fields.shape == (len(places), 2, SIDE, SIDE)
    assert fields.dtype == numpy.float32
    for field, place in zip(fields, places, strict=True):
        assert field == pytest.approx(by_hand(candidates, scores, place, spacing_mm), abs=1e-5)
    if count > 1000:
        assert 0.02 < (fields[:, 1] > 0).mean() < 0.99


def test_nothing_around_nothing() -> None:
    candidates, scores = scattered(20, seed=1)
    none = Candidates(numpy.empty((0, 2), numpy.int32), *[numpy.empty(0, numpy.float32)] * 2, None)
    assert constellations(candidates, scores, numpy.empty((0, 2)), 0.1).shape == (0, 2, SIDE, SIDE)
    assert not constellations(none, scores[:0], numpy.array([[3.0, 4.0]]), 0.1).any()
    assert not constellations(candidates, scores, numpy.array([[-9e3, 9e3]]), 0.1).any()


def test_mirrored_candidates_are_mirrored_fields() -> None:
    """The window is as far on one side as on the other. Halves, and cells of 5 pixels, so that none is on a border."""
    candidates, scores = scattered(900, seed=5)
    place = numpy.array([[350.5, 350.5]])
    mirrored = Candidates(701 - candidates.positions, candidates.response, candidates.noise, None)
    straight = constellations(candidates, scores, place, 0.13)
    assert (constellations(mirrored, scores, place, 0.13) == straight[:, :, ::-1, ::-1]).all()


class Says:
    """A network that says the same of every mark, and counts them."""

    input_shape = (None, 2, SIDE, SIDE)

    def __init__(self, odds: float) -> None:
        self.odds, self.seen = odds, 0

    def run(self, batch):
        self.seen += len(batch)
        return numpy.full((len(batch), 1), expit(self.odds), numpy.float32)


@pytest.mark.parametrize("share", [0.25, 1.0])
@pytest.mark.parametrize(("says", "taken"), [(0.0, 0.0), (1.2, 1.2), (7.0, GAIN), (-3.0, -3.0), (-9.0, -LOSS)])
def test_its_share_is_added_to_the_log_odds_of_the_best(says, taken, share) -> None:
    candidates, scores = scattered(400, seed=2)
    scores = scores * 0.9 + 0.05
    kept = numpy.argsort(-scores, kind="stable")[:330]
    network = Says(says)
    changed, order = reconsidered(candidates, scores, kept, network, 0.1, share=share)
    asked, others = kept[:ASKED], numpy.setdiff1d(numpy.arange(400), kept[:ASKED])
    assert network.seen == ASKED
    assert changed.dtype == numpy.float32
    assert logit(changed[asked].astype(float)) == pytest.approx(
        logit(scores[asked].astype(float)) + share * (taken - TYPICAL), abs=1e-3
    )
    assert (changed[others] == scores[others]).all()
    assert sorted(order) == sorted(kept)
    assert (numpy.diff(changed[order]) <= 0).all()


def test_no_share_and_no_marks_ask_nobody() -> None:
    candidates, scores = scattered(50, seed=3)
    kept, network = numpy.argsort(-scores), Says(1.0)
    changed, order = reconsidered(candidates, scores, kept, network, 0.1, share=0.0)
    assert (changed == scores).all()
    assert (order == kept).all()
    assert len(reconsidered(candidates, scores, kept[:0], network, 0.1, share=1.0)[1]) == 0
    assert len(said_around(candidates, scores, numpy.empty((0, 2)), network, 0.1)) == 0
    assert network.seen == 0


@pytest.mark.parametrize("value", [-0.1, 1.1, float("inf"), None])
def test_a_share_that_is_none_is_named(value) -> None:
    with pytest.raises(ConfigError, match=r"DetectorConfig\(context\): expected"):
        DetectorConfig(context=value)


def test_on_unseen_tiles_with_arteries_it_knows_what_scores_do_not() -> None:
    marks = draw_marks((0x7E57, 1), 24, 512, [nets.path(name) for name in DETECTORS])
    said = log_odds(runtimes.load(nets.weights(CONTEXT), threads=1).run(marks["pixels"].astype(numpy.float32)).ravel())
    scores, positive = marks["scores"], marks["kinds"] == CALCIFICATION
    assert min(positive.sum(), (~positive).sum()) > 100
    together = auc(believed(scores, said, DetectorConfig().context), positive)
    assert auc(said, positive) > 0.85
    assert together > auc(scores, positive) + 0.02


def test_the_detector_asks_it_about_what_it_marks() -> None:
    """Against a network that says no of everything: every score falls by as much as is believed."""
    loaded = [runtimes.load(nets.weights(name), threads=1) for name in DETECTORS]
    drawn = mammogram(12, shape=(1503, 1107), spacing_mm=0.1, clusters=2)
    options = {"max_value": 4095, "network": Committee(loaded), "min_score": 0.001}
    config = DetectorConfig(context=0.5, clutter=0.0)
    before = detect(drawn.image, 0.1, config=config, **options)
    after = detect(drawn.image, 0.1, config=config, context=Says(-2.0), **options)
    places = {(one.row, one.column): one.score for one in before.calcifications}
    fallen = [
        logit(places[one.row, one.column]) - logit(one.score)
        for one in after.calcifications[:100]
        if 0.05 < places[one.row, one.column] < 0.999
    ]
    assert len(fallen) > 3
    assert fallen == pytest.approx([0.5 * (2.0 + TYPICAL)] * len(fallen), abs=2e-3)
