"""The tone: what a steep curve did is taken back, and images of an ordinary tone are left alone."""

import numpy
import pytest

from mcfast.detect import breast_mask, propose
from mcfast.detect.tone import MIDDLE, STEEPEST, Tone, tone_of
from mcfast.phantom import mammogram


@pytest.fixture(scope="module")
def phantom():
    return mammogram(43, shape=(801, 603), spacing_mm=0.1, clusters=2)


def test_none_by_default() -> None:
    values = numpy.array([0.0, 0.1, 0.7], numpy.float32)
    assert numpy.array_equal(Tone()(values.copy()), values)
    assert Tone().slope(values) == pytest.approx([1.0, 1.0, 1.0])


def test_median_is_lifted_to_its_place() -> None:
    rng = numpy.random.default_rng(0)
    image = (60000 * rng.beta(1, 12, (301, 203))).astype(numpy.uint16)
    mask = numpy.ones(image.shape, bool)
    tone = tone_of(image, mask, 65535.0)
    assert STEEPEST < tone.exponent < 1
    lifted = tone((image / 65535).astype(numpy.float32))
    # Of every fourth pixel, so not to the last digit.
    assert numpy.median(lifted) / numpy.percentile(lifted, 99) == pytest.approx(MIDDLE, rel=0.03)
    # The bright end keeps its value.
    assert numpy.percentile(lifted, 99) == pytest.approx(numpy.percentile(image, 99) / 65535, rel=0.03)


def test_ordinary_and_degenerate_images_are_left_alone() -> None:
    image = numpy.random.default_rng(1).normal(2000, 200, (200, 100)).clip(0, 4095).astype(numpy.uint16)
    full = numpy.ones(image.shape, bool)
    assert tone_of(image, full, 4095.0) == Tone()
    assert tone_of(image, ~full, 4095.0) == Tone()
    assert tone_of(numpy.zeros_like(image), full, 4095.0) == Tone()
    dark = numpy.zeros_like(image)
    dark[:4] = 4000  # the median itself is black
    assert tone_of(dark, full, 4095.0) == Tone()
    dark[:] = 1
    dark[::8, :60] = 4000
    assert tone_of(dark, full, 4095.0).exponent == STEEPEST


def test_slope_is_the_derivative() -> None:
    tone = Tone(0.8, 0.6)
    places = numpy.array([0.05, 0.2, 0.5, 0.8])
    step = 1e-3
    above, below = (tone((places + side).astype(numpy.float32)).astype(float) for side in (step, -step))
    assert tone.slope(places) == pytest.approx((above - below) / (2 * step), rel=0.01)
    assert numpy.isfinite(tone.slope(numpy.array([0.0]))).all()


def test_a_steep_curve_changes_no_candidate_that_matters(phantom) -> None:
    """The strongest candidates of an export with a steep curve are those of the image it was made from."""
    steep = numpy.rint(65535 * (phantom.image / 4095.0) ** 1.8).astype(numpy.uint16)
    mask = breast_mask(phantom.image, 0.1, max_value=4095)
    plain = propose(phantom.image, mask, threshold=2, limit=40, max_value=4095)

    def shared(even: bool) -> float:
        found = propose(steep, mask, threshold=2, limit=60, max_value=65535, even_tone=even)
        apart = plain.positions[:, None] - found.positions[None]
        return float((numpy.hypot(apart[..., 0], apart[..., 1]).min(axis=1) <= 2).mean())

    assert shared(True) > 0.9
    assert shared(True) > shared(False)
