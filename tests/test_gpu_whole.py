"""4096 x 3328 pixels through a kernel of every noun, so that no extent is too small for a full-size image."""

import pathlib
import sys
from dataclasses import replace
from importlib import import_module

import numpy
import pytest
from images import make

import mcfast
from mcfast.backends.gpu import candidates, magnify, noise, residual, selection, spots, tone
from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.views import view_of
from mcfast.canonical import mask_in_input

sys.path.append(str(pathlib.Path(__file__).parents[1]))  # at its end: this finds the benchmarks only

from benchmarks.gpu_images import dark_breast

propose = import_module("mcfast.detect.propose")  # the module: the package has a function of its name

CENTRES = numpy.array([[0, 0], [4095, 3327], [2048, 7]], numpy.int32)
TABLE = numpy.arange(4095, -1, -1, dtype=numpy.uint16)
CALLS = {
    "resample": (lambda a: mcfast.resample(a, 0.7), ((0.7, 0.7),), {}),
    "lookup": (lambda a: mcfast.lookup(a, TABLE), (), {"table": TABLE}),
    "sliding_windows": (
        lambda a: mcfast.sliding_windows(a, 224, (224, 220), cover=True),
        ((224, 224), (224, 220)),
        {},
    ),
    "gather_patches": (lambda a: mcfast.gather_patches(a, CENTRES, 12), (12,), {"centres": CENTRES}),
    "local_maxima": (lambda a: mcfast.local_maxima(a, 1, threshold=4000.0), (1,), {"threshold": 4000.0}),
    "gaussian_blur": (lambda a: mcfast.gaussian_blur(a, 0.7), (0.7,), {}),
    "white_tophat": (lambda a: mcfast.white_tophat(a, mcfast.rectangle(3, 3)), (mcfast.rectangle(3, 3),), {}),
    "erode": (lambda a: mcfast.erode(a, mcfast.disk(1)), (mcfast.disk(1),), {}),
}


@pytest.fixture(scope="module")
def image():
    return make(numpy.uint16, 4096, 3328, 1)


@pytest.mark.parametrize("operation", CALLS)
def test_bits(emulated, image, operation):
    on_host, arguments, options = CALLS[operation]
    result, expected = emulated.run(operation, image, *arguments, **options), on_host(image)
    several = isinstance(expected, tuple)
    for own, other in zip(result if several else (result,), expected if several else (expected,), strict=True):
        numpy.testing.assert_array_equal(own, other)


def test_stitch(emulated, image):
    windows = mcfast.sliding_windows(image, 224, (224, 220), cover=True)
    numpy.testing.assert_array_equal(emulated.run("stitch", windows, image.shape, (224, 220)), image)


def test_dehaze(emulated, image):
    """The longest chain, in which the sums of the guided filter are."""
    options = {"size": (11, 11), "radius": 22, "omega": 0.9, "eps": 1e-3, "t_min": 0.1, "max_value": 4095.0}
    result = emulated.run("dehaze", image, **options).astype(numpy.int32)
    difference = numpy.abs(result - mcfast.dehaze(image, **options))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4


def test_what_a_detector_looks_at(emulated, monkeypatch):
    """Tone, residual, spots of one scale, noise, the strongest maxima of the largest frame at 0.1 mm."""
    monkeypatch.setattr(propose, "SIGMAS", propose.SIGMAS[:2])
    dark, inside = dark_breast(2867, 2330), numpy.zeros((2867, 2330), bool)
    inside[200:-250, :1900] = True
    options = {"max_value": 4095.0, "skin_px": 6, "border_px": 3, "window_px": 12}
    expected = propose.propose(dark, inside, threshold=1.5, limit=3500, max_value=4095.0)
    assert expected.tone.exponent < 1
    image, mask = (view_of(array.__array_interface__, array) for array in (dark, inside))
    with Call(emulated, 0, None) as call:
        even = tone.find_tone(call, image, mask, max_value=4095.0)
        assert call.read(even.curve).tolist() == [expected.tone.bright, expected.tone.exponent]
        part = residual.flatten(call, image, mask, tone=even, **options)
        response = spots.spot_response(call, part, propose.SIGMAS, floor=propose.FLOOR / 4)
        within = replace(part.inside, dtype=numpy.dtype(bool))
        found = candidates.find_maxima(call, response, 2, threshold=0.0, mask=within)
        scores = noise.zscores(call, found, noise.local_noise(call, response, within, 30), floor=propose.FLAT)
        around = noise.local_noise(call, part.values, within, 30)
        limits = {"threshold": 1.5, "limit": 3500, "floor": propose.FLOOR}
        chosen = selection.strongest(call, found, scores, around, **limits)
        count = int(call.read(chosen.count)[0])
        places = call.read(chosen.places)[:count] + call.read(part.box)[:2]
        strength = call.read(chosen.strength)[:count]
    assert count == len(expected) > 1000
    numpy.testing.assert_allclose(strength, expected.response, rtol=1e-3)
    shared = set(map(tuple, places.tolist())) & set(map(tuple, expected.positions.tolist()))
    assert len(shared) > 0.999 * count, "but for those that are equally strong"


def test_magnified_frames(emulated, image):
    phases = make(numpy.float32, 4 * 2048, 1664, 2).reshape(1, 4, 2048, 1664)
    large = phases.reshape(2, 2, 2048, 1664).transpose(2, 0, 3, 1).reshape(4096, 3328)
    inside = make(numpy.uint8, 2867, 2330, 3) > 100
    with Call(emulated, 0, None) as call:
        source, net, mask = (view_of(array.__array_interface__, array) for array in (image, phases, inside))
        unit, full = call.scratch(image.shape, numpy.float32), call.scratch(image.shape, bool)
        magnify.scaled(call, source, 4095.0, unit)
        numpy.testing.assert_array_equal(call.read(unit), image * numpy.float32(1 / 4095))
        magnify.mask_in_input(call, mask, (0.7, 0.7), full)
        numpy.testing.assert_array_equal(call.read(full), mask_in_input(inside, image.shape, (0.7, 0.7)))
        out = call.scratch(image.shape, numpy.uint16)
        magnify.magnified(call, net, 4095.0, out)
        expected = numpy.rint(numpy.clip(large * numpy.float32(4095), 0, 4095)).astype(numpy.uint16)
        numpy.testing.assert_array_equal(call.read(out), expected)
