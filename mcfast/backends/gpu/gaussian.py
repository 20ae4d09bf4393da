"""Launch plan of the Gaussian blur: weights and what of them falls inside, computed here, and one kernel."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.launch import SHARED_BYTES, Call, ctype
from mcfast.backends.gpu.views import View, check_out, check_overlap, check_pixels, check_plane, check_range

__all__ = ["gaussian_blur"]

THREADS, ROWS, ALONG = 256, 16, 7  # as in csrc/blur/gaussian.cuh


def gaussian_blur(call: Call, image: View, sigma: float, *, out: View | None = None) -> Any:
    """See `mcfast.gaussian_blur`."""
    check_pixels("gaussian_blur", "image", image)
    check_plane("gaussian_blur", "image", image)
    check_range("gaussian_blur", "sigma", sigma, 0.1, 64, "0.1 to 64 pixels")
    rows, columns = image.shape
    target = call.empty((rows, columns), numpy.float32) if out is None else out
    check_out("gaussian_blur", target, (rows, columns), numpy.float32)
    check_overlap("gaussian_blur", target, image, same_allowed=False)
    weights = gaussian_weights(sigma)
    reach = len(weights) - 1
    segments, pitch = tile(reach)
    call.launch(
        "blur/gaussian.cuh",
        f"gaussian_blur<{ctype(image.dtype)}>",
        (-(-columns // (ALONG * segments)), -(-rows // ROWS)),
        (THREADS,),
        *(image, numpy.int64(image.row_stride), target, numpy.int64(target.row_stride)),
        *(numpy.int32(rows), numpy.int32(columns), call.constant(weights), numpy.int32(reach)),
        *(call.constant(inside_scale(sigma, length)) for length in (rows, columns)),
        *(numpy.int32(segments), numpy.int32(pitch)),
        shared_bytes=_bytes(segments, pitch),
    )
    return target.owner


def tile(reach: int) -> tuple[int, int]:
    """Segments of seven columns in a block, more of them for a longer reach, and floats from one row to the next."""
    for segments in (32, 16) if reach > 32 else (16,):
        width = ALONG * segments + 2 * reach
        pitch = width + (16 - width) % 32
        if _bytes(segments, pitch) <= SHARED_BYTES:
            break
    return segments, pitch


def _bytes(segments: int, pitch: int) -> int:
    return 4 * ROWS * (pitch + ALONG * segments)


@lru_cache(maxsize=64)
def gaussian_weights(sigma: float) -> NDArray[numpy.float32]:
    """Weights at distances 0, 1, ... ceil(4 sigma)."""
    reach = max(1, math.ceil(4 * sigma))
    return numpy.array([math.exp(-0.5 * (k / sigma) * (k / sigma)) for k in range(reach + 1)], numpy.float32)


@lru_cache(maxsize=64)
def inside_scale(sigma: float, length: int) -> NDArray[numpy.float32]:
    """1 / sum of the weights that fall inside, for each position of an axis; added up in the core's order."""
    weights = gaussian_weights(sigma)
    reach = len(weights) - 1

    def at(before: int, after: int) -> float:
        around = numpy.abs(numpy.arange(-before, after + 1))
        return float(1 / numpy.cumsum(weights[around], dtype=numpy.float64)[-1])

    scale = numpy.full(length, at(reach, reach))
    for i in (*range(min(reach, length)), *range(max(0, length - reach), length)):
        scale[i] = at(min(reach, i), min(reach, length - 1 - i))
    return scale.astype(numpy.float32)


assert max(_bytes(*tile(reach)) for reach in range(1, 257)) <= SHARED_BYTES
