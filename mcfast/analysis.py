"""What is found in one image, by whichever device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy
from numpy.typing import NDArray

from mcfast.clock import Clock
from mcfast.mammogram import Mammogram
from mcfast.result import Calcification, Cluster, Magnified

__all__ = ["Analysis", "Pipeline"]


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The part of a `Result` that is computed; attributes as there."""

    score: float
    calcifications: tuple[Calcification, ...]
    clusters: tuple[Cluster, ...]
    image: NDArray[numpy.uint16]
    enhanced: NDArray[numpy.uint16]
    mask: NDArray[numpy.bool_]
    magnified: tuple[Magnified, ...]


class Pipeline(Protocol):
    """The stages from window to magnify on one device. Safe to call from several threads."""

    @property
    def device(self) -> str:
        """As in `EngineRecord.device`."""

    @property
    def runtime(self) -> str:
        """Name and version of the runtimes of the networks that score candidates."""

    @property
    def models(self) -> Mapping[str, str]:
        """SHA-256 of every network's file."""

    def begin(self, mammogram: Mammogram, clock: Clock) -> Any:
        """Do what can be done without waiting for another device; `finish` or `abandon` must follow."""

    def finish(self, begun: Any) -> Analysis:
        """Wait for what was begun. To be called in the order of `begin`, or from another thread."""

    def abandon(self, begun: Any) -> None:
        """What was begun is not wanted any more."""
