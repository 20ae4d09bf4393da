"""Launch plans of the local noise and of z-scores: what candidates are ranked by, without leaving the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from mcfast.backends.gpu.candidates import MaximaList
from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.views import View, check_plane, refuse
from mcfast.backends.gpu.windows import Windows

__all__ = ["LocalNoise", "local_noise", "zscores"]

SCORE_THREADS = 256  # as in csrc/noise/noise.cuh
SOURCE = "noise/noise.cuh"


@dataclass(frozen=True, slots=True)
class LocalNoise:
    """Mean and standard deviation around every `step`-th pixel: packed float32, ceil(H / step) x ceil(W / step)."""

    mean: View
    deviation: View
    step: int


def local_noise(call: Call, values: View, inner: View, window: int, *, step: int = 2, clip: float = 3.0) -> LocalNoise:
    """Moments over a window of half side `window` pixels, of (H, W) float32 inside an (H, W) bool mask.

    Two passes: the second draws values beyond `clip` deviations in. In scratch memory of this call.
    """
    if values.dtype != numpy.float32 or inner.dtype != numpy.bool_:
        raise TypeError(f"local_noise(values): expected float32 and a bool mask, got {values.dtype} and {inner.dtype}")
    for name, view in (("values", values), ("inner", inner)):
        check_plane("local_noise", name, view)
    if inner.shape != values.shape:
        raise refuse("local_noise", "inner", f"the shape of the values, {values.shape}", f"{inner.shape}")
    shape = -(-values.shape[0] // step), -(-values.shape[1] // step)
    windows = Windows.over(shape, max(1, window // step), "local_noise")
    passes: list[tuple[View, View]] = []
    for _ in range(2):
        mean, deviation = call.scratch(shape, numpy.float32), call.scratch(shape, numpy.float32)
        before = passes[-1] if passes else (None, None)
        windows.launch(
            call,
            SOURCE,
            "local_moments",
            "",
            3,
            *(values, numpy.int64(values.row_stride), inner, numpy.int64(inner.row_stride), numpy.int32(step)),
            *(*before, numpy.float32(clip), mean, deviation),
        )
        passes.append((mean, deviation))
    return LocalNoise(*passes[-1], step)


def zscores(call: Call, found: MaximaList, noise: LocalNoise, *, floor: float, out: View | None = None) -> View:
    """(capacity,) float32: (value - mean) / max(deviation, floor) of the maxima; beyond their number, undefined."""
    capacity = found.values.shape[0]
    scores = call.empty((capacity,), numpy.float32) if out is None else out
    if scores.shape != (capacity,) or scores.dtype != numpy.float32 or not scores.is_packed:
        expected = f"a packed float32 array of {capacity}, as the maxima have room"
        raise refuse("zscores", "out", expected, f"{scores.dtype} of shape {scores.shape}")
    if capacity:
        call.launch(
            SOURCE,
            "zscores",
            (-(-capacity // SCORE_THREADS),),
            (SCORE_THREADS,),
            *(found.positions, found.values, found.count, numpy.int32(capacity), noise.mean, noise.deviation),
            *(numpy.int32(noise.mean.shape[1]), numpy.int32(noise.step), numpy.float32(floor), scores),
        )
    return scores
