"""Launch plan of the breast mask's last step, which touches every pixel."""

from __future__ import annotations

from typing import Any

import numpy

from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.resample import axis_weights
from mcfast.backends.gpu.views import View, check_plane, refuse

__all__ = ["enlarge_mask"]

THREADS, ROWS = 64, 4  # as in csrc/mask/mask.cuh


def enlarge_mask(call: Call, soft: View, factor: int, shape: tuple[int, int]) -> Any:
    """(H, W) bool: the coarse mask `soft` (float32, 0 .. 1), enlarged by a whole `factor`, above one half."""
    if soft.dtype != numpy.float32:
        raise TypeError(f"enlarge_mask(soft): expected float32, got {soft.dtype}")
    check_plane("enlarge_mask", "soft", soft)
    if factor < 1:
        raise refuse("enlarge_mask", "factor", "at least 1", f"{factor}")
    whole = soft.shape[0] * factor, soft.shape[1] * factor
    axes = [
        call.constant(array)
        for length, new_length in zip(soft.shape, whole, strict=True)
        for array in axis_weights(length, new_length, float(factor))
    ]
    out = call.empty(shape, numpy.bool_)
    call.launch(
        "mask/mask.cuh",
        "enlarge_mask",
        (-(-shape[1] // THREADS), -(-shape[0] // ROWS)),
        (THREADS, ROWS),
        *(soft, numpy.int64(soft.row_stride), out, numpy.int64(out.row_stride)),
        *(numpy.int32(n) for n in (*shape, *whole)),
        *axes,
    )
    return out.owner
