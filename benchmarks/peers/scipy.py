"""SciPy's ndimage: one thread, any dtype, and any border."""

from __future__ import annotations

import math

import numpy
import scipy
from scipy import ndimage

from benchmarks.call import Agreement, Call
from benchmarks.inputs import Inputs

VERSION = scipy.__version__
MANY_THREADS = False
# Outside pixels must not take part: +inf for a minimum; white and black for uint16.
HIGHEST = numpy.iinfo(numpy.uint16).max


def use_threads(threads: int) -> None:
    """SciPy's filters know one thread only."""


def _disk(d: int) -> numpy.ndarray:
    offset = numpy.arange(d) - d // 2
    return offset[:, None] ** 2 + offset**2 <= (d // 2) ** 2


def erode_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    out = numpy.empty_like(inputs.image)
    return Call(lambda: ndimage.minimum_filter(inputs.image, k, output=out, mode="constant", cval=HIGHEST))


def erode_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    out, footprint = numpy.empty_like(inputs.image), _disk(d)
    return Call(
        lambda: ndimage.grey_erosion(inputs.image, footprint=footprint, output=out, mode="constant", cval=HIGHEST)
    )


def tophat_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    out = numpy.empty_like(inputs.image)
    rule = Agreement(0, 2 * (k // 2), "it reflects at the border")
    return Call(lambda: ndimage.white_tophat(inputs.image, size=(k, k), output=out), rule)


def tophat_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    out, footprint = numpy.empty_like(inputs.image), _disk(d)
    rule = Agreement(0, 2 * (d // 2), "it reflects at the border")
    return Call(lambda: ndimage.white_tophat(inputs.image, footprint=footprint, output=out), rule)


def box_mean(inputs: Inputs, threads: int, *, r: int) -> Call:
    out = numpy.empty_like(inputs.real)
    rule = Agreement(1e-2, r, "it reflects at the border")
    return Call(lambda: ndimage.uniform_filter(inputs.image, 2 * r + 1, output=out), rule)


def gaussian(inputs: Inputs, threads: int, *, sigma: float) -> Call:
    out, radius = numpy.empty_like(inputs.real), math.ceil(4 * sigma)
    rule = Agreement(0.01, radius, "it reflects at the border")
    return Call(lambda: ndimage.gaussian_filter(inputs.image, sigma, output=out, radius=radius), rule)


def local_maxima(inputs: Inputs, threads: int, *, r: int, threshold: float) -> Call:
    image, highest = inputs.response, numpy.empty_like(inputs.response)

    def run() -> numpy.ndarray:
        ndimage.maximum_filter(image, 2 * r + 1, output=highest, mode="constant", cval=-numpy.inf)
        return numpy.argwhere((image == highest) & (image > threshold))

    rule = Agreement(why="of a tie it reports every pixel, of which all but the first are dropped")
    return Call(run, rule, answer=lambda found: inputs.first_of_equals(found, r))
