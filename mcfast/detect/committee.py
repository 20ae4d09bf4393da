"""Several networks as one: what they agree on is more often so than what one of them says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.classify import Network

__all__ = ["Committee"]

Field = NDArray[numpy.float32]
SURE = 1e-6  # probabilities closer than this to 0 and 1 count as this far from them


class Committee:
    """Networks that look at the same candidates; their log-odds are averaged.

    Parameters
    ----------
    networks
        At least one, each with an input of (any, scales, side, side). A smaller side is the middle of a larger one,
        fewer scales are the first of more.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = tuple(networks)
        shapes = [network.input_shape for network in self.networks]
        scales, side = (max(int(shape[axis] or 1) for shape in shapes) for axis in (1, 2))
        self.input_shape: tuple[int | None, ...] = (None, scales, side, side)

    def run(self, batch: Field) -> Field:
        """(N, scales, side, side) float32 -> (N, 1) float32 probabilities."""
        odds = numpy.zeros(len(batch), numpy.float64)
        for network in self.networks:
            p = numpy.clip(network.run(self._seen(batch, network)).ravel().astype(numpy.float64), SURE, 1 - SURE)
            odds += numpy.log(p / (1 - p))
        probabilities: Field = (1 / (1 + numpy.exp(-odds / len(self.networks)))).astype(numpy.float32)[:, None]
        return probabilities

    def _seen(self, batch: Field, network: Any) -> Field:
        _, scales, side, _ = network.input_shape
        begin = batch.shape[2] // 2 - side // 2
        inner = slice(begin, begin + side)
        return numpy.ascontiguousarray(batch[:, :scales, inner, inner])
