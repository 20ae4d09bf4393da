"""The probability map: what the detector says of the strongest spot of each cell."""

from dataclasses import replace

import numpy
import pytest
from images import spotted
from scipy.special import logit

import mcfast
from mcfast import detect, nets, phantom, runtimes
from mcfast.canonical import at_canonical, headroom
from mcfast.detect.context import GAIN, LOSS, TYPICAL
from mcfast.rasters import read_array
from mcfast.spot_map import DETECTORS, LIKELY, spot_map, strongest_in_cells


def config(clutter: float, context: float = 0.0) -> mcfast.Config:
    return mcfast.Config(detector=detect.DetectorConfig(clutter=clutter, context=context), magnify="none")


@pytest.fixture(scope="module")
def result(small_dicom):
    """As the networks say of each patch."""
    return mcfast.Engine(config(0.0))(small_dicom)


@pytest.fixture(scope="module")
def found(result):
    return spot_map(result)


def test_cells_are_what_the_networks_say_of_their_strongest_spots(result, found):
    """A few cells by hand: the strongest spot in them, looked at alone."""
    mammogram = result.mammogram
    small, valid, scale = at_canonical(result.image, mammogram, 0.1)
    white = ((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = detect.breast_mask(small, 0.1, max_value=white, valid=valid)
    spots = detect.propose(small, mask, threshold=-1e9, limit=10**6, max_value=white)
    committee = detect.Committee([runtimes.load(nets.weights(name)) for name in DETECTORS])
    assert found.pixels == pytest.approx((8 / scale[0], 8 / scale[1]))
    assert found.cells.shape == (-(-small.shape[0] // 8), -(-small.shape[1] // 8))
    scored = {
        (int((one.row + 0.5) / found.pixels[0]), int((one.col + 0.5) / found.pixels[1]))
        for one in result.calcifications
    }
    looked = 0
    for place in numpy.random.default_rng(2).permutation(numpy.argwhere(numpy.isfinite(found.cells)))[:40]:
        inside = numpy.flatnonzero((spots.positions // 8 == place).all(axis=1))
        first = inside[numpy.argmax(spots.response[inside])]
        one = detect.Candidates(
            *(part[first : first + 1] for part in (spots.positions, spots.response, spots.noise)), spots.residual
        )
        if tuple(place) not in scored:
            assert found.cells[tuple(place)] == pytest.approx(float(detect.classify(one, committee)[0]), abs=1e-6)
            looked += 1
    assert looked > 20


def test_restless_images_lose_as_much_as_their_findings():
    drawn = phantom.mammogram(12, shape=(1503, 1107), spacing_mm=0.1, clusters=2)
    image = spotted(drawn.image, drawn.mask, 600, 2.4, seed=1)
    mammogram = read_array(image, "spotted", spacing_mm=0.1, bits=12)
    as_said, less = (mcfast.Engine(config(clutter))(mammogram) for clutter in (0.0, 0.5))
    best = as_said.calcifications[0].score, less.calcifications[0].score
    loss = logit(best[0]) - logit(best[1])
    assert 0.4 < loss < 3
    before, after = (spot_map(one).cells.astype(float) for one in (as_said, less))
    known = (before > 1e-4) & (before < 0.99)
    assert known.sum() > 100
    assert logit(before[known]) - logit(after[known]) == pytest.approx(loss, abs=0.02)


def test_what_lies_around_changes_likely_cells_alone(result, found, small_dicom):
    judged = mcfast.Engine(config(0.0, context=0.75))(small_dicom)
    cells = spot_map(judged).cells
    pixels = found.pixels
    scored = numpy.zeros(cells.shape, bool)
    for one in (*result.calcifications, *judged.calcifications):
        scored[int((one.row + 0.5) / pixels[0]), int((one.col + 0.5) / pixels[1])] = True
    known = numpy.isfinite(cells) & ~scored
    unlikely = known & (found.cells < LIKELY)
    assert (cells[unlikely] == found.cells[unlikely]).all()
    likely = known & ~unlikely & (found.cells < 0.999)
    assert likely.sum() > 20
    said = (logit(cells[likely].astype(float)) - logit(found.cells[likely].astype(float))) / 0.75
    assert (said > -LOSS - TYPICAL - 0.01).all()
    assert (said < GAIN - TYPICAL + 0.01).all()
    assert numpy.ptp(said) > 1


def test_findings_are_in_it_and_air_is_not(result, found):
    for one in result.calcifications:
        place = int((one.row + 0.5) / found.pixels[0]), int((one.col + 0.5) / found.pixels[1])
        assert found.cells[place] >= numpy.float32(one.score)
    known = numpy.isfinite(found.cells)
    assert 0.3 < known.sum() / (result.mask.mean() * known.size) < 1.05
    assert ((found.cells[known] >= 0) & (found.cells[known] <= 1)).all()
    # In a breast with a few clusters nearly all of it is none.
    assert (found.cells[known] > 0.5).mean() < 0.05


def test_the_strongest_of_each_cell():
    positions = numpy.array([[9, 9], [0, 0], [15, 15], [3, 7], [8, 0]], numpy.int32)
    response = numpy.array([5, 4, 3, 2, 1], numpy.float32)
    kept = strongest_in_cells(detect.Candidates(positions, response, response / 10, None), 8)
    assert kept.positions.tolist() == [[9, 9], [0, 0], [8, 0]]
    assert kept.response.tolist() == [5, 4, 1]
    assert kept.noise.tolist() == pytest.approx([0.5, 0.4, 0.1])


def test_no_map_of_other_networks(result):
    other = replace(result, engine=replace(result.engine, models={**result.engine.models, "vgg24": "0" * 64}))
    assert spot_map(other) is None


def test_no_breast_no_probabilities(engine):
    image = numpy.zeros((300, 200), numpy.uint16)
    image[::2, ::2] = 1
    empty = engine(image)
    assert not empty.mask.any()
    assert not numpy.isfinite(spot_map(empty).cells).any()
