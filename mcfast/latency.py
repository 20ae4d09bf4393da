"""Latency and throughput of a stream: quantiles of each stage over the last images, in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

__all__ = ["WINDOW", "Counters", "Latency", "Quantiles", "quantiles"]

WINDOW = 4096
"""Images whose times are kept; quantiles are theirs, so that an endless stream needs no more memory than a long one."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds that half, and 99 in 100, of the images took at most (nearest rank), and the longest; of `count`."""

    count: int
    p50: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Counters:
    """What a stream has done so far.

    Attributes
    ----------
    taken, done, failed
        Items taken from the source; outputs handed out; of these, how many stand for an item that failed.
    held
        Items taken whose outputs are not handed out yet.
    seconds
        Since the first item was taken, until the last output was handed out.
    per_second
        `done / seconds`; 0 before the first.
    stages
        Quantiles of every stage over the last `WINDOW` items that did not fail, the consumer's own included
        (`Stream.record`). `"load"` and `"compute"` are the two halves; `"latency"` is from taking the item to its
        output being ready, waiting in queues included.
    """

    taken: int
    done: int
    failed: int
    held: int
    seconds: float
    per_second: float
    stages: Mapping[str, Quantiles]


class Latency:
    """Collects what `Counters` shows. Safe to use from several threads."""

    def __init__(self, window: int = WINDOW) -> None:
        self._lock = threading.Lock()
        self._window = window
        self._seconds: dict[str, deque[float]] = {}
        self._taken = self._done = self._failed = 0
        self._begin = self._end = 0.0

    def take(self) -> float:
        """Count an item as taken; the time now."""
        now = perf_counter()
        with self._lock:
            if not self._taken:
                self._begin = self._end = now
            self._taken += 1
        return now

    def record(self, seconds: Mapping[str, float]) -> None:
        """Keep the seconds of an item's stages."""
        with self._lock:
            for stage, value in seconds.items():
                self._seconds.setdefault(stage, deque(maxlen=self._window)).append(value)

    def give(self, *, failed: bool) -> None:
        """Count an output as handed out."""
        with self._lock:
            self._done += 1
            self._failed += failed
            self._end = perf_counter()

    def counters(self) -> Counters:
        """What has been collected. O(window log window)."""
        with self._lock:
            kept = {stage: list(values) for stage, values in self._seconds.items()}
            taken, done, failed, seconds = self._taken, self._done, self._failed, self._end - self._begin
        stages = {stage: quantiles(values) for stage, values in kept.items()}
        rate = done / seconds if seconds > 0 else 0.0
        return Counters(taken, done, failed, taken - done, seconds, rate, stages)


def quantiles(values: Sequence[float]) -> Quantiles:
    """Of at least one value, by nearest rank."""
    ranked = sorted(values)

    def nearest(percent: int) -> float:
        return ranked[-(-percent * len(ranked) // 100) - 1]

    return Quantiles(len(ranked), nearest(50), nearest(99), ranked[-1])
