"""4096 x 3328 pixels through a kernel of every noun, so that no extent is too small for a full-size image."""

import numpy
import pytest
from images import make

import mcfast

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
