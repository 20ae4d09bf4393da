"""The detector as a whole, with a network that is a formula and with the one that ships."""

import itertools
from importlib import import_module

import numpy
import pytest

from mcfast import nets, runtimes
from mcfast.detect import Committee, Detections, DetectorConfig, classify, detect, group, propose
from mcfast.detect.classify import PATCH, RANGE, SCALES, candidate_patches
from mcfast.detect.committee import DOUBT, SURE
from mcfast.detect.features import measure
from mcfast.detect.suppression import suppress
from mcfast.engine import DETECTORS
from mcfast.errors import ConfigError
from mcfast.evaluate.froc import match, sensitivity_at
from mcfast.phantom import mammogram


class Brightness:
    """A network by formula: the brighter the middle of the patch, the more probable."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.input_shape = (None, SCALES, PATCH, PATCH)

    def run(self, batch: numpy.ndarray) -> numpy.ndarray:
        self.batches.append(len(batch))
        assert batch.dtype == numpy.float32
        assert batch.shape[1:] == self.input_shape[1:]
        around = slice(PATCH // 2 - 1, PATCH // 2 + 2)
        middle = batch[:, 0, around, around].max(axis=(1, 2))
        return (1 / (1 + numpy.exp(6 - middle)))[:, None].astype(numpy.float32)


@pytest.fixture(scope="module")
def phantom():
    return mammogram(41, shape=(1201, 903), spacing_mm=0.1, clusters=3)


@pytest.fixture(scope="module")
def found(phantom) -> Detections:
    # A formula that is calibrated on nothing finds every phantom restless.
    return detect(phantom.image, 0.1, max_value=4095, network=Brightness(), config=DetectorConfig(clutter=0.0))


def test_calcifications_are_found(phantom, found: Detections) -> None:
    truth = numpy.array([(one.row, one.column) for one in phantom.calcifications])
    clear = numpy.array([one.contrast_to_noise for one in phantom.calcifications]) > 8
    marks = numpy.array([(one.row, one.column) for one in found.calcifications])
    distance = numpy.hypot(*(truth[clear][:, None] - marks[None]).transpose(2, 0, 1))
    assert clear.sum() >= 5
    assert (distance.min(axis=1) < 3).mean() > 0.7


def test_results_are_in_range(phantom, found: Detections) -> None:
    assert 0 <= found.image_score <= 1
    scores = [one.score for one in found.calcifications]
    assert scores == sorted(scores, reverse=True)
    assert all(DetectorConfig().min_score <= score <= 1 for score in scores)
    for one in found.calcifications:
        assert 0 <= one.row < phantom.image.shape[0]
        assert 0 <= one.column < phantom.image.shape[1]
        assert 0 < one.diameter_mm < 2.1
        assert phantom.mask[round(one.row), round(one.column)]


def test_clusters_are_consistent(found: Detections) -> None:
    assert found.clusters
    assert [one.id for one in found.clusters] == list(range(len(found.clusters)))
    scores = [one.score for one in found.clusters]
    assert scores == sorted(scores, reverse=True)
    for cluster in found.clusters:
        members = [one for one in found.calcifications if one.cluster == cluster.id]
        assert len(members) == cluster.count >= 3
        best = sorted((one.score for one in members), reverse=True)[:3]
        assert cluster.score == pytest.approx(sum(best) / 3)
        places = {(one.row, one.column) for one in members}
        assert set(cluster.outline) <= places


def test_no_two_marks_on_one_spot(found: Detections) -> None:
    for one, other in itertools.combinations(found.calcifications, 2):
        apart = numpy.hypot(one.row - other.row, one.column - other.column) * 0.1
        assert apart >= max(0.4, 0.75 * one.diameter_mm) - 1e-9  # `one` is the better


def test_stages_compose(phantom, found: Detections) -> None:
    config = DetectorConfig(clutter=0.0)
    candidates = propose(
        phantom.image, found.mask, threshold=config.threshold, limit=config.limit, max_value=4095, spacing_mm=0.1
    )
    assert len(candidates) == found.candidates
    scores = classify(candidates, Brightness())
    again = group(phantom.image, candidates, scores, 0.1, max_value=4095, mask=found.mask, config=config)
    assert again.calcifications == found.calcifications
    assert again.clusters == found.clusters


def test_what_is_suppressed_is_not_measured(phantom, found: Detections, monkeypatch) -> None:
    """Non-maximum suppression comes first, and whoever has done it already says what stays."""
    detector, measured = import_module("mcfast.detect.detector"), []
    monkeypatch.setattr(
        detector,
        "measure",
        lambda image, places, spacing: (measured.append(places), measure(image, places, spacing))[1],
    )
    candidates = propose(phantom.image, found.mask, threshold=1, limit=3500, max_value=4095, spacing_mm=0.1)
    scores = classify(candidates, Brightness())
    config = DetectorConfig(min_score=0.01, apart_mm=0.8, clutter=0.0)
    options = {"max_value": 4095, "mask": found.mask, "config": config}
    first = group(phantom.image, candidates, scores, 0.1, **options)
    kept = suppress(candidates.positions.astype(float), scores, 8.0)
    expected = kept[scores[kept] >= 0.01]
    numpy.testing.assert_array_equal(measured[0], candidates.positions[expected])
    assert len(first.calcifications) <= len(expected) < (scores >= 0.01).sum()
    again = group(phantom.image, candidates, scores, 0.1, kept=kept, **options)
    assert (again.calcifications, again.image_score) == (first.calcifications, first.image_score)
    fewer = group(phantom.image, candidates, scores, 0.1, kept=kept[:5], **options)
    assert {one.score for one in fewer.calcifications} <= set(scores[kept[:5]].tolist())
    assert 0 < len(fewer.calcifications) <= 5


def test_patches_are_what_the_network_was_told(phantom, found: Detections) -> None:
    candidates = propose(phantom.image, found.mask, threshold=2, limit=300, max_value=4095)
    patches = candidate_patches(candidates, scales=2)
    top, left = candidates.residual.origin
    padded = numpy.pad(candidates.residual.values, PATCH, mode="edge")
    for index in range(0, len(candidates), 29):
        row, column = candidates.positions[index] - (top, left) + PATCH - PATCH // 2
        expected = padded[row : row + PATCH, column : column + PATCH] / candidates.noise[index]
        assert patches[index, 0] == pytest.approx(expected.clip(*RANGE), rel=1e-4, abs=1e-4)
    # The second scale: means of 2 x 2 pixels, around the mean that holds the candidate.
    halves = candidates.residual.values[: candidates.residual.values.shape[0] // 2 * 2]
    halves = halves[:, : halves.shape[1] // 2 * 2]
    halves = halves.reshape(halves.shape[0] // 2, 2, halves.shape[1] // 2, 2).mean(axis=(1, 3))
    for index in range(0, len(candidates), 29):
        row, column = (candidates.positions[index] - (top, left)) // 2
        if PATCH < row < halves.shape[0] - PATCH and PATCH < column < halves.shape[1] - PATCH:
            begin = row - PATCH // 2, column - PATCH // 2
            expected = halves[begin[0] : begin[0] + PATCH, begin[1] : begin[1] + PATCH] / candidates.noise[index]
            assert patches[index, 1] == pytest.approx(expected.clip(*RANGE), rel=1e-3, abs=1e-3)


def test_a_network_gets_the_patches_it_is_made_for(phantom, found: Detections) -> None:
    candidates = propose(phantom.image, found.mask, threshold=2, limit=40, max_value=4095)

    class Small(Brightness):
        def run(self, batch: numpy.ndarray) -> numpy.ndarray:
            assert batch.shape[1:] == (1, 12, 12)
            return batch[:, 0, 6, 6]

    network = Small()
    network.input_shape = (None, 1, 12, 12)
    values = classify(candidates, network)
    at = tuple((candidates.positions - candidates.residual.origin).T)
    assert values == pytest.approx((candidates.residual.values[at] / candidates.noise).clip(*RANGE), rel=1e-4)


def test_batches_are_small(phantom, found: Detections) -> None:
    network = Brightness()
    candidates = propose(phantom.image, found.mask, threshold=2, limit=300, max_value=4095)
    scores = classify(candidates, network)
    assert sum(network.batches) == len(scores) == 300
    assert max(network.batches) < 300


def test_min_score_selects(phantom) -> None:
    loose, strict = (
        detect(phantom.image, 0.1, max_value=4095, network=Brightness(), min_score=score) for score in (0.1, 0.9)
    )
    assert len(loose.calcifications) > len(strict.calcifications) > 0
    assert all(one.score >= 0.9 for one in strict.calcifications)


def test_faint_marks_make_no_clusters(phantom) -> None:
    """Reporting more changes neither the clusters nor the image's score."""
    few, many = (
        detect(phantom.image, 0.1, max_value=4095, network=Brightness(), min_score=score) for score in (0.5, 0.001)
    )
    assert len(many.calcifications) > 2 * len(few.calcifications)
    assert min(one.score for one in many.calcifications) < 0.05
    assert [(one.count, one.score) for one in many.clusters] == [(one.count, one.score) for one in few.clusters]
    assert many.image_score == few.image_score


@pytest.mark.parametrize("level", [0, 2000])
@pytest.mark.parametrize("shape", [(1, 1), (13, 200), (300, 200)])
def test_empty_images_have_no_findings(level: int, shape: tuple[int, int]) -> None:
    nothing = detect(numpy.full(shape, level, numpy.uint16), 0.1, max_value=4095, network=Brightness())
    assert nothing.calcifications == nothing.clusters == ()
    assert nothing.image_score == 0
    assert nothing.candidates == 0


def test_label_and_air_carry_no_marks() -> None:
    drawn = mammogram(43, shape=(1201, 903), spacing_mm=0.1, clusters=0)
    marks = detect(drawn.image, 0.1, max_value=4095, network=Brightness(), min_score=0)
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(numpy.pad(drawn.mask, 1, mode="edge"))[1:-1, 1:-1] * 0.1
    assert marks.calcifications
    assert min(depth[round(one.row), round(one.column)] for one in marks.calcifications) > 0.1


def test_bad_arguments_are_named(phantom) -> None:
    with pytest.raises(ValueError, match=r"detect\(image\): expected \(rows, columns\), got shape \(4, 4, 3\)"):
        detect(numpy.zeros((4, 4, 3), numpy.uint8), 0.1, max_value=255, network=Brightness())
    with pytest.raises(ValueError, match=r"detect\(mask\): expected the image's shape .* got \(3, 3\)"):
        detect(phantom.image, 0.1, max_value=4095, network=Brightness(), mask=numpy.ones((3, 3), bool))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_score": 1.5}, r"DetectorConfig\(min_score\): expected 0 .. 1, got 1.5"),
        ({"cluster_score": -0.5}, r"DetectorConfig\(cluster_score\): expected 0 .. 1, got -0.5"),
        ({"limit": 0}, r"DetectorConfig\(limit, min_members\): expected at least 1 each, got 0, 3"),
        ({"link_mm": 0.0}, r"DetectorConfig\(apart_mm, link_mm\): expected lengths above 0, got 0.4, 0.0"),
    ],
)
def test_bad_configuration_is_named(values: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DetectorConfig(**values)


@pytest.fixture(scope="module")
def shipped() -> Committee:
    return Committee([runtimes.load(nets.weights(name), threads=1) for name in DETECTORS])


def test_a_committee_averages_log_odds(shipped) -> None:
    patches = numpy.random.default_rng(1).normal(0, 1, (40, *shipped.input_shape[1:])).astype(numpy.float32)
    patches[::2, :, 11:14, 11:14] += numpy.linspace(2, 12, 20, dtype=numpy.float32)[:, None, None, None]
    odds = []
    for network in shipped.networks:
        _, scales, side, _ = network.input_shape
        inner = slice(12 - side // 2, 12 + side // 2)
        p = network.run(numpy.ascontiguousarray(patches[:, :scales, inner, inner])).ravel().astype(float)
        p = p.clip(SURE, 1 - SURE)
        odds.append(numpy.log(p / (1 - p)))
    assert 0 < (odds[0] > DOUBT).sum() < len(patches)
    expected = numpy.where(odds[0] > DOUBT, numpy.mean(odds, axis=0), odds[0])
    assert shipped.run(patches).ravel() == pytest.approx(1 / (1 + numpy.exp(-expected)), rel=1e-4)
    assert Committee(shipped.networks[:1]).input_shape == (None, 1, 12, 12)


def test_shipped_network_gives_probabilities(shipped) -> None:
    rng = numpy.random.default_rng(0)
    patches = rng.normal(0, 1, (33, *shipped.input_shape[1:])).astype(numpy.float32)
    scores = shipped.run(patches)
    assert scores.shape == (33, 1)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert shipped.run(patches[5:6])[0] == pytest.approx(scores[5], abs=1e-5)
    assert scores.mean() < 0.1  # noise is no calcification


def test_shipped_network_beats_the_top_hat(shipped) -> None:
    """On phantoms that it was not trained on, at two false marks per image."""
    from scipy import ndimage

    from mcfast.footprints import disk

    network, tophat = [], []
    for seed in (9_000_001, 9_000_004):
        drawn = mammogram(seed, shape=(1301, 1003), spacing_mm=0.1, clusters=4)
        truth = numpy.array([(one.row, one.column) for one in drawn.calcifications])
        marks = detect(drawn.image, 0.1, max_value=4095, network=shipped, min_score=0.01)
        places = numpy.array([(one.row, one.column) for one in marks.calcifications])
        network.append(match(places, numpy.array([one.score for one in marks.calcifications]), truth, 5))
        response = ndimage.white_tophat(drawn.image.astype(float), footprint=disk(4.5).mask)
        inner = ndimage.binary_erosion(drawn.mask, iterations=25, border_value=1)
        inner[:6] = inner[-6:] = inner[:, :6] = inner[:, -6:] = False
        peaks = numpy.argwhere(inner & (response == ndimage.maximum_filter(response, 9)) & (response > 0))
        tophat.append(match(peaks, response[tuple(peaks.T)], truth, 5))
    (ours,), (theirs,) = sensitivity_at(network, [2]), sensitivity_at(tophat, [2])
    assert ours > theirs + 0.15
    assert ours > 0.5
