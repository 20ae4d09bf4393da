"""Launch plan of non-maximum suppression: one kernel, whatever the number of spots and how they lie."""

from __future__ import annotations

import math

import numpy

from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.views import View, check_range, refuse

__all__ = ["suppress"]

THREADS = 1024  # as in csrc/suppression/suppression.cuh
FARTHEST = 1 << 30  # pixels: farther than any two spots of an image are apart


def suppress(call: Call, positions: View, scores: View, count: View, distance: float, *, out: View) -> None:
    """Which spots `mcfast.detect.suppression.suppress` leaves, without waiting for the device.

    Parameters
    ----------
    call
        On whose stream.
    positions, scores
        (limit, 2) int32 rows and columns, not negative; (limit,) float32.
    count
        (1,) int32: how many of them there are, which only the device knows.
    distance
        In pixels; of two spots closer than this, only the better one stays.
    out
        (limit,) bool: true for those that stay; past the count, undefined.

    Raises
    ------
    ValueError
        If the arrays are not these, or the distance is not a number from 0 on.
    """
    limit = out.shape[0] if out.shape else 0
    wanted = {
        "positions": (positions, (limit, 2), numpy.int32),
        "scores": (scores, (limit,), numpy.float32),
        "count": (count, (1,), numpy.int32),
        "out": (out, (limit,), numpy.bool_),
    }
    for name, (view, shape, dtype) in wanted.items():
        if view.shape != shape or view.dtype != dtype or not view.is_packed:
            expected = f"a packed {numpy.dtype(dtype).name} array of shape {shape}"
            raise refuse("suppress", name, expected, f"{view.dtype} of shape {view.shape}")
    check_range("suppress", "distance", distance, 0, math.inf, "0 or more pixels")
    # The very number that the specification compares with: squares of distances between pixels are whole.
    reach = min(float(numpy.nextafter(float(distance), -1)), float(FARTHEST))
    nearest = math.floor(reach * reach) if reach > 0 else -1
    side = math.floor(max(reach, 0)) + 1
    members = call.scratch((limit,), numpy.int32)
    call.launch(
        *("suppression/suppression.cuh", "suppress", (1,), (THREADS,)),
        *(positions, scores, count, numpy.int32(side), numpy.int64(nearest), members, out),
    )
