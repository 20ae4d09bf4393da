"""OpenCV: its fastest call for each case. It takes uint16 nearly everywhere; where not, the note says so."""

from __future__ import annotations

import math

import cv2
import numpy

from benchmarks.call import Agreement, Call
from benchmarks.inputs import WHITE, Inputs
from benchmarks.ours import DEHAZE

VERSION = cv2.__version__
MANY_THREADS = True
TIES = Agreement(why="of a tie it reports every pixel, of which all but the first are dropped")
FLOAT_INPUT = "float32 input, converted outside the clock"


def use_threads(threads: int) -> None:
    cv2.setNumThreads(threads)


def _disk(d: int) -> numpy.ndarray:
    """{x^2 + y^2 <= r^2}; MORPH_ELLIPSE rounds its chords and is another set."""
    offset = numpy.arange(d) - d // 2
    return (offset[:, None] ** 2 + offset**2 <= (d // 2) ** 2).astype(numpy.uint8)


def erode_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    out, element = numpy.empty_like(inputs.image), cv2.getStructuringElement(cv2.MORPH_RECT, (k, k))
    return Call(lambda: cv2.erode(inputs.image, element, dst=out))


def erode_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    out, element = numpy.empty_like(inputs.image), _disk(d)
    return Call(lambda: cv2.erode(inputs.image, element, dst=out))


def tophat_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    out, element = numpy.empty_like(inputs.image), cv2.getStructuringElement(cv2.MORPH_RECT, (k, k))
    return Call(lambda: cv2.morphologyEx(inputs.image, cv2.MORPH_TOPHAT, element, dst=out))


def tophat_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    out, element = numpy.empty_like(inputs.image), _disk(d)
    return Call(lambda: cv2.morphologyEx(inputs.image, cv2.MORPH_TOPHAT, element, dst=out))


def guided_filter(inputs: Inputs, threads: int, *, r: int, eps: float) -> Call:
    real, out = inputs.real, numpy.empty_like(inputs.real)
    rule = Agreement(0.5, 2 * r, "it reflects at the border; its float32 variance cancels")
    return Call(lambda: cv2.ximgproc.guidedFilter(real, real, r, eps, dst=out), rule, FLOAT_INPUT)


def dehaze(inputs: Inputs, threads: int) -> Call:
    """Composed: erode, convert, guidedFilter with the uint16 guide, transmission and recovery in float32."""
    image, size, radius = inputs.image, DEHAZE["size"], DEHAZE["radius"]
    element = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
    dark, out = numpy.empty_like(image), numpy.empty_like(image)
    source, smooth, haze = (numpy.empty(image.shape, numpy.float32) for _ in range(3))

    def run() -> numpy.ndarray:
        cv2.erode(image, element, dst=dark)
        numpy.copyto(source, dark)
        cv2.ximgproc.guidedFilter(image, source, radius, DEHAZE["eps"] * WHITE**2, dst=smooth)
        cv2.addWeighted(smooth, -DEHAZE["omega"] / WHITE, smooth, 0, 1, dst=smooth)
        cv2.max(smooth, DEHAZE["t_min"], dst=smooth)
        cv2.subtract(image, (WHITE,), dst=haze, dtype=cv2.CV_32F)
        cv2.divide(haze, smooth, dst=haze)
        return cv2.add(haze, (WHITE,), dst=out, dtype=cv2.CV_16U)

    rule = Agreement(2, 2 * radius + size, "guidedFilter reflects at the border and works in float32")
    return Call(run, rule, "conversions to float32 and back are part of the work")


def box_mean(inputs: Inputs, threads: int, *, r: int) -> Call:
    out, size = numpy.empty_like(inputs.real), (2 * r + 1, 2 * r + 1)
    rule = Agreement(1e-3, r, "it reflects at the border")
    return Call(lambda: cv2.boxFilter(inputs.image, cv2.CV_32F, size, dst=out), rule)


def gaussian(inputs: Inputs, threads: int, *, sigma: float) -> Call:
    real, out, side = inputs.real, numpy.empty_like(inputs.real), 2 * math.ceil(4 * sigma) + 1
    rule = Agreement(0.01, side // 2, "it reflects at the border")
    return Call(lambda: cv2.GaussianBlur(real, (side, side), sigma, dst=out), rule, FLOAT_INPUT)


def resample(inputs: Inputs, threads: int, *, scale: float) -> Call:
    out = cv2.resize(inputs.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Call(
        lambda: cv2.resize(inputs.image, None, dst=out, fx=scale, fy=scale, interpolation=cv2.INTER_AREA),
        Agreement(1, 0, "rounding of halves"),
    )


def local_maxima(inputs: Inputs, threads: int, *, r: int, threshold: float) -> Call:
    image, highest = inputs.response, numpy.empty_like(inputs.response)
    element = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * r + 1, 2 * r + 1))
    just_above = float(numpy.nextafter(numpy.float32(threshold), numpy.float32(numpy.inf)))

    def run() -> numpy.ndarray:
        cv2.dilate(image, element, dst=highest)
        cv2.max(highest, just_above, dst=highest)
        return cv2.findNonZero(cv2.compare(image, highest, cv2.CMP_GE))

    def answer(found: numpy.ndarray | None) -> numpy.ndarray:
        # (x, y) in raster order, in one more dimension in some versions; None where there is no maximum
        positions = numpy.empty((0, 2), int) if found is None else found.reshape(-1, 2)[:, ::-1]
        return inputs.first_of_equals(positions, r)

    return Call(run, TIES, answer=answer)


def lookup(inputs: Inputs, threads: int) -> Call:
    out = numpy.empty_like(inputs.image)
    return Call(lambda: cv2.LUT(inputs.image, inputs.table, dst=out))
