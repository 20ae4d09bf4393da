"""Workers on this machine: processes that end when their master does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from mcfast.config import Config
from mcfast.triage.layout import Layout
from mcfast.triage.manifest import Manifest
from mcfast.triage.shard import died, process_shard
from mcfast.triage.tables import Rows, write_shard

__all__ = ["run_local"]

_engine: Any = None
_loaders = 1


def run_local(results: Path, shards: list[int], config: Config, record: Any, workers: Layout) -> Iterator[int]:
    """Process shards and yield the number of each that is done, in no particular order.

    A shard whose worker dies is done again, file by file, each in a process of its own; a file that ends that one too
    becomes a failed row.
    """
    left = list(reversed(shards))
    while left:
        broken: list[int] = []
        with _pool(workers, config) as pool, _ended_with_us():
            running: dict[Future[None], int] = {}
            while (left and not broken) or running:
                while left and not broken and len(running) < 2 * workers.workers:
                    number = left.pop()
                    try:
                        running[pool.submit(_do, results, number)] = number
                    except BrokenProcessPool:
                        broken.append(number)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    number = running.pop(future)
                    try:
                        future.result()
                        yield number
                    except BrokenProcessPool:
                        broken.append(number)
        for number in broken:
            write_shard(results, number, _alone(results, number, config, record, workers))
            yield number


def _alone(results: Path, number: int, config: Config, record: Any, workers: Layout) -> list[Rows]:
    """The rows of a shard, a process after each death."""
    rows: list[Rows] = []
    paths = Manifest(results / "manifest.parquet").shard(number)
    while len(rows) < len(paths):
        with _pool(replace(workers, workers=1), config) as pool, _ended_with_us():
            try:
                while len(rows) < len(paths):
                    rows += pool.submit(_rows, paths[len(rows)]).result()
            except BrokenProcessPool:
                rows.append(died(record, paths[len(rows)]))
    return rows


def _pool(workers: Layout, config: Config) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers.workers, get_context("spawn"), _prepare, (config, workers, os.getpid()))


@contextmanager
def _ended_with_us() -> Iterator[None]:
    """Kill the workers when the run is interrupted: the pool would wait for what they have begun."""
    try:
        yield
    except BaseException:
        for child in active_children():
            if child.name.startswith("SpawnProcess"):
                child.kill()
        raise


def _prepare(config: Config, workers: Layout, master: int) -> None:
    """In a worker, once: the engine, and a watch on the master."""
    global _engine, _loaders
    from mcfast.engine import Engine

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the master's affair, which ends the workers
    threading.Thread(target=_follow, args=(master,), daemon=True).start()
    _engine, _loaders = Engine(config, device=workers.device, threads=workers.threads), workers.loaders


def _follow(master: int) -> None:
    while os.getppid() == master:
        time.sleep(0.2)
    os._exit(1)


def _do(results: Path, number: int) -> None:
    paths = Manifest(results / "manifest.parquet").shard(number)
    write_shard(results, number, process_shard(_engine, paths, loaders=_loaders))


def _rows(path: str) -> list[Rows]:
    return process_shard(_engine, [path])
