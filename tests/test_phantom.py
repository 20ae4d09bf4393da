"""Phantoms: the truth is what was drawn, the same seed draws the same, and bad arguments are named."""

import itertools
import json

import numpy
import pytest
from scipy import ndimage

from mcfast.phantom import Phantom, mammogram, tile
from mcfast.phantom.calcifications import scatter, speck
from mcfast.phantom.exposure import Exposure
from mcfast.phantom.label import draw_label
from mcfast.phantom.texture import draw_points, power_law

SMALL = {"shape": (701, 503), "spacing_mm": 0.1}


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return mammogram(11, clusters=3, **SMALL)


def test_same_seed_same_image(phantom: Phantom) -> None:
    again = mammogram(11, clusters=3, **SMALL)
    assert numpy.array_equal(phantom.image, again.image)
    assert numpy.array_equal(phantom.mask, again.mask)
    assert phantom.truth() == again.truth()
    assert not numpy.array_equal(phantom.image, mammogram(12, clusters=3, **SMALL).image)


@pytest.mark.parametrize("shape", [(64, 64), (65, 97), (333, 128), (130, 401)])
@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_any_shape(shape: tuple[int, int], view: str) -> None:
    drawn = mammogram(3, shape=shape, spacing_mm=0.1, view=view)
    assert drawn.image.shape == drawn.mask.shape == shape
    assert drawn.image.dtype == numpy.uint16
    assert drawn.mask.any()


@pytest.mark.parametrize("bits", [8, 10, 14, 16])
def test_bits_bound_the_values(bits: int) -> None:
    drawn = mammogram(5, shape=(300, 200), spacing_mm=0.1, bits=bits)
    assert drawn.image.max() <= 2**bits - 1
    assert drawn.image.max() > 2 ** (bits - 2)


def test_calcifications_add_their_contrast(phantom: Phantom) -> None:
    """Without calcifications, tissue and noise are the same: the difference is what was drawn."""
    without = mammogram(11, clusters=0, **SMALL)
    assert without.calcifications == ()
    difference = phantom.image.astype(float) - without.image
    assert numpy.array_equal(phantom.mask, without.mask)
    assert len(phantom.calcifications) > 8
    for one in phantom.calcifications:
        row, column = round(one.row), round(one.column)
        around = difference[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4]
        # Brighter tissue is noisier, so the difference is not quite the contrast.
        assert around.max() == pytest.approx(one.contrast, rel=0.35, abs=25)
        assert one.contrast_to_noise > 0
        assert 0.05 < one.diameter_mm < 1.6


def test_nothing_else_changes(phantom: Phantom) -> None:
    without = mammogram(11, clusters=0, **SMALL)
    changed = numpy.argwhere(phantom.image != without.image)
    centres = numpy.array([(one.row, one.column) for one in phantom.calcifications])
    reach = numpy.array([0.9 * one.diameter_mm / 0.1 + 8 for one in phantom.calcifications])
    distance = numpy.hypot(*(changed[:, None] - centres[None]).transpose(2, 0, 1))
    assert (distance < reach).any(axis=1).all()


def test_centres_are_centres_of_gravity() -> None:
    drawn = mammogram(22, clusters=6, shape=(640, 512), spacing_mm=0.07, bits=16)
    without = mammogram(22, clusters=0, shape=(640, 512), spacing_mm=0.07, bits=16)
    difference = numpy.maximum(drawn.image.astype(float) - without.image, 0)
    bright = [one for one in drawn.calcifications if one.contrast_to_noise > 6]
    assert bright
    for one in bright:
        row, column = round(one.row), round(one.column)
        half = max(3, round(0.7 * one.diameter_mm / 0.07))
        window = difference[row - half : row + half + 1, column - half : column + half + 1]
        centre = ndimage.center_of_mass(window)
        assert numpy.hypot(centre[0] + row - half - one.row, centre[1] + column - half - one.column) < 1.0


def test_clusters_have_members_apart(phantom: Phantom) -> None:
    places = numpy.array([(one.row, one.column) for one in phantom.calcifications]) * 0.1
    distance = numpy.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    numpy.fill_diagonal(distance, numpy.inf)
    assert distance.min() > 0.5
    clusters = [one.cluster for one in phantom.calcifications]
    for number in {cluster for cluster in clusters if cluster is not None}:
        members = numpy.flatnonzero([cluster == number for cluster in clusters])
        assert 3 <= len(members) <= 20
        assert distance[numpy.ix_(members, members)][~numpy.eye(len(members), dtype=bool)].max() < 21


def test_calcifications_lie_below_the_skin(phantom: Phantom) -> None:
    depth = ndimage.distance_transform_edt(numpy.pad(phantom.mask, ((1, 1), (1, 1)), mode="edge")) * 0.1
    for one in phantom.calcifications:
        assert depth[round(one.row) + 1, round(one.column) + 1] > 1.5


def test_right_is_mirrored_left() -> None:
    left = mammogram(8, label=False, **SMALL)
    right = mammogram(8, laterality="R", label=False, **SMALL)
    assert numpy.array_equal(right.image, left.image[:, ::-1])
    assert numpy.array_equal(right.mask, left.mask[:, ::-1])
    for one, other in zip(left.calcifications, right.calcifications, strict=True):
        assert other.column == pytest.approx(SMALL["shape"][1] - 1 - one.column)
        assert other.row == one.row


def test_label_is_burnt_into_the_air() -> None:
    size = {"shape": (1200, 1000), "spacing_mm": 0.1}
    with_label, without = mammogram(4, **size), mammogram(4, label=False, **size)
    changed = with_label.image != without.image
    assert with_label.labelled
    assert not without.labelled
    assert changed.any()
    assert not (changed & with_label.mask).any()
    assert (with_label.image[changed] == 4095).all()
    assert without.image[~without.mask].max() == 0


def test_label_needs_room() -> None:
    assert draw_label(numpy.ones((500, 400), bool), "L CC", 0.1) is None
    assert draw_label(numpy.zeros((20, 20), bool), "L MLO", 0.07) is None


def test_noise_grows_with_the_root_of_the_signal() -> None:
    exposure = Exposure(0.05, 0.0)
    rng = numpy.random.default_rng(0)
    for level in (0.1, 0.4):
        counts = exposure.counts(numpy.full((300, 300), level, numpy.float32), 16, 0.07, rng)
        assert counts.std() / 65535 == pytest.approx(0.05 * level**0.5, rel=0.02)
    assert exposure.counts(numpy.zeros((5, 5), numpy.float32), 12, 0.07, rng).max() == 0


@pytest.mark.parametrize("beta", [2.0, 3.0])
def test_power_law_has_its_slope(beta: float) -> None:
    noise = power_law((512, 512), beta, numpy.random.default_rng(1))
    assert noise.std() == pytest.approx(1, abs=1e-3)
    power = numpy.abs(numpy.fft.fft2(noise)) ** 2
    frequency = numpy.hypot(numpy.fft.fftfreq(512)[:, None], numpy.fft.fftfreq(512)[None])
    edges = numpy.geomspace(0.01, 0.4, 12)
    mean = [power[(frequency >= low) & (frequency < high)].mean() for low, high in itertools.pairwise(edges)]
    slope = numpy.polyfit(numpy.log(edges[:-1] * edges[1:]) / 2, numpy.log(mean), 1)[0]
    assert slope == pytest.approx(-beta, abs=0.15)


def test_drawn_line_has_its_peak() -> None:
    t = numpy.arange(0, 100, 1 / 3)
    line = draw_points((60, 100), numpy.column_stack([numpy.full_like(t, 30.25), t]), numpy.full(len(t), 2.5), 2.0)
    assert line[30, 50] == pytest.approx(2.5, rel=0.08)
    assert line.argmax() // 100 == 30


def test_speck_of_a_size() -> None:
    rng = numpy.random.default_rng(2)
    diameters = []
    for _ in range(60):
        drawn = speck(0.5, 0.1, 0.05, rng)
        assert drawn.profile.max() == 1
        assert drawn.profile.shape[0] % 2 == 1
        assert drawn.profile[0].max() < 0.05
        diameters.append(drawn.diameter_mm)
    assert 0.3 < numpy.median(diameters) < 0.6


def test_speck_peak_is_a_matched_filter() -> None:
    drawn = speck(0.4, 0.07, 0.05, numpy.random.default_rng(3))
    signal = drawn.peak(10.0) * drawn.profile
    assert numpy.sqrt(numpy.sum(signal**2)) == pytest.approx(10.0)


def test_scatter_without_room() -> None:
    rng = numpy.random.default_rng(0)
    assert scatter(numpy.zeros((50, 50), bool), 2, 3, 0.1, rng) == []
    lonely = numpy.zeros((50, 50), bool)
    lonely[20, 30] = True
    assert scatter(lonely, 2, 3, 0.1, rng) == [(20, 30, None)]


def test_truth_is_json(phantom: Phantom) -> None:
    truth = json.loads(json.dumps(phantom.truth()))
    assert truth["seed"] == 11
    assert (truth["rows"], truth["columns"]) == SMALL["shape"]
    assert len(truth["calcifications"]) == len(phantom.calcifications)
    assert truth["calcifications"][0]["row"] == phantom.calcifications[0].row


def test_says_what_it_is(phantom: Phantom) -> None:
    assert "seed 11, 701 x 503, 12 bit, L CC" in repr(phantom)


def test_dicom_gives_the_pixels_back(phantom: Phantom, tmp_path) -> None:
    pydicom = pytest.importorskip("pydicom")
    path = tmp_path / "phantom.dcm"
    phantom.save_dicom(path, transfer_syntax="1.2.840.10008.1.2.1")
    dataset = pydicom.dcmread(path)
    assert numpy.array_equal(dataset.pixel_array, phantom.image)
    assert (dataset.Modality, dataset.ImageLaterality, dataset.ViewPosition) == ("MG", "L", "CC")
    assert float(dataset.ImagerPixelSpacing[0]) == pytest.approx(0.1)
    default = tmp_path / "default.dcm"
    phantom.save_dicom(default)
    assert default.stat().st_size < path.stat().st_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, r"mammogram\(seed\): expected an integer of at least 0, got -1"),
        ({"shape": (63, 100)}, r"mammogram\(shape\): expected .* at least 64 each, got \(63, 100\)"),
        ({"spacing_mm": 0.5}, r"mammogram\(spacing_mm\): expected 0.03 .. 0.3 mm, got 0.5"),
        ({"bits": 7}, r"mammogram\(bits\): expected 8 .. 16, got 7"),
        ({"laterality": "left"}, r"mammogram\(laterality\): expected 'L' or 'R', got 'left'"),
        ({"view": "XYZ"}, r"mammogram\(view\): expected 'CC' or 'MLO', got 'XYZ'"),
        ({"clusters": -2}, r"mammogram\(clusters\): expected None or at least 0, got -2"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mammogram(**{"seed": 0, "shape": (100, 100), **arguments})


def test_bad_tile_is_named() -> None:
    with pytest.raises(ValueError, match=r"tile\(side\): expected at least 128 pixels, got 100"):
        tile(numpy.random.default_rng(0), side=100)
