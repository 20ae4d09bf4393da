"""Probabilities: a network looks at the patch around every candidate."""

from __future__ import annotations

from typing import Protocol

import numpy
from numpy.typing import NDArray

from mcfast.detect.propose import Candidates
from mcfast.ops import gather_patches, resample

__all__ = ["PATCH", "Network", "candidate_patches", "classify"]

Field = NDArray[numpy.float32]

PATCH, SCALES = 24, 2  # the most that a network looks at: 2.4 mm around a candidate at 0.1 mm, 4.8 mm at 0.2 mm
RANGE = (-8.0, 24.0)  # local noise deviations; metal and labels are far beyond
BATCH = 128  # patches whose activations stay in the cache


class Network(Protocol):
    """What `classify` needs of a network: see `mcfast.runtimes`."""

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """(any, scales, side, side)."""

    def run(self, batch: Field) -> Field:
        """(N, scales, side, side) float32 -> (N, 1) or (N,) float32 probabilities."""


def classify(candidates: Candidates, network: Network, *, threads: int | None = None) -> Field:
    """Probability that a candidate is a calcification.

    Parameters
    ----------
    candidates
        Of `propose`.
    network
        A loaded network; its output is calibrated on phantoms. What it looks at follows from its `input_shape`:
        (any, scales, side, side).
    threads
        For gathering the patches; the network has its own.

    Returns
    -------
    (N,) float32, 0 .. 1. O(N).
    """
    scores = numpy.empty(len(candidates), numpy.float32)
    _, scales, side, _ = network.input_shape
    patches = candidate_patches(candidates, side=side or PATCH, scales=scales or SCALES, threads=threads)
    for begin in range(0, len(scores), BATCH):
        batch = patches[begin : begin + BATCH]
        scores[begin : begin + BATCH] = network.run(batch).reshape(len(batch))
    return scores


def candidate_patches(
    candidates: Candidates, *, side: int = PATCH, scales: int = SCALES, threads: int | None = None
) -> Field:
    """The network's input: the flattened image around each candidate in units of the noise there.

    (N, scales, side, side) float32: pixels of 0.1 mm, then means of 2 x 2 of them, 4 x 4, and so on. A candidate lies
    at pixel (side // 2, side // 2) of each.
    """
    patches = numpy.empty((len(candidates), scales, side, side), numpy.float32)
    if candidates.residual is None or len(candidates) == 0:
        return patches
    centres = candidates.positions - numpy.array(candidates.residual.origin, numpy.int32)
    values = candidates.residual.values
    for scale in range(scales):
        if scale:
            values, centres = resample(values, 0.5, threads=threads), centres // 2
        patches[:, scale : scale + 1] = gather_patches(
            values, numpy.ascontiguousarray(centres), side, std=candidates.noise, threads=threads
        )
    return numpy.clip(patches, *RANGE, out=patches)
