"""The tone on the emulated GPU: the CPU's curve, its table, and the residual in it."""

import numpy
import pytest

from mcfast.backends.gpu import residual, tone
from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.views import view_of
from mcfast.detect.residual import flatten
from mcfast.detect.tone import STEEPEST, Tone, tone_of

WHITE = 65535.0
OWN = {"clear_counts", "count_values", "find_tone", "tone_table"}


def viewed(array):
    return view_of(array.__array_interface__, array)


def found_by(emulated, image, mask, white=WHITE):
    """(curve, table) of the device."""
    with Call(emulated, 0, None) as call:
        found = tone.find_tone(call, viewed(image), viewed(mask), max_value=white)
        return Tone(*call.read(found.curve).tolist()), call.read(found.table)


def same(emulated, image, mask, white=WHITE):
    """The device's curve and table, after they were found equal to the host's."""
    curve, table = found_by(emulated, image, mask, white)
    expected = tone_of(image, mask, white)
    assert curve == expected
    values = numpy.arange(65536, dtype=numpy.float32) * (numpy.float32(1) / numpy.float32(white))
    # NumPy's powers of float32 are within a few units in the last place; the device's are rounded once.
    numpy.testing.assert_allclose(table, expected(values), rtol=0 if expected == Tone() else 6e-7, atol=0)
    return curve


@pytest.mark.parametrize("shape", [(1, 1), (4, 9), (33, 129), (301, 203), (5, 2000)])
@pytest.mark.parametrize("kind", ["dark", "ordinary", "few values"])
def test_curves(emulated, shape, kind):
    rng = numpy.random.default_rng(sum(shape))
    values = rng.beta(1, 12, shape) if kind == "dark" else rng.normal(0.5, 0.1, shape).clip(0, 1)
    if kind == "few values":
        values = rng.integers(0, 4, shape) ** 3 / 27
    image = (60000 * values).astype(numpy.uint16)
    for share in (1.0, 0.3):
        curve = same(emulated, image, rng.random(shape) <= share)
    if kind == "dark" and min(shape) > 30:
        assert STEEPEST < curve.exponent < 1
    if kind == "ordinary":
        assert curve == Tone()


def test_degenerate_images(emulated):
    image = numpy.random.default_rng(1).normal(2000, 200, (200, 100)).clip(0, 4095).astype(numpy.uint16)
    full = numpy.ones(image.shape, bool)
    dark, steep = numpy.zeros_like(image), numpy.ones_like(image)
    dark[:4], steep[::8, :60] = 4000, 4000
    for one, mask in ((image, full), (image, ~full), (dark, full), (steep, full), (full * numpy.uint16(65535), full)):
        same(emulated, one, mask, 4095.0)
    assert same(emulated, steep, full, 4095.0).exponent == STEEPEST


@pytest.mark.parametrize("dark", [True, False])
def test_the_residual_is_that_of_the_lifted_image(emulated, dark):
    rng = numpy.random.default_rng(2)
    image = (60000 * (rng.beta(2, 20, (150, 131)) if dark else rng.normal(0.5, 0.1, (150, 131)))).astype(numpy.uint16)
    mask = numpy.zeros(image.shape, bool)
    mask[9:140, :120] = True
    lengths = {"max_value": WHITE, "skin_px": 6, "border_px": 3, "window_px": 12}
    expected = flatten(image, mask, tone=tone_of(image, mask, WHITE), **lengths)
    assert (expected.tone.exponent < 1) == dark
    with Call(emulated, 0, None) as call:
        even = tone.find_tone(call, viewed(image), viewed(mask), max_value=WHITE)
        part = residual.flatten(call, viewed(image), viewed(mask), tone=even, **lengths)
        rows, columns = expected.values.shape
        assert call.read(part.box).tolist() == [*expected.origin, rows, columns]
        numpy.testing.assert_allclose(call.read(part.values)[:rows, :columns], expected.values, rtol=0, atol=1e-6)


def test_what_does_not_fit_is_refused(emulated):
    image, mask = numpy.zeros((9, 9), numpy.uint16), numpy.zeros((9, 9), bool)
    with Call(emulated, 0, None) as call:
        with pytest.raises(TypeError, match=r"find_tone\(image\): expected uint16 and a bool mask, got uint8 and bool"):
            tone.find_tone(call, viewed(image.astype(numpy.uint8)), viewed(mask), max_value=1.0)
        with pytest.raises(ValueError, match=r"find_tone\(mask\): expected contiguous, of shape \(9, 9\)"):
            tone.find_tone(call, viewed(image), viewed(mask[:8]), max_value=1.0)


def test_every_kernel_of_these_has_run(emulated):
    """The last test of this file."""
    assert set(emulated.kernels()) & set(emulated.launches) >= OWN
