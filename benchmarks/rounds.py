"""The clock: interleaved rounds A B C A B C, so that what disturbs the machine disturbs everyone."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

__all__ = ["Pace", "fresh_bytes", "interleave", "seconds_of"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure.

    Attributes
    ----------
    rounds
        Most rounds of one case.
    least
        Rounds that everybody takes part in.
    patience
        Seconds after which a slow entrant sits out the rounds that are left.
    longest
        Predicted seconds of one call above which an entrant is not run at all, but stated as extrapolated.
    """

    rounds: int = 9
    least: int = 3
    patience: float = 0.5
    longest: float = 1.0


@contextmanager
def without_garbage_collector() -> Iterator[None]:
    """Collections come at random, and cost those most who run when they come."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def seconds_of(run: Callable[[], Any]) -> float:
    begin = perf_counter()
    run()
    return perf_counter() - begin


def interleave(entrants: Mapping[str, Callable[[], Any]], pace: Pace) -> dict[str, list[float]]:
    """Seconds of every call, by entrant, in the order of the rounds. Everyone is expected to be warm."""
    times: dict[str, list[float]] = {name: [] for name in entrants}
    with without_garbage_collector():
        for _ in range(pace.rounds):
            for name, run in entrants.items():
                if len(times[name]) < pace.least or sum(times[name]) < pace.patience:
                    times[name].append(seconds_of(run))
    return times


def fresh_bytes(run: Callable[[], Any]) -> int:
    """Bytes of memory that the operating system had to hand out during one call of a warm function."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    run()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize()
