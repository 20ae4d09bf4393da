"""What a caller may decide about the detector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from mcfast.errors import ConfigError

__all__ = ["DetectorConfig", "is_number"]

_SHARES = ("min_score", "cluster_score", "context", "clutter")
_LENGTHS = ("apart_mm", "link_mm")


def is_number(value: Any) -> bool:
    """Whether a value is a real number, NumPy's included, and no bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """How calcifications are found. Lengths are in millimetres.

    Attributes
    ----------
    threshold
        Lowest response of a candidate, in standard deviations of the response around it.
    limit
        Most candidates that the network looks at.
    min_score
        Lowest probability of a calcification that is reported, 0 .. 1.
    cluster_score
        Lowest probability of a cluster's member, 0 .. 1: who has fainter ones reported wants no clusters of them.
    apart_mm
        Of two spots closer than this, only the better one stays; of those that do, when their centres have been
        measured, only the better one of two that are closer than this or than three quarters of its diameter.
    link_mm
        Calcifications at most this far apart belong to one cluster.
    min_members
        A cluster has at least so many.
    context
        Share of what the spots around a mark say that its score takes in, 0 .. 1; see `mcfast.detect.context`.
    clutter
        Share of an image's restlessness that its scores lose, 0 .. 1; see `mcfast.detect.clutter`.
    """

    threshold: float = 1.5
    limit: int = 3500
    min_score: float = 0.5
    cluster_score: float = 0.5
    apart_mm: float = 0.4
    link_mm: float = 5.0
    min_members: int = 3
    context: float = 0.75
    clutter: float = 1.0

    def __post_init__(self) -> None:
        for name in ("threshold", *_LENGTHS, *_SHARES):
            if not (is_number(getattr(self, name)) and math.isfinite(getattr(self, name))):
                raise ConfigError(f"DetectorConfig({name}): expected a finite number, got {getattr(self, name)!r}")
        for name in ("limit", "min_members"):
            if not isinstance(getattr(self, name), int):
                raise ConfigError(f"DetectorConfig({name}): expected a whole number, got {getattr(self, name)!r}")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"DetectorConfig({name}): expected 0 .. 1, got {getattr(self, name)}")
        if self.limit < 1 or self.min_members < 1:
            raise ConfigError(
                f"DetectorConfig(limit, min_members): expected at least 1 each, got {self.limit}, {self.min_members}"
            )
        if not (self.apart_mm >= 0 and self.link_mm > 0):
            raise ConfigError(
                f"DetectorConfig(apart_mm, link_mm): expected lengths above 0, got {self.apart_mm}, {self.link_mm}"
            )
