"""The kernels of the device engine, emulated with all checks, against the CPU's detection and magnification."""

from dataclasses import replace

import numpy
import pytest

from mcfast import detect, ops, phantom
from mcfast.backends.gpu import candidates, magnify, noise, residual, selection, spots
from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.views import view_of
from mcfast.canonical import mask_in_input
from mcfast.detect.classify import RANGE, candidate_patches
from mcfast.detect.committee import DOUBT, SURE, Committee
from mcfast.detect.propose import FLAT, SIGMAS, spot_response
from mcfast.detect.residual import FLOOR, flatten

WHITE = 65535.0
OWN = {
    *("mark_part", "bound_part", "take_part", "take_off_mean", "gaussian_down", "gaussian_along", "spot_response"),
    *("difference_moments", "moments_deviation", "choose_strongest", "sort_chosen", "committee", "candidate_patches"),
    *("scaled<uint16_t>", "mask_in_input", "magnified"),
}


def viewed(array):
    return view_of(array.__array_interface__, array)


@pytest.fixture(scope="module")
def small():
    """An image at 0.1 mm of odd sides and its breast, whose box touches neither corner."""
    image = phantom.mammogram(3, shape=(330, 260), clusters=1).image
    image = ops.resample(image << numpy.uint16(4), 0.83)
    return image, detect.breast_mask(image, 0.1, max_value=WHITE)


def flattened(call, image, mask):
    options = {"max_value": WHITE, "skin_px": 6, "border_px": 3, "window_px": 12}
    return residual.flatten(call, viewed(image), viewed(mask), **options), flatten(image, mask, **options)


def test_the_residual_begins_where_the_cpus_does(emulated, small):
    with Call(emulated, 0, None) as call:
        part, expected = flattened(call, *small)
        rows, columns = expected.values.shape
        assert call.read(part.box).tolist() == [*expected.origin, rows, columns]
        values, inside = call.read(part.values), call.read(part.inside).astype(bool)
    numpy.testing.assert_array_equal(inside[:rows, :columns], expected.inner)
    numpy.testing.assert_allclose(values[:rows, :columns], expected.values, rtol=0, atol=1e-6)
    assert not inside[rows:].any() and not inside[:, columns:].any() and not values[rows:].any()


@pytest.mark.parametrize("what", ["nothing", "skin", "a spot", "the frame"])
def test_odd_masks(emulated, small, what):
    image, mask = small[0], numpy.zeros(small[0].shape, bool)
    mask[40 : 50 if what == "skin" else 53, 60:73] = what in ("skin", "a spot")
    mask |= what == "the frame"
    with Call(emulated, 0, None) as call:
        part, expected = flattened(call, image, mask)
        box = call.read(part.box).tolist()
    if expected is None:
        assert box == [0, 0, 0, 0]
    else:
        assert box == [*expected.origin, *expected.values.shape]
    assert (expected is None) == (what in ("nothing", "skin"))


def test_spots_answer_as_on_the_cpu(emulated, small):
    with Call(emulated, 0, None) as call:
        part, expected = flattened(call, *small)
        response = call.read(spots.spot_response(call, part, SIGMAS, floor=FLOOR / 4))
    rows, columns = expected.values.shape
    numpy.testing.assert_allclose(response[:rows, :columns], spot_response(expected), rtol=1e-3, atol=1e-3)
    assert (response[rows:] == -numpy.inf).all() and (response[:, columns:] == -numpy.inf).all()


def chosen_by(call, part, limit, threshold=1.5):
    response = spots.spot_response(call, part, SIGMAS, floor=FLOOR / 4)
    inside = replace(part.inside, dtype=numpy.dtype(bool))
    found = candidates.find_maxima(call, response, 2, threshold=0.0, mask=inside)
    scores = noise.zscores(call, found, noise.local_noise(call, response, inside, 30), floor=FLAT)
    around = noise.local_noise(call, part.values, inside, 30)
    return selection.strongest(call, found, scores, around, threshold=threshold, limit=limit, floor=FLOOR)


@pytest.mark.parametrize("limit", [1, 40, 5000])
def test_candidates_and_their_patches_are_the_cpus(emulated, small, limit):
    image, mask = small
    expected = detect.propose(image, mask, threshold=1.5, limit=limit, max_value=WHITE)
    with Call(emulated, 0, None) as call:
        part, _ = flattened(call, image, mask)
        chosen = chosen_by(call, part, limit)
        count = int(call.read(chosen.count)[0])
        assert count == len(expected) > 0
        places = call.read(chosen.places)[:count] + call.read(part.box)[:2]
        numpy.testing.assert_array_equal(places, expected.positions)
        numpy.testing.assert_allclose(call.read(chosen.strength)[:count], expected.response, rtol=1e-3)
        numpy.testing.assert_allclose(call.read(chosen.noise)[:count], expected.noise, rtol=1e-4)
        for scales, side in ((1, 12), (2, 24)):
            batch, first = min(limit, 70), min(5, limit - 1)
            out = call.scratch((batch, scales, side, side), numpy.float32)
            selection.candidate_patches(call, part, chosen, RANGE, out, first=first)
            patches = candidate_patches(expected, side=side, scales=scales)[first : first + batch]
            numpy.testing.assert_allclose(call.read(out)[: len(patches)], patches, rtol=0, atol=2e-3)
            assert not call.read(out)[len(patches) :].any()


@pytest.mark.parametrize("count", [0, 1, 1024, 2500])
@pytest.mark.parametrize("limit", [1, 300, 4000])
def test_the_strongest_are_chosen_whatever_their_scores(emulated, count, limit):
    """Ties, signs, NaN and infinities: as a stable sort chooses."""
    rng = numpy.random.default_rng(count + limit)
    capacity = max(count, 1)
    scores = rng.integers(-40, 40, capacity).astype(numpy.float32) / 8
    if count > 10:
        scores[:4] = numpy.nan, numpy.inf, -numpy.inf, -0.0
    positions = rng.integers(0, 60, (capacity, 2)).astype(numpy.int32)
    deviation = rng.random((30, 30), numpy.float32)
    number = numpy.array([count], numpy.int32)
    for threshold in (-2.0, 1.5):
        with Call(emulated, 0, None) as call:
            found = candidates.MaximaList(viewed(positions), viewed(scores), viewed(number))
            around = noise.LocalNoise(viewed(deviation), viewed(deviation), 2)
            options = {"threshold": threshold, "limit": limit, "floor": 0.25}
            chosen = selection.strongest(call, found, viewed(scores), around, **options)
            taken = int(call.read(chosen.count)[0])
            parts = [call.read(view)[:taken] for view in (chosen.places, chosen.strength, chosen.noise)]
        order = numpy.argsort(-numpy.nan_to_num(scores[:count], nan=-9e9), kind="stable")
        order = order[scores[:count][order] > threshold][:limit]
        assert taken == len(order)
        rows, columns = (positions[order] // 2).T
        expected = positions[order], scores[order], numpy.maximum(deviation[rows, columns], numpy.float32(0.25))
        for got, want in zip(parts, expected, strict=True):
            numpy.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("networks", [1, 2, 3])
def test_the_committee_decides_as_on_the_cpu(emulated, networks):
    said = numpy.random.default_rng(networks).random((networks, 300), numpy.float32) ** 6
    said[0, :4] = 0, 1, 0.01, 0.0101

    class Member:
        input_shape = (None, 1, 3, 3)

        def __init__(self, row):
            self.row = row

        def run(self, batch):
            return self.row[batch[:, 0, 0, 0].astype(int)]

    batch = numpy.broadcast_to(numpy.arange(300, dtype=numpy.float32)[:, None, None, None], (300, 1, 3, 3))
    expected = Committee([Member(row) for row in said]).run(batch)[:, 0]
    count = numpy.array([290], numpy.int32)
    with Call(emulated, 0, None) as call:
        chosen = selection.Chosen(None, None, None, viewed(count))
        scores = call.read(selection.committee(call, viewed(said), chosen, doubt=DOUBT, sure=SURE))
    numpy.testing.assert_allclose(scores[:290], expected[:290], rtol=1e-6)


def test_frames_before_and_after_a_network(emulated):
    rng = numpy.random.default_rng(1)
    image = rng.integers(0, 4096, (37, 71)).astype(numpy.uint16)
    large = (rng.random((74, 142), numpy.float32) - 0.2) * 1.5
    mask, scale = rng.random((26, 50)) > 0.4, (0.7, 0.7)
    inside = mask_in_input(mask, image.shape, scale)
    with Call(emulated, 0, None) as call:
        unit, full = call.scratch((1, 1, 37, 71), numpy.float32), call.scratch(image.shape, bool)
        magnify.scaled(call, viewed(image), 4095.0, unit)
        numpy.testing.assert_array_equal(call.read(unit)[0, 0], image * numpy.float32(1 / 4095))
        magnify.mask_in_input(call, viewed(mask), scale, full)
        numpy.testing.assert_array_equal(call.read(full), inside)
        out, other = (call.scratch(large.shape, numpy.uint16) for _ in range(2))
        between = ops.resample(image, 2.0)
        magnify.magnified(call, viewed(large), 4095.0, out)
        magnify.magnified(call, viewed(large), 4095.0, other, mask=full, interpolated=viewed(between))
        expected = numpy.rint(numpy.clip(large * numpy.float32(4095), 0, 4095)).astype(numpy.uint16)
        numpy.testing.assert_array_equal(call.read(out), expected)
        twice = inside.repeat(2, axis=0).repeat(2, axis=1)
        numpy.testing.assert_array_equal(call.read(other), numpy.where(twice, expected, between))
        phases = numpy.stack([large[r::2, c::2] for r in range(2) for c in range(2)])[None]
        out, other = (call.scratch(large.shape, numpy.uint16) for _ in range(2))
        magnify.magnified(call, viewed(phases), 4095.0, out)
        magnify.magnified(call, viewed(phases), 4095.0, other, mask=full, interpolated=viewed(between))
        numpy.testing.assert_array_equal(call.read(out), expected)
        numpy.testing.assert_array_equal(call.read(other), numpy.where(twice, expected, between))


def test_what_does_not_fit_is_refused(emulated):
    image, mask = numpy.zeros((9, 9), numpy.uint16), numpy.zeros((9, 9), bool)
    options = {"max_value": 1.0, "skin_px": 1, "border_px": 1, "window_px": 1}
    with Call(emulated, 0, None) as call:
        with pytest.raises(TypeError, match=r"flatten\(image\): expected uint16 and a bool mask, got uint8 and bool"):
            residual.flatten(call, viewed(image.astype(numpy.uint8)), viewed(mask), **options)
        with pytest.raises(ValueError, match=r"flatten\(mask\): expected contiguous, of shape \(9, 9\)"):
            residual.flatten(call, viewed(image), viewed(mask[:8]), **options)
        with pytest.raises(ValueError, match=r"candidate_patches\(out\): expected a contiguous"):
            selection.candidate_patches(call, None, None, RANGE, viewed(image))
        with pytest.raises(ValueError, match=r"scaled\(image\): expected uint16"):
            magnify.scaled(call, viewed(mask), 1.0, viewed(image))
        with pytest.raises(ValueError, match=r"magnified\(mask\): expected mask and interpolated image, or neither"):
            magnify.magnified(call, viewed(image), 1.0, viewed(image), mask=viewed(mask))
        large = viewed(numpy.zeros((1, 4, 4, 5), numpy.float32))
        with pytest.raises(
            ValueError, match=r"magnified\(large\): expected shape \(1, 4, 4, 4\) or \(1, 1, 8, 8\), got"
        ):
            magnify.magnified(call, large, 1.0, viewed(image[:8, :8]))


def test_every_kernel_of_these_has_run(emulated):
    """The last test of this file."""
    names = {name for name in emulated.kernels() if name in OWN}
    assert len(names) == len(OWN) and names <= set(emulated.launches)
