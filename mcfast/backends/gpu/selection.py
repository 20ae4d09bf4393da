"""Launch plans of candidates: the strongest maxima sorted, their patches in a network's input, the verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from mcfast.backends.gpu.candidates import MaximaList
from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.noise import LocalNoise
from mcfast.backends.gpu.residual import DevicePart
from mcfast.backends.gpu.views import View, refuse

__all__ = ["Chosen", "candidate_patches", "committee", "strongest"]

CHOOSE_THREADS, RANK_THREADS, GATHER_THREADS = 1024, 256, 128  # as in csrc/selection and csrc/patches
SOURCE = "selection/selection.cuh"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Candidates, strongest first, in arrays of fixed length, of which the first `count` hold one.

    Attributes
    ----------
    places
        (limit, 2) int32 rows and columns in the part.
    strength, noise
        (limit,) float32, as in `mcfast.detect.Candidates`.
    count
        (1,) int32.
    """

    places: View
    strength: View
    noise: View
    count: View


def strongest(
    call: Call, found: MaximaList, scores: View, around: LocalNoise, *, threshold: float, limit: int, floor: float
) -> Chosen:
    """The `limit` maxima of the highest scores above the threshold; `around` is the noise in their patches' units."""
    capacity = scores.shape[0]
    chosen, count = call.scratch((limit,), numpy.int32), call.scratch((1,), numpy.int32)
    call.launch(
        *(SOURCE, "choose_strongest", (1,), (CHOOSE_THREADS,)),
        *(scores, found.count, numpy.int32(capacity), numpy.float32(threshold), numpy.int32(limit), chosen, count),
    )
    places = call.scratch((limit, 2), numpy.int32)
    strength, noise = call.scratch((limit,), numpy.float32), call.scratch((limit,), numpy.float32)
    call.launch(
        *(SOURCE, "sort_chosen", (-(-limit // RANK_THREADS),), (RANK_THREADS,)),
        *(chosen, count, scores, found.positions, around.deviation, numpy.int32(around.deviation.shape[1])),
        *(numpy.int32(around.step), numpy.float32(floor), places, strength, noise),
    )
    return Chosen(places, strength, noise, count)


def candidate_patches(
    call: Call, part: DevicePart, chosen: Chosen, span: tuple[float, float], out: View, *, first: int = 0
) -> None:
    """As `mcfast.detect.classify.candidate_patches`, of the candidates from `first` on, straight into `out`.

    `out` is a packed (n, scales, side, side) float32: a network's input. Patches past the count are 0.
    """
    if len(out.shape) != 4 or out.dtype != numpy.float32 or not out.is_packed or out.shape[2] != out.shape[3]:
        expected = "a contiguous (n, scales, side, side) float32 array"
        raise refuse("candidate_patches", "out", expected, f"{out.dtype} of shape {out.shape}")
    n, scales, side, _ = out.shape
    lists = part.values, part.box, numpy.int32(part.values.shape[1]), chosen.places, chosen.noise, chosen.count
    numbers = numpy.int32(first), numpy.int32(scales), numpy.int32(side), *(numpy.float32(end) for end in span)
    source = "patches/patches.cuh"
    call.launch(source, "candidate_patches", (n,), (GATHER_THREADS,), *lists, *numbers, out)


def committee(call: Call, said: View, chosen: Chosen, *, doubt: float, sure: float) -> View:
    """As `mcfast.detect.Committee`: (limit,) float32 of (networks, limit); past the count, undefined."""
    networks, limit = said.shape
    scores = call.scratch((limit,), numpy.float32)
    call.launch(
        *(SOURCE, "committee", (-(-limit // RANK_THREADS),), (RANK_THREADS,)),
        *(said, numpy.int32(networks), numpy.int64(limit), chosen.count),
        *(numpy.float64(doubt), numpy.float64(sure), scores),
    )
    return scores
