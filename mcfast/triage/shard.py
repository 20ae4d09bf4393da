"""`process_shard`: the pure function that every runner maps over the shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mcfast.result import Failure, Result
from mcfast.triage.tables import Rows, rows_of

__all__ = ["died", "process_shard"]


def process_shard(engine: Any, items: Sequence[Any], *, loaders: int = 1) -> list[Rows]:
    """The rows of some files, in their order: a row for each, whatever it is.

    Parameters
    ----------
    engine
        A `mcfast.Engine`.
    items
        Paths of the files, or what `mcfast.read` has made of them.
    loaders
        Threads that read and decode beside the one that computes: 1 for a processor among others, all processors
        for an engine on a GPU.

    Returns
    -------
    They depend on the files and the engine alone, but for the columns of seconds. At most `loaders` + 1 images are in
    memory.
    """
    rows = []
    for result in engine.stream(items, in_flight=loaders + 1, loaders=loaders):
        rows.append(rows_of(replace(result, image=None, enhanced=None, mask=None, magnified=())))
        del result
    return rows


def died(engine_record: Any, path: str) -> Rows:
    """The rows of a file that ended the process that looked at it."""
    message = f"{path}: the process that worked on it died, of lack of memory or a damaged file; look at it alone"
    return rows_of(Result("failed", path, engine_record, failure=Failure("WorkerDied", message, "unknown")))
