"""Size and shape of calcifications: analytic shapes, and scikit-image on blobs."""

import pathlib

import numpy
import pytest
from skimage.measure import label, regionprops

from mcfast.detect.features import FEATURES, CalcificationFeatures, calcification_features, measure
from mcfast.detect.features.shape import shapes

SPACING = 0.1


def _of(mask, spacing=SPACING, place=None) -> CalcificationFeatures:
    """The features of a bright shape; of equal pixels the first would be the peak."""
    place = place or tuple(length // 2 for length in mask.shape)
    image = numpy.where(mask, 1000, 100).astype(numpy.uint16)
    image[place] = 1001
    return calcification_features(image, numpy.array([place], numpy.int32), spacing)


def _grid(side=61):
    offset = numpy.arange(side) - side // 2
    return numpy.meshgrid(offset, offset, indexing="ij")


def _rectangle(height, width):
    down, right = _grid()
    return (down >= 0) & (down < height) & (right >= 0) & (right < width)


@pytest.mark.parametrize("radius", [4.3, 6.2, 8.4, 9.4])
def test_disk(radius: float) -> None:
    down, right = _grid()
    found = _of(numpy.hypot(down, right) <= radius)
    assert found.area_mm2[0] == pytest.approx(numpy.pi * radius**2 * 0.01, rel=0.06)
    assert found.equivalent_diameter_mm[0] == pytest.approx(0.2 * radius, rel=0.03)
    assert found.feret_diameter_mm[0] == pytest.approx(0.2 * radius, abs=0.15)
    assert found.perimeter_mm[0] == pytest.approx(2 * numpy.pi * radius * 0.1, rel=0.06)
    assert found.circularity[0] > 0.93
    assert found.eccentricity[0] == 0
    assert found.convexity[0] > 0.88  # hull pixels that the outline only touches count
    assert (found.rows[0], found.columns[0]) == pytest.approx((30, 30))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 4), (7, 7), (3, 9), (9, 2), (1, 8), (6, 1)])
def test_rectangle(height: int, width: int) -> None:
    found = _of(_rectangle(height, width))
    longer, shorter = max(height, width), min(height, width)
    assert found.area_mm2[0] == pytest.approx(height * width * 0.01)
    assert found.equivalent_diameter_mm[0] == pytest.approx(0.2 * (height * width / numpy.pi) ** 0.5)
    # The ellipse of a rectangle's second moments has axes in the ratio of its sides.
    assert found.eccentricity[0] == pytest.approx((1 - (shorter / longer) ** 2) ** 0.5, abs=1e-7)
    assert found.convexity[0] == 1
    assert found.feret_diameter_mm[0] == pytest.approx(0.1 * numpy.hypot(longer, shorter - 1))
    # Lines along the sides, one pixel apart, and h + w - 1 along each diagonal.
    perimeter = numpy.pi / 4 * (height + width + 2**0.5 * (height + width - 1))
    assert found.perimeter_mm[0] == pytest.approx(0.1 * perimeter)
    assert found.circularity[0] == pytest.approx(min(1.0, 4 * numpy.pi * height * width / perimeter**2))
    assert found.rows[0] == pytest.approx(30 + (height - 1) / 2, abs=1e-3)
    assert found.columns[0] == pytest.approx(30 + (width - 1) / 2, abs=1e-3)


@pytest.mark.parametrize(("long", "short"), [(9.3, 3.2), (8.4, 6.1), (9.4, 2.3)])
@pytest.mark.parametrize("angle", [0.0, 0.4, numpy.pi / 4, 1.9])
def test_ellipse(long: float, short: float, angle: float) -> None:
    down, right = _grid()
    along, across = (
        down * numpy.cos(angle) + right * numpy.sin(angle),
        right * numpy.cos(angle) - down * numpy.sin(angle),
    )
    found = _of((along / long) ** 2 + (across / short) ** 2 <= 1)
    assert found.area_mm2[0] == pytest.approx(numpy.pi * long * short * 0.01, rel=0.08)
    assert found.eccentricity[0] == pytest.approx((1 - (short / long) ** 2) ** 0.5, abs=0.04)
    assert found.feret_diameter_mm[0] == pytest.approx(0.2 * long, abs=0.15)
    assert found.convexity[0] > 0.85


@pytest.mark.parametrize("length", [2, 5, 8])
def test_diagonal_line(length: int) -> None:
    down, right = _grid()
    found = _of((down == right) & (down >= 0) & (down < length))
    assert found.area_mm2[0] == pytest.approx(length * 0.01)
    assert found.feret_diameter_mm[0] == pytest.approx(0.1 * numpy.hypot(length, length - 1))
    assert found.eccentricity[0] == pytest.approx((1 - 1 / (2 * length**2 - 1)) ** 0.5)
    assert found.convexity[0] == 1


def test_ring_is_round_and_hollow() -> None:
    down, right = _grid(41)
    distance = numpy.hypot(down, right)
    ring, disk = (distance >= 5) & (distance <= 7.3), distance <= 7.3
    hollow, full = shapes(ring[None]), shapes(disk[None])
    assert hollow.eccentricity[0] == 0
    assert hollow.convex_area[0] == full.convex_area[0]
    assert hollow.feret_diameter[0] == full.feret_diameter[0]
    inner = shapes((distance < 5)[None])
    assert hollow.area[0] == full.area[0] - inner.area[0]
    assert hollow.perimeter[0] == pytest.approx(full.perimeter[0] + inner.perimeter[0])


def test_cross_has_bays() -> None:
    down, right = _grid()
    cross = ((abs(down) <= 1) & (abs(right) <= 6)) | ((abs(right) <= 1) & (abs(down) <= 6))
    found = _of(cross)
    assert found.eccentricity[0] == 0
    assert found.convexity[0] == regionprops(cross.astype(int))[0].solidity < 0.7
    assert found.circularity[0] < 0.6


@pytest.mark.parametrize(("side", "sigma"), [(5, 0.5), (9, 0.6), (21, 1.0), (21, 2.0), (41, 2.5)])
def test_blobs_against_scikit_image(side: int, sigma: float) -> None:
    from scipy.ndimage import gaussian_filter

    rng = numpy.random.default_rng(side)
    fields = gaussian_filter(rng.normal(size=(60, side, side)), (0, sigma, sigma))
    masks = numpy.zeros(fields.shape, bool)
    for mask, field in zip(masks, fields, strict=True):
        labels = label(field >= numpy.quantile(field, rng.uniform(0.3, 0.9)), connectivity=2)
        mask[:] = labels == rng.integers(1, labels.max() + 1)
    found = shapes(masks)
    for index, mask in enumerate(masks):
        truth = regionprops(mask.astype(int))[0]
        large, small = (value + 1 / 12 for value in truth.inertia_tensor_eigvals)
        assert found.area[index] == truth.area
        assert found.perimeter[index] == pytest.approx(truth.perimeter_crofton)
        assert found.eccentricity[index] == pytest.approx((1 - small / large) ** 0.5, abs=1e-6)
        assert found.area[index] / found.convex_area[index] == pytest.approx(truth.solidity)
        assert found.feret_diameter[index] == pytest.approx(truth.feret_diameter_max)


def test_the_spot_is_what_is_bright_near_and_connected() -> None:
    down, right = _grid()
    near = numpy.hypot(down, right)
    image = numpy.full((61, 61), 100, numpy.uint16)
    image[near <= 2.3] = 500
    image[near <= 1] = 1000
    image[(right >= 5) & (right <= 6) & (abs(down) <= 2)] = 900  # bright, near, apart
    image[numpy.hypot(down - 2, right - 3) < 0.5] = 560  # touches by a corner what is too dark
    found = calcification_features(image, numpy.array([[31, 30]], numpy.int32), SPACING)
    assert found.area_mm2[0] == pytest.approx(0.05)
    long = _of(down == 0)
    assert long.area_mm2[0] == pytest.approx(0.19)  # less than 1 mm either way


def test_a_long_way_round_is_followed() -> None:
    mask = numpy.zeros((61, 61), bool)
    mask[22:39:2, 22:39] = True
    mask[23:39:4, 38] = mask[25:39:4, 22] = True  # a serpent
    down, right = _grid()
    mask &= numpy.hypot(down, right) < 10
    labels = label(mask, connectivity=2)
    found = _of(mask)
    assert found.area_mm2[0] == pytest.approx(0.01 * (labels == labels[30, 30]).sum())


@pytest.mark.parametrize("spacing", [0.01, 0.05, 0.07, 0.085, 0.1, 0.2, 1 / 3, 0.5, 1.0])
def test_spacing_scales_lengths(spacing: float) -> None:
    down, right = _grid(41)
    mask = (down == 0) & (right == 0) if spacing >= 0.2 else (abs(down) <= 1) & (abs(right) <= 2)
    found, fine = _of(mask, spacing), shapes(mask[None])
    assert found.area_mm2[0] == pytest.approx(fine.area[0] * spacing**2)
    assert found.perimeter_mm[0] == pytest.approx(fine.perimeter[0] * spacing)
    assert found.feret_diameter_mm[0] == pytest.approx(fine.feret_diameter[0] * spacing)
    assert found.eccentricity[0] == pytest.approx(fine.eccentricity[0])


def test_places_diameters_and_contrasts_are_those_of_measure() -> None:
    rng = numpy.random.default_rng(5)
    image = rng.integers(0, 4096, (90, 70), dtype=numpy.uint16)
    places = numpy.column_stack([rng.integers(0, 90, 200), rng.integers(0, 70, 200)]).astype(numpy.int32)
    found, plain = calcification_features(image, places, SPACING), measure(image, places, SPACING)
    numpy.testing.assert_array_equal(found.rows, plain.rows)
    numpy.testing.assert_array_equal(found.columns, plain.columns)
    numpy.testing.assert_array_equal(found.contrast, plain.contrast)
    numpy.testing.assert_allclose(found.equivalent_diameter_mm, plain.diameter_mm, rtol=1e-14)
    for index in (0, 77, 199):
        alone = calcification_features(image, places[index : index + 1], SPACING)
        for name in FEATURES:
            assert getattr(alone, name)[0] == pytest.approx(getattr(found, name)[index], rel=1e-9, nan_ok=True), name


@pytest.mark.parametrize("corner", [(0, 0), (0, 60), (40, 0), (40, 60), (0, 30), (20, 0)])
def test_at_the_border(corner: tuple[int, int]) -> None:
    mask = numpy.zeros((41, 61), bool)
    mask[corner] = True
    found = _of(mask, place=corner)
    assert (found.rows[0], found.columns[0], found.contrast[0]) == (*corner, 901)
    assert found.area_mm2[0] == pytest.approx(0.01)
    assert found.feret_diameter_mm[0] == pytest.approx(0.1)


def test_the_page_has_every_feature() -> None:
    page = (pathlib.Path(__file__).parent.parent / "docs" / "features.md").read_text()
    for name, (unit, meaning, reference) in FEATURES.items():
        assert f"| `{name}` | {unit.replace('mm2', 'mm²')} | {meaning} | {reference} |" in page
