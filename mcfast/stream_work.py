"""What the threads of a stream do: each item is loaded, computed, and, where computing only begins it, finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from mcfast.latency import Latency

__all__ = ["Finishing", "Job", "Work"]


@dataclass(frozen=True, slots=True)
class Finishing:
    """A thread that turns what `compute` has begun, on a GPU for example, into outputs.

    `finish` gives the output; `abandon` is called instead if nobody wants it any more.
    """

    finish: Callable[[Any], Any]
    abandon: Callable[[Any], None]
    thread: ThreadPoolExecutor


@dataclass(slots=True)
class Job:
    """One item on its way. What a stage has used up is dropped at once, so that no image is held for longer."""

    item: Any
    taken: float
    loading: Future[None] | None = None
    loaded: Any = None
    output: Any = None
    error: BaseException | None = None
    fatal: BaseException | None = None
    seconds: dict[str, float] = field(default_factory=dict)


class Work:
    """What the threads of a stream share. It never refers to the `Stream`."""

    def __init__(
        self,
        load: Callable[[Any], Any],
        compute: Callable[[Any], Any],
        failed: Callable[[Any, BaseException], Any],
        stages: Callable[[Any], Mapping[str, float]],
        ordered: bool,
        finishing: Finishing | None = None,
    ) -> None:
        self.latency = Latency()
        self.cancelled = False
        self.pending = 0  # begun and not handed out; touched by the consumer alone
        self._load, self._compute, self._failed, self._stages = load, compute, failed, stages
        self._ordered, self._finishing = ordered, finishing
        self._loaded: SimpleQueue[Job] = SimpleQueue()
        self._done: SimpleQueue[Job | None] = SimpleQueue()

    def begin(self, item: Any, loaders: ThreadPoolExecutor, computer: ThreadPoolExecutor) -> None:
        """Queue an item for loading, and a turn of the computing thread for it."""
        job = Job(item, self.latency.take())
        self.pending += 1
        job.loading = loaders.submit(self._run_load, job)
        # As many turns as items, and every item arrives in the queue, so no turn waits for ever.
        computer.submit(self._run_compute, job if self._ordered else None)

    def wait(self) -> Job | None:
        """The next finished job; `None` once cancelled."""
        job = self._done.get()
        if job is None or self.cancelled:
            self._done.put(None)  # for whoever else waits
            return None
        self.pending -= 1
        return job

    def cancel(self) -> None:
        """Begin nothing more, and wake whoever waits."""
        self.cancelled = True
        self._done.put(None)

    def _run_load(self, job: Job) -> None:
        begin = perf_counter()
        try:
            if not self.cancelled:
                job.loaded = self._load(job.item)
        except Exception as error:
            job.error = error
        except BaseException as error:
            job.fatal = error
        job.seconds["load"] = perf_counter() - begin
        if not self._ordered:
            self._loaded.put(job)

    def _run_compute(self, job: Job | None) -> None:
        if job is None:
            job = self._loaded.get()
        else:
            assert job.loading is not None
            job.loading.result()
        begun = self._step(job, "compute", self._compute)
        if self._finishing is None:
            self._conclude(job)
            return
        try:
            self._finishing.thread.submit(self._run_finish, job, begun)
        except RuntimeError:  # the stream was shut while this was computed
            self._run_finish(job, begun)

    def _run_finish(self, job: Job, begun: bool) -> None:
        assert self._finishing is not None
        if begun and (self.cancelled or job.fatal is not None):
            self._step(job, "finish", self._finishing.abandon, always=True)
        elif begun:
            self._step(job, "finish", self._finishing.finish)
        self._conclude(job)

    def _step(self, job: Job, name: str, call: Callable[[Any], Any], *, always: bool = False) -> bool:
        """What the job has come to, through one more stage; whether that was done."""
        if (self.cancelled or job.fatal is not None or job.error is not None) and not always:
            return False
        begin = perf_counter()
        loaded, job.loaded = job.loaded, None
        try:
            job.loaded = call(loaded)
        except Exception as error:
            job.error = error
            return False
        except BaseException as error:
            job.fatal = error
            return False
        job.seconds[name] = perf_counter() - begin
        return True

    def _conclude(self, job: Job) -> None:
        try:
            if not self.cancelled and job.fatal is None:
                self._tell(job)
        except BaseException as error:
            job.fatal = error
        self._done.put(job)

    def _tell(self, job: Job) -> None:
        if job.error is not None:
            job.loaded, job.output = None, self._failed(job.item, job.error)
            return
        job.output, job.loaded = job.loaded, None
        job.seconds["latency"] = perf_counter() - job.taken
        self.latency.record({**self._stages(job.output), **job.seconds})
