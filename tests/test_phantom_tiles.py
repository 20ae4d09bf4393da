"""Training tiles and what is drawn into them: calcifications of every shape, their distributions, what fools detectors."""

import numpy
import pytest
from scipy import ndimage

from mcfast.phantom import tile
from mcfast.phantom.distractors import add_crossings, add_film_marks, add_hot_pixels, add_metal
from mcfast.phantom.distribution import DISTRIBUTIONS, _offsets, distribute
from mcfast.phantom.mixture import MIXTURES
from mcfast.phantom.morphology import calcification
from mcfast.phantom.tiles import INGREDIENTS
from mcfast.phantom.vascular import add_artery, add_tracks


def test_tile_is_its_generators_own() -> None:
    first, again = (tile(numpy.random.default_rng(7), side=160) for _ in range(2))
    assert numpy.array_equal(first.image, again.image)
    assert first.calcifications == again.calcifications
    assert first.image.shape == first.mask.shape == (160, 160)
    assert first.image.dtype == numpy.uint16


def test_tiles_are_varied_and_calcified() -> None:
    tiles = [tile(numpy.random.default_rng([1, index]), side=192) for index in range(24)]
    assert sum(len(one.calcifications) for one in tiles) > 48
    assert any(not one.mask.all() for one in tiles)
    assert any(one.mask.all() for one in tiles)
    assert len({len(numpy.unique(one.image)) > 256 for one in tiles}) == 2  # of 8 bits and of more
    for one in tiles:
        for drawn in one.calcifications:
            assert one.mask[round(drawn.row), round(drawn.column)]


def test_tile_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueError, match=r"tile\(side\): expected at least 128 pixels, got 100"):
        tile(numpy.random.default_rng(0), side=100)
    with pytest.raises(ValueError, match=r"tile\(mixture\): expected one of usual, difficult, arteries, got 'rare'"):
        tile(numpy.random.default_rng(0), mixture="rare")


PINNED = {  # seed: pixels, size of the mask, calcifications and the first of them
    0: ([20248, 13509, 19895, 23917, 18168, 21548, 21451, 9282, 17383], 25600, 8, (106.505, 88.139, 9281.6)),
    2: ([10076, 21083, 11392, 12243, 3536, 3263, 88, 4727, 12492], 25600, 4, (19.9471, 100.101, 24558.2)),
    5: ([6293, 8753, 19309, 11819, 9700, 17309, 14995, 13462, 9026], 24103, 4, (84.263, 126.0367, 11340.9)),
    6: ([30416, 16345, 20106, 26162, 31251, 25183, 18293, 25113, 0], 13808, 4, (52.1336, 15.8842, 11059.4)),
}


@pytest.mark.parametrize("seed", PINNED)
def test_tiles_stay_those_that_the_shipped_weights_were_trained_on(seed: int) -> None:
    """A random number more or less anywhere and all is another; only a last bit may be the processor's."""
    pixels, inside, count, first = PINNED[seed]
    drawn = tile(numpy.random.default_rng([11, seed]), side=160)
    assert drawn.image[8::48, 8::48].ravel()[:9].astype(int) == pytest.approx(numpy.array(pixels), abs=300)
    assert int(drawn.mask.sum()) == pytest.approx(inside, abs=4)
    assert len(drawn.calcifications) == count
    one = drawn.calcifications[0]
    assert (one.row, one.column, one.contrast) == pytest.approx(first, rel=1e-4)


@pytest.fixture(scope="module")
def whole_tiles():
    return [tile(numpy.random.default_rng([11, seed]), side=160) for seed in range(14)]


@pytest.mark.parametrize("name", INGREDIENTS)
def test_without_an_ingredient_a_tile_is_otherwise_the_same(name: str, whole_tiles) -> None:
    changed = 0
    for seed, whole in enumerate(whole_tiles):
        rng = numpy.random.default_rng([11, seed])
        part = tile(rng, side=160, without=(name,))
        changed += not numpy.array_equal(part.image, whole.image)
        if name == "shapes":
            # An irregular speck has its centre of gravity elsewhere than a rod, and may not fit in where that does.
            assert len(whole.calcifications) - 4 < len(part.calcifications) <= len(whole.calcifications)
            places = numpy.array([(one.row, one.column) for one in whole.calcifications])
            for one in part.calcifications:
                assert numpy.abs(places - (one.row, one.column)).max(axis=1).min() < 6
        else:
            drawn = [[(one.row, one.column, one.diameter_mm) for one in of.calcifications] for of in (part, whole)]
            assert drawn[0] == drawn[1]
        if name == "skin":
            assert part.mask.all()
        else:
            assert numpy.array_equal(part.mask, whole.mask)
        again = numpy.random.default_rng([11, seed])
        tile(again, side=160)
        assert rng.random() == again.random()
    everywhere = name in ("soft specks", "exports")
    assert changed >= 12 if everywhere else 0 < changed < 14


def test_without_shapes_all_are_irregular(monkeypatch) -> None:
    """Another shape is drawn for its random numbers alone, and an irregular one of its diameter in its place."""
    drawn = []

    def spied(shape, diameter, *options):
        drawn.append((shape, diameter))
        return calcification(shape, diameter, *options)

    monkeypatch.setattr("mcfast.phantom.tiles.calcification", spied)
    for seed in range(14):
        tile(numpy.random.default_rng([11, seed]), side=160, without=("shapes",))
    others = [index for index, (shape, _) in enumerate(drawn) if shape != "irregular"]
    assert {drawn[index][0] for index in others} == {"rim", "rod", "branch", "soft"}
    # What does not fit into the tile is not drawn again.
    assert sum(drawn[index + 1] == ("irregular", drawn[index][1]) for index in others) > 0.7 * len(others)


def test_a_tile_without_anything() -> None:
    drawn = tile(numpy.random.default_rng([11, 6]), side=160, without=INGREDIENTS)
    assert drawn.mask.all()
    assert len(numpy.unique(drawn.image)) > 5000
    with pytest.raises(ValueError, match=r"tile\(without\): expected some of line crossings, .*, shapes, got 'noise'"):
        tile(numpy.random.default_rng(0), side=160, without=("noise",))


@pytest.mark.parametrize("shape", ["irregular", "rim", "rod", "branch", "soft"])
@pytest.mark.parametrize("diameter", [0.2, 0.9, 2.0])
def test_calcification_is_centred_and_of_peak_one(shape, diameter: float) -> None:
    drawn = calcification(shape, diameter, 0.1, 0.07, numpy.random.default_rng(4))
    assert drawn.profile.max() == pytest.approx(1)
    assert drawn.profile.min() >= 0
    assert drawn.profile.shape[0] == drawn.profile.shape[1]
    assert drawn.profile.shape[0] % 2 == 1
    assert abs(drawn.row_offset) < 0.8 * diameter / 0.1 + 1
    assert 0 < drawn.diameter_mm < 1.6 * diameter + 0.1
    border = numpy.r_[drawn.profile[0], drawn.profile[-1], drawn.profile[:, 0], drawn.profile[:, -1]]
    assert border.max() < 0.05


def test_rims_are_paler_inside_and_rods_are_long() -> None:
    rng = numpy.random.default_rng(0)
    rims = [calcification("rim", 1.8, 0.1, 0.05, rng).profile for _ in range(10)]
    middles = [one[len(one) // 2 - 1 : len(one) // 2 + 2, len(one) // 2 - 1 : len(one) // 2 + 2].mean() for one in rims]
    assert numpy.mean(middles) < 0.6
    rods = [calcification("rod", 1.5, 0.1, 0.05, rng).profile for _ in range(10)]
    for one in rods:
        places = numpy.argwhere(one > 0.3)
        spread = numpy.linalg.eigvalsh(numpy.cov(places.T))
        assert spread[1] > 6 * spread[0]


@pytest.mark.parametrize("clusters", [0, 1, 4])
def test_distribute_keeps_its_distances(clusters: int) -> None:
    allowed = numpy.zeros((500, 400), bool)
    allowed[40:460, 30:350] = True
    for seed in range(5):
        places = distribute(allowed, clusters, 5, 0.1, numpy.random.default_rng(seed))
        positions = numpy.array([one[:2] for one in places])
        assert allowed[tuple(positions.T)].all()
        distance = numpy.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))
        numpy.fill_diagonal(distance, numpy.inf)
        assert distance.min() >= 3
        for index, (_, _, cluster) in enumerate(places):
            if cluster is None:
                assert distance[index].min() >= 50
        sizes = numpy.unique([one[2] for one in places if one[2] is not None], return_counts=True)[1]
        assert len(sizes) <= clusters
        assert (sizes >= 3).all()
    assert distribute(numpy.zeros((50, 50), bool), 2, 3, 0.1, numpy.random.default_rng(0)) == []


def test_distributions_differ_as_their_names_say() -> None:
    rng = numpy.random.default_rng(2)
    widths = {}
    for name in DISTRIBUTIONS:
        spreads = [numpy.sqrt(numpy.linalg.eigvalsh(numpy.cov(_offsets(name, 200, rng).T))) for _ in range(20)]
        widths[name] = numpy.mean(spreads, axis=0)
    assert widths["linear"][1] > 5 * widths["linear"][0]
    assert widths["grouped"][1] < widths["regional"][1] < widths["diffuse"][1]
    assert widths["segmental"][0] > widths["linear"][0]


@pytest.mark.parametrize("add", [add_artery, add_tracks])
def test_vascular_is_long_and_of_the_height_asked_for(add) -> None:
    tracks = []
    for seed in range(12):
        signal = numpy.zeros((400, 400), numpy.float32)
        add(signal, 0.1, 1.0, numpy.random.default_rng(seed))
        again = numpy.zeros((400, 400), numpy.float32)
        add(again, 0.1, 1.0, numpy.random.default_rng(seed))
        assert numpy.array_equal(signal, again)
        assert signal.min() >= 0
        assert signal.max() < 4
        assert (signal > 0.3).mean() < 0.1
        if (signal > 0.3).any():
            tracks.append(numpy.ptp(numpy.argwhere(signal > 0.3), axis=0).max() * 0.1)
    assert len(tracks) >= 10
    assert numpy.median(tracks) > 8


def test_tracks_are_thin_and_bright() -> None:
    signal = numpy.zeros((400, 400), numpy.float32)
    add_tracks(signal, 0.1, 1.0, numpy.random.default_rng(3))
    assert signal.max() > 0.5
    assert (signal > 0.3).sum() > 30
    assert (signal > 0.3).mean() < 0.05


@pytest.mark.parametrize("add", [add_artery, add_tracks])
def test_vascular_takes_what_is_there(add) -> None:
    """It adds, whatever is below; the same on tissue as on nothing."""
    over, alone = numpy.full((200, 200), 0.3, numpy.float32), numpy.zeros((200, 200), numpy.float32)
    for signal in (over, alone):
        add(signal, 0.1, 0.2, numpy.random.default_rng(3))
    assert numpy.allclose(over - 0.3, alone, atol=1e-6)


def test_a_tile_knows_where_its_arteries_are() -> None:
    """By the difference to the same tile without them: there it is brighter, and far from there hardly changed."""
    some = 0
    for index in range(8):
        with_them, without = (
            tile(numpy.random.default_rng([8, index]), side=384, mixture="arteries", without=("exports", *less))
            for less in ((), ("vascular calcification",))
        )
        assert not without.arteries.any()
        if not with_them.arteries[with_them.mask].any():
            continue
        added = with_them.image.astype(float) - without.image
        on = with_them.arteries & with_them.mask
        far = with_them.mask & ~ndimage.binary_dilation(with_them.arteries, iterations=25)
        assert numpy.median(added[on]) > 0
        assert numpy.abs(added[far]).mean() < 0.2 * numpy.abs(added[on]).mean()
        some += 1
    assert some >= 4


@pytest.mark.parametrize("name", MIXTURES)
def test_kinds_of_calcifications(name) -> None:
    rng = numpy.random.default_rng(6)
    kinds = MIXTURES[name].kinds
    for clustered in (False, True):
        drawn = [kinds.draw(clustered, rng) for _ in range(4000)]
        shares = {shape: numpy.mean([one.shape == shape for one in drawn]) for shape in ("soft", "rim", "rod")}
        assert shares["soft"] == pytest.approx(kinds.soft, abs=0.02)
        assert shares["rim"] == pytest.approx(kinds.coarse * kinds.rims, abs=0.02)
        assert shares["rod"] == pytest.approx(kinds.thin * kinds.rods, abs=0.02)
        sizes = numpy.array([one.diameter_mm for one in drawn])
        assert 0.14 <= sizes.min() < 0.2
        assert 0.9 < sizes.max() <= (kinds.thin_mm[1] if clustered else kinds.coarse_mm[1])
        assert all(4 < one.detectability <= kinds.coarse_snr[1] for one in drawn)


def test_difficult_tiles_have_calcifications_near_the_skin() -> None:
    """In tiles with skin a good part of them lies within 7 mm of it, though most of the tissue is deeper."""
    near = dict.fromkeys(MIXTURES, 0)
    deep = dict.fromkeys(MIXTURES, 0)
    for name in MIXTURES:
        for index in range(40):
            one = tile(numpy.random.default_rng([2, index]), side=384, mixture=name)
            if one.mask.all():
                continue
            depth = ndimage.distance_transform_edt(one.mask) * 0.1
            for drawn in one.calcifications:
                shallow = depth[round(drawn.row), round(drawn.column)] < 7
                near[name], deep[name] = near[name] + shallow, deep[name] + (not shallow)
    assert near["difficult"] > 0.4 * (near["difficult"] + deep["difficult"])
    assert near["usual"] < 0.4 * (near["usual"] + deep["usual"])
    assert deep["difficult"] > 50


def test_metal_is_bright_and_sharp() -> None:
    for seed in range(8):
        signal = numpy.full((300, 300), 0.3, numpy.float32)
        add_metal(signal, numpy.full((300, 300), 1e3, numpy.float32), 0.1, numpy.random.default_rng(seed))
        assert signal.min() >= 0.3
        assert signal.max() > 0.55
        edge = ((signal > 0.32) & (signal < signal.max() - 0.02)).sum()
        assert edge < 0.6 * (signal > 0.32).sum() + 60


def test_hot_pixels_film_marks_and_crossings_add_brightness() -> None:
    for add in (add_hot_pixels, add_film_marks):
        image = numpy.zeros((200, 200), numpy.float32)
        add(image, 0.01, numpy.random.default_rng(1))
        assert image.max() >= 0.05
        assert (image > 0).mean() < 0.05
    lines = numpy.zeros((200, 200), numpy.float32)
    add_crossings(lines, 0.1, 1.0, numpy.random.default_rng(1))
    assert 0.3 < lines.max() < 5
