"""Probabilities: a network looks at the patch around every candidate."""

from __future__ import annotations

from typing import Protocol

import numpy
from numpy.typing import NDArray

from mcfast.detect.propose import Candidates
from mcfast.ops import gather_patches

__all__ = ["PATCH", "Network", "candidate_patches", "classify"]

Field = NDArray[numpy.float32]

PATCH = 12  # pixels of 0.1 mm (Bria et al. 2018)
RANGE = (-8.0, 24.0)  # local noise deviations; metal and labels are far beyond
BATCH = 128  # patches whose activations stay in the cache


class Network(Protocol):
    """What `classify` needs of a network: see `mcfast.runtimes`."""

    def run(self, batch: Field) -> Field:
        """(N, 1, 12, 12) float32 -> (N, 1) or (N,) float32 probabilities."""


def classify(candidates: Candidates, network: Network, *, threads: int | None = None) -> Field:
    """Probability that a candidate is a calcification.

    Parameters
    ----------
    candidates
        Of `propose`.
    network
        A loaded network; its output is calibrated on phantoms.
    threads
        For gathering the patches; the network has its own.

    Returns
    -------
    (N,) float32, 0 .. 1. O(N).
    """
    scores = numpy.empty(len(candidates), numpy.float32)
    patches = candidate_patches(candidates, threads=threads)
    for begin in range(0, len(scores), BATCH):
        batch = patches[begin : begin + BATCH]
        scores[begin : begin + BATCH] = network.run(batch).reshape(len(batch))
    return scores


def candidate_patches(candidates: Candidates, *, threads: int | None = None) -> Field:
    """The network's input: flattened image in units of the noise around the candidate, (N, 1, 12, 12) float32."""
    if candidates.residual is None or len(candidates) == 0:
        return numpy.empty((0, 1, PATCH, PATCH), numpy.float32)
    centres = candidates.positions - numpy.array(candidates.residual.origin, numpy.int32)
    patches: Field = gather_patches(candidates.residual.values, centres, PATCH, std=candidates.noise, threads=threads)
    return numpy.clip(patches, *RANGE, out=patches)
