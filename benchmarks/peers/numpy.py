"""NumPy alone, where one call of it does the work."""

from __future__ import annotations

import numpy

from benchmarks.call import Agreement, Call
from benchmarks.inputs import Inputs
from benchmarks.ours import MEAN, STD

VERSION = numpy.__version__
MANY_THREADS = False


def use_threads(threads: int) -> None:
    """NumPy's indexing knows one thread only."""


def gather_patches(inputs: Inputs, threads: int, *, size: int) -> Call:
    """A zero-copy view of all windows, indexed by the patches' corners, then normalised in place."""
    windows = numpy.lib.stride_tricks.sliding_window_view(inputs.image, (size, size))
    rows, columns = (inputs.centres - size // 2).T
    out = numpy.empty((len(rows), 1, size, size), numpy.float32)

    def run() -> numpy.ndarray:
        numpy.subtract(windows[rows, columns][:, None], MEAN, out=out)
        return numpy.divide(out, STD, out=out)

    return Call(run, Agreement(1e-5, 0, "order of the arithmetic"), "the indexed patches are allocated inside")


def lookup(inputs: Inputs, threads: int) -> Call:
    out = numpy.empty_like(inputs.image)
    return Call(lambda: numpy.take(inputs.table, inputs.image, out=out, mode="clip"))
