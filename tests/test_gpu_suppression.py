"""Non-maximum suppression on the emulated GPU, with all its checks, against the specification."""

import numpy
import pytest
from emulated_device import EmulatedDevice
from hypothesis import given
from hypothesis import strategies as st

from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.suppression import suppress
from mcfast.backends.gpu.views import view_of
from mcfast.detect.suppression import suppress as specification

OWN = {"suppress"}


def viewed(array):
    return view_of(array.__array_interface__, array)


def kept_by(device, positions, scores, distance, *, limit=None):
    """Indices of the spots that the kernel leaves, in ascending order; what is past the count must not matter."""
    count, limit = len(scores), max(len(scores), 1) if limit is None else limit
    rng = numpy.random.default_rng(count)
    places, values = rng.integers(0, 50, (limit, 2)).astype(numpy.int32), rng.random(limit, numpy.float32) + 100
    places[:count], values[:count] = positions, scores
    number, out = numpy.array([count], numpy.int32), numpy.full(limit, 7, numpy.uint8).view(bool)
    with Call(device, 0, None) as call:
        suppress(call, viewed(places), viewed(values), viewed(number), distance, out=viewed(out))
    assert all(memory.is_intact for memory in device.memories), "it wrote outside its arrays"
    assert (out.view(numpy.uint8)[:count] <= 1).all() and (out.view(numpy.uint8)[count:] == 7).all()
    return numpy.flatnonzero(out[:count]).tolist()


def expected(positions, scores, distance):
    return sorted(specification(numpy.asarray(positions, float).reshape(-1, 2), scores, distance).tolist())


@pytest.fixture(scope="module")
def shuffled(emulated):
    """Another order of threads at each launch."""
    return EmulatedDevice(emulated.library._name, host_threads=1, shuffle=True, seed=3)


@given(st.integers(0, 60), st.sampled_from([5, 40, 3000]), st.integers(1, 30), st.integers(0, 2**31), st.floats(0, 12))
def test_small_lists_of_every_kind(emulated, count, side, levels, seed, distance):
    """Crowded and far apart, several spots in one place, ties, any distance between two pixels."""
    rng = numpy.random.default_rng(seed)
    positions = rng.integers(0, side, (count, 2))
    scores = (rng.integers(0, levels, count) / levels).astype(numpy.float32)
    for apart in (distance, round(distance), float(numpy.sqrt(round(distance)))):
        assert kept_by(emulated, positions, scores, apart, limit=64) == expected(positions, scores, apart)


@pytest.mark.parametrize("count", [0, 1, 2, 1023, 1025, 3500])
@pytest.mark.parametrize("distance", [4.0, 7.5, 40.0])
def test_as_many_spots_as_a_detector_has(emulated, shuffled, count, distance):
    """On a frame at 0.1 mm, half of them in a few clusters; more of them than threads."""
    rng = numpy.random.default_rng(count)
    centres = rng.integers(300, 2000, (5, 2))[rng.integers(0, 5, count // 2)]
    clustered = numpy.rint(centres + rng.normal(0, 25, centres.shape)).astype(int)
    positions = numpy.concatenate([clustered, rng.integers(0, (2867, 2330), (count - len(clustered), 2))])
    scores = rng.random(count, numpy.float32) ** 4
    wanted = expected(positions, scores, distance)
    assert count < 1000 or len(wanted) < count
    for device in (emulated, shuffled):
        assert kept_by(device, positions, scores, distance, limit=count + 3) == wanted


@pytest.mark.parametrize("order", ["falling", "rising", "equal"])
def test_a_chain_of_spots_that_wait_for_each_other(emulated, shuffled, order):
    """As many rounds as there can be: each spot is decided by the one before it."""
    positions = numpy.column_stack([numpy.full(300, 11), 3 * numpy.arange(300)])
    scores = numpy.linspace(1, 0, 300, dtype=numpy.float32)
    scores = {"falling": scores, "rising": scores[::-1].copy(), "equal": numpy.full(300, 0.5, numpy.float32)}[order]
    wanted = expected(positions, scores, 4.0)
    assert wanted == list(range(order == "rising", 300, 2))
    for device in (emulated, shuffled):
        assert kept_by(device, positions, scores, 4.0) == wanted


def test_a_distance_is_kept_or_not_to_the_last_bit(emulated):
    pair, scores = numpy.array([[5, 5], [8, 9]]), numpy.array([0.5, 0.9], numpy.float32)
    assert kept_by(emulated, pair, scores, 5.0) == [0, 1]
    assert kept_by(emulated, pair, scores, float(numpy.nextafter(5.0, 6))) == [1]
    same = numpy.array([[5, 5], [5, 5], [5, 5]])
    scores = numpy.array([0.1, 0.2, 0.2], numpy.float32)
    assert kept_by(emulated, same, scores, 0.0) == expected(same, scores, 0.0) == [0, 1, 2]
    assert kept_by(emulated, same, scores, 0.1) == expected(same, scores, 0.1) == [1]
    assert kept_by(emulated, same, scores, 1e300) == [1]


def test_scores_that_are_no_numbers_come_last(emulated):
    """In the order of a stable sort: infinities, zeros of either sign alike, NaN."""
    rng = numpy.random.default_rng(4)
    positions = rng.integers(0, 30, (200, 2))
    values = numpy.array([numpy.nan, -numpy.nan, numpy.inf, -numpy.inf, 0.0, -0.0, 1.0], numpy.float32)
    scores = values[rng.integers(0, len(values), 200)]
    assert kept_by(emulated, positions, scores, 4.0) == expected(positions, scores, 4.0)


def test_what_does_not_fit_is_refused(emulated):
    places, scores = viewed(numpy.zeros((9, 2), numpy.int32)), viewed(numpy.zeros(9, numpy.float32))
    count, out = viewed(numpy.zeros(1, numpy.int32)), viewed(numpy.zeros(9, bool))
    short, wide = viewed(numpy.zeros((8, 2), numpy.int32)), viewed(numpy.zeros((9, 2), numpy.int64))
    message = r"suppress\(positions\): expected a packed int32 array of shape \(9, 2\), got int"
    with Call(emulated, 0, None) as call:
        for bad in (short, wide):
            with pytest.raises(ValueError, match=message):
                suppress(call, bad, scores, count, 4.0, out=out)
        with pytest.raises(ValueError, match=r"suppress\(scores\): expected a packed float32 array of shape \(9,\)"):
            suppress(call, places, out, count, 4.0, out=out)
        for distance in (-1.0, numpy.nan):
            with pytest.raises(ValueError, match=r"suppress\(distance\): expected 0 or more pixels, got -?[1n]"):
                suppress(call, places, scores, count, distance, out=out)


def test_every_kernel_of_these_has_run(emulated):
    """The last test of this file."""
    assert set(emulated.launches) >= OWN
