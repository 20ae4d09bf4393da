"""cuCIM's morphology, the scikit-image of CuPy."""

from __future__ import annotations

from collections.abc import Iterator

import cucim
import cupy
import numpy
from cucim.skimage import morphology

import mcfast
from benchmarks.call import Agreement, Call

VERSION = cucim.__version__


def calls(host: numpy.ndarray) -> Iterator[tuple[str, Call]]:
    """(operation, call)."""
    image, disk = cupy.asarray(host), cupy.asarray(mcfast.disk(7).mask)
    rule = Agreement(0, 14, "it may reflect at the border")
    yield "white_tophat disk 7", Call(lambda: morphology.white_tophat(image, disk), rule, answer=cupy.asnumpy)
