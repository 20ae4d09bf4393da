"""A bounded pipeline: items are loaded in a pool of threads, computed in another, while earlier outputs are used."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, TypeVar

from mcfast.latency import Counters
from mcfast.stream_work import Finishing, Work

__all__ = ["Stream"]

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Output = TypeVar("Output")


def _no_stages(_: Any) -> Mapping[str, float]:
    return {}


def _let_go(_: Any) -> None:
    pass


class Stream(Generic[Output]):
    """Iterator over compute(load(item)) of every item, or failed(item, error) where either raises an `Exception`.

    `load` runs in a pool of threads, `compute` in one thread of its own, so that loading the next items, computing
    this one and what the consumer does with the last one overlap. At most `in_flight` items are taken whose outputs
    the consumer has not yet come back from, however slow it is. Items are taken from the iterable one by one, in the
    consumer's thread; an error of the iterable itself is raised after the outputs of the items taken before. Anything
    that is no `Exception` (an interrupt) ends the stream and is raised.

    Iterate in one thread or in several; every output is handed out once. `close`, leaving a `with` block or the end of
    the iteration leave no thread behind; an iterator that is forgotten lets its threads end.

    Parameters
    ----------
    items
        Anything iterable; may be endless.
    load, compute, failed
        What to do with an item; `failed` must not raise.
    finish, abandon
        Where `compute` only begins something: what makes an output of it, in a thread of its own, so that computing the
        next item goes on; and what is called instead if the stream has been cancelled.
    in_flight
        Most items held at a time, >= 1. 1 overlaps nothing; 3 overlap loading, computing and consuming.
    ordered
        `True` hands out in the order of the items, `False` in the order in which they are loaded.
    loaders
        Threads for `load`; `None` is `in_flight`.
    stages
        Seconds of the stages of an output, for `counters`.

    Raises
    ------
    ValueError
        If `in_flight` or `loaders` is below 1.
    """

    def __init__(
        self,
        items: Iterable[Item],
        load: Callable[[Item], Loaded],
        compute: Callable[[Loaded], Any],
        failed: Callable[[Item, BaseException], Output],
        in_flight: int,
        ordered: bool,
        *,
        loaders: int | None = None,
        stages: Callable[[Output], Mapping[str, float]] = _no_stages,
        finish: Callable[[Any], Output] | None = None,
        abandon: Callable[[Any], None] = _let_go,
    ) -> None:
        for name, number in (("in_flight", in_flight), ("loaders", loaders)):
            if number is not None and number < 1:
                raise ValueError(f"stream({name}): expected at least 1, got {number}")
        self._items = iter(items)
        self._in_flight = in_flight
        self._turn = threading.Lock()
        self._held = 0
        self._source_error: Exception | None = None
        self._exhausted = False
        self._loaders = ThreadPoolExecutor(min(loaders or in_flight, in_flight), "mcfast-load")
        self._computer = ThreadPoolExecutor(1, "mcfast-compute")
        self._finisher = ThreadPoolExecutor(1, "mcfast-finish")
        finishing = None if finish is None else Finishing(finish, abandon, self._finisher)
        self._work = Work(load, compute, failed, stages, ordered, finishing)
        # Without a reference to self, so that a stream that nobody holds any more is stopped.
        self._stop = weakref.finalize(self, _shut, self._work, self._loaders, self._computer, self._finisher)

    def __iter__(self) -> Stream[Output]:
        return self

    def __next__(self) -> Output:
        """The next output; waits for it. Ends early if the stream was cancelled or closed."""
        with self._turn:
            try:
                return self._advance()
            except BaseException:
                self.close()
                raise

    def cancel(self) -> None:
        """End the iteration soon: nothing more is begun, what is running is finished and dropped.

        From any thread, also while another waits for an output. Returns at once; `close` waits for the threads.
        """
        self._work.cancel()

    def close(self) -> None:
        """Cancel, and wait until no thread of the stream is left. May be called twice."""
        self.cancel()
        self._stop()
        for threads in (self._loaders, self._computer, self._finisher):
            threads.shutdown()

    @property
    def cancelled(self) -> bool:
        """Whether the stream has been told to end, by `cancel`, `close`, or its own end."""
        return self._work.cancelled

    def counters(self) -> Counters:
        """Latency and throughput so far; from any thread, at any time."""
        return self._work.latency.counters()

    def record(self, seconds: Mapping[str, float]) -> None:
        """Add to the counters how long the consumer's own stages took for an output, such as writing its files."""
        self._work.latency.record(seconds)

    def __enter__(self) -> Stream[Output]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _advance(self) -> Output:
        # The consumer has come back, so it is done with the outputs that it was given.
        self._held = self._work.pending
        self._refill()
        if not self._held or self._work.cancelled:
            error, self._source_error = self._source_error, None
            raise StopIteration if error is None or self._work.cancelled else error
        job = self._work.wait()
        if job is None:
            raise StopIteration
        if job.fatal is not None:
            raise job.fatal
        self._work.latency.give(failed=job.error is not None)
        output: Output = job.output
        return output

    def _refill(self) -> None:
        while not self._exhausted and self._held < self._in_flight and not self._work.cancelled:
            try:
                item = next(self._items)
            except StopIteration:
                self._exhausted = True
                return
            except Exception as error:
                self._exhausted, self._source_error = True, error
                return
            self._work.begin(item, self._loaders, self._computer)
            self._held += 1


def _shut(work: Work, *threads: ThreadPoolExecutor) -> None:
    work.cancel()
    for one in threads:
        one.shutdown(wait=False)
