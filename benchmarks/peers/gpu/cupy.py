"""CuPy's filters, SciPy's `ndimage` on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cupy
import numpy
from cupyx.scipy import ndimage

import mcfast
from benchmarks.call import Agreement, Call

VERSION = cupy.__version__


def calls(host: numpy.ndarray) -> Iterator[tuple[str, Call]]:
    """(operation, call)."""
    image = cupy.asarray(host)
    out, mean = cupy.empty_like(image), cupy.empty(image.shape, numpy.float32)
    # What lies outside takes no part in a minimum.
    highest = float(numpy.inf if host.dtype.kind == "f" else numpy.iinfo(host.dtype).max)
    outside = {"mode": "constant", "cval": highest}

    def call(run: Callable[[], Any], into: Any = None, tolerance: float = 0.0, border: int = 0) -> Call:
        def answer(result: Any) -> numpy.ndarray:
            return cupy.asnumpy(result if into is None else into)

        return Call(run, Agreement(tolerance, border, "it reflects at the border" if border else ""), answer=answer)

    for k in (11, 101):
        smallest = lambda k=k: ndimage.minimum_filter(image, k, output=out, **outside)  # noqa: E731
        yield f"min_filter {k} x {k}", call(smallest, out)
    for radius in (5, 15):
        disk = cupy.asarray(mcfast.disk(radius).mask)
        eroded = lambda disk=disk: ndimage.grey_erosion(image, footprint=disk, output=out, **outside)  # noqa: E731
        yield f"erode disk {radius}", call(eroded, out)
    seven = cupy.asarray(mcfast.disk(7).mask)
    yield "white_tophat disk 7", call(lambda: ndimage.white_tophat(image, footprint=seven), border=14)
    yield "white_tophat 11 x 11", call(lambda: ndimage.white_tophat(image, size=(11, 11)), border=10)
    near = 1e-5 * float(host.max())
    yield "box_mean 22", call(lambda: ndimage.uniform_filter(image, 45, output=mean), mean, near, 22)
    yield "gaussian_blur 2", call(lambda: ndimage.gaussian_filter(image, 2.0, output=mean), mean, near, 8)
