"""Several networks as one: what they agree on is more often so than what one of them says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.classify import Network

__all__ = ["Committee"]

Field = NDArray[numpy.float32]
DOUBT = -4.6  # log-odds (a probability of 0.01) below which the first network's word is enough: 5 of 6 candidates
SURE = 1e-6  # probabilities closer than this to 0 and 1 count as this far from them


class Committee:
    """Networks that look at the same candidates; their log-odds are averaged, except where the first is sure enough.

    Parameters
    ----------
    networks
        At least one, the quickest first, each with an input of (any, scales, side, side). A smaller side is the middle
        of a larger one, fewer scales are the first of more.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = tuple(networks)
        shapes = [network.input_shape for network in self.networks]
        scales, side = (max(int(shape[axis] or 1) for shape in shapes) for axis in (1, 2))
        self.input_shape: tuple[int | None, ...] = (None, scales, side, side)

    def run(self, batch: Field) -> Field:
        """(N, scales, side, side) float32 -> (N, 1) float32 probabilities."""
        odds = self._odds(self.networks[0], batch)
        doubtful = numpy.flatnonzero(odds > DOUBT)
        if len(self.networks) > 1 and len(doubtful):
            seen = numpy.ascontiguousarray(batch[doubtful])
            others = sum(self._odds(network, seen) for network in self.networks[1:])
            odds[doubtful] = (odds[doubtful] + others) / len(self.networks)
        probabilities: Field = (1 / (1 + numpy.exp(-odds))).astype(numpy.float32)[:, None]
        return probabilities

    def _odds(self, network: Network, batch: Field) -> NDArray[numpy.float64]:
        p = numpy.clip(network.run(self._seen(batch, network)).ravel().astype(numpy.float64), SURE, 1 - SURE)
        odds: NDArray[numpy.float64] = numpy.log(p / (1 - p))
        return odds

    def _seen(self, batch: Field, network: Any) -> Field:
        _, scales, side, _ = network.input_shape
        begin = batch.shape[2] // 2 - side // 2
        inner = slice(begin, begin + side)
        return numpy.ascontiguousarray(batch[:, :scales, inner, inner])
