"""scikit-image: where it has more than a call of SciPy's filter. One thread."""

from __future__ import annotations

import numpy
import skimage
from skimage import feature, morphology

from benchmarks.call import Agreement, Call
from benchmarks.inputs import Inputs

VERSION = skimage.__version__
MANY_THREADS = False


def use_threads(threads: int) -> None:
    """scikit-image's morphology knows one thread only."""


def _disk(d: int) -> tuple[object, str]:
    """The fastest footprint that is exactly the disk: a decomposition into small ones if one is exact."""
    whole = morphology.disk(d // 2)
    for decomposition in ("sequence", "crosses"):
        parts = morphology.disk(d // 2, decomposition=decomposition)
        if numpy.array_equal(morphology.footprint_from_sequence(parts), whole):
            return parts, f"disk decomposed by {decomposition!r}"
    return whole, "its decompositions of this disk are other sets, so the whole disk is used"


def erode_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    footprint, note = _disk(d)
    out = numpy.empty_like(inputs.image)
    return Call(lambda: morphology.erosion(inputs.image, footprint, out=out, mode="max"), note=note)


def tophat_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    footprint = morphology.footprint_rectangle((k, k), decomposition="separable")
    out = numpy.empty_like(inputs.image)
    return Call(lambda: morphology.white_tophat(inputs.image, footprint, out=out, mode="ignore"))


def tophat_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    footprint, note = _disk(d)
    out = numpy.empty_like(inputs.image)
    return Call(lambda: morphology.white_tophat(inputs.image, footprint, out=out, mode="ignore"), note=note)


def local_maxima(inputs: Inputs, threads: int, *, r: int, threshold: float) -> Call:
    image = inputs.response
    return Call(
        lambda: feature.peak_local_max(image, min_distance=r, threshold_abs=threshold, exclude_border=False),
        Agreement(0, 0, "the same positions; it sorts them by height"),
        answer=lambda found: found[numpy.lexsort((found[:, 1], found[:, 0]))],
    )
