"""Shards over a Ray cluster: Ray Data carries them to actors and their rows back; this process writes them.

On processors each actor does whole shards. For engines on a GPU there are two pools, since a GPU waits for decoding:
decoders, one for each processor, and finders, one for each GPU. Workers only read, the archive and the list of files in
the folder of results, which every machine must see under the same names.
"""

from __future__ import annotations

import logging
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mcfast.config import Config
from mcfast.errors import DependencyError, DeviceError, McfastError
from mcfast.triage.layout import record_on
from mcfast.triage.ray_workers import Decoder, Finder, Ledger, ShardWorker
from mcfast.triage.run import Plan
from mcfast.triage.tables import Rows, write_shard

__all__ = ["Pools", "connected", "pools_and_record", "run_ray"]

_SPARE = 1  # processors left to Ray's own tasks: without one, a full cluster waits for itself
_BLOCK = 64 << 20  # bytes of decoded images that travel together: three of 3328 x 2560 pixels
_TOGETHER = 4  # images that a finder is given at a time: enough to overlap what can be
_STORE = 1 << 30  # bytes of the object store, where Ray is started here


@dataclass(frozen=True, slots=True)
class Pools:
    """Actors: `workers` do whole shards or, if there are `finders`, decode for these."""

    workers: int
    finders: int = 0
    device: str = "cpu"


@contextmanager
def connected(workers: int | None) -> Iterator[Any]:
    """The module `ray`, connected to a cluster.

    That is the one this process has joined already; else that of `RAY_ADDRESS`; else one that runs on this machine;
    else one of `workers` processors that is started here and ended with the run.

    Raises
    ------
    DependencyError
        If Ray is not installed.
    DeviceError
        If there is no cluster at `RAY_ADDRESS`.
    """
    ray = _ray()
    if ray.is_initialized():
        yield ray
        return
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    with tempfile.TemporaryDirectory(prefix="mcfast-", dir="/tmp", ignore_cleanup_errors=True) as folder:  # short names
        try:
            ray.init(address="auto", **quiet)
        except ConnectionError as error:
            if os.environ.get("RAY_ADDRESS"):
                raise DeviceError(f"RAY_ADDRESS: no Ray cluster answers there ({error}); start one") from None
            from mcfast import _core

            processors = (workers or _core.default_threads()) + _SPARE
            here = {"include_dashboard": False, "object_store_memory": _STORE, "_temp_dir": folder}
            ray.init(address="local", num_cpus=processors, **here, **quiet)
        try:
            yield ray
        finally:
            ray.shutdown()


def pools_and_record(ray: Any, config: Config, device: str, workers: int | None) -> tuple[Pools, Any, str | None]:
    """The actors for a cluster, the record of their engines, and why they are not on the device asked for."""
    resources = ray.cluster_resources()
    free, gpus = max(1, int(resources.get("CPU", 1)) - _SPARE), int(resources.get("GPU", 0))
    if gpus and device != "cpu":
        record, used, reason = ray.get(ray.remote(num_gpus=1, num_cpus=1)(record_on).remote(config, device))
        if record.device != "cpu":
            return Pools(min(free - gpus, workers or free) if free > gpus else 1, gpus, used), record, reason
    else:
        record, reason = record_on(config, "cpu")[0], "the Ray cluster has no GPU" if device == "cuda" else None
    return Pools(min(free, workers or free)), record, reason


def run_ray(plan: Plan, ray: Any, pools: Pools) -> Iterator[int]:
    """Process the shards that are left and yield the number of each that is done, in no particular order.

    An actor that dies is started again, and does again what it was doing; a file that it dies of again
    becomes a failed row. Memory here is that of the rows of the shards at work.

    Raises
    ------
    DeviceError
        If the cluster fails otherwise; what is done stays done.
    """
    waiting: dict[int, dict[int, list[Rows]]] = {}
    try:
        for row in _dataset(plan, ray, pools).iter_rows():
            number = row["shard"]
            parts = waiting.setdefault(number, {})
            parts[row["place"]] = pickle.loads(row["rows"])
            if sum(len(part) for part in parts.values()) == plan.manifest.size(number):
                write_shard(plan.results, number, [rows for _, part in sorted(parts.items()) for rows in part])
                del waiting[number]
                yield number
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        told = str(cause) if isinstance(cause, McfastError) else f"{type(cause).__name__}: {cause}".splitlines()[0]
        raise DeviceError(f"{plan.results}: the Ray cluster failed ({told}); the same command goes on") from None


def _dataset(plan: Plan, ray: Any, pools: Pools) -> Any:
    """Ray Data's plan: one row for each shard, one block for each row."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_min_block_size = 1  # else a hundred shards would become one block, and one actor's work
    context.target_max_block_size = _BLOCK
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    # As Ray Data's own actors: started again however often they die.
    ledger = ray.remote(Ledger).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
    shared = {"results": plan.results.absolute(), "config": plan.config, "record": plan.record, "ledger": ledger}

    def mapped(dataset: Any, worker: type, actors: int, **needs: Any) -> Any:
        pool = ray.data.ActorPoolStrategy(min_size=1, max_size=actors, max_tasks_in_flight_per_actor=2)
        return dataset.map_batches(worker, compute=pool, **needs)

    shards = ray.data.from_items([{"shard": number} for number in plan.left], override_num_blocks=len(plan.left))
    one = {"batch_size": 1, "num_cpus": 1}
    if not pools.finders:
        return mapped(shards, ShardWorker, pools.workers, fn_constructor_kwargs=shared, **one)
    decoded = mapped(shards, Decoder, pools.workers, fn_constructor_kwargs=shared, **one)
    own = {**shared, "device": pools.device}
    return mapped(
        decoded, Finder, pools.finders, fn_constructor_kwargs=own, batch_size=_TOGETHER, num_cpus=0, num_gpus=1
    )


def _ray() -> Any:
    # An archive of patients is not where to send statistics of use from.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise DependencyError(f"--runner ray needs Ray Data ({error}); pip install 'mcfast[ray]'") from None
    return ray
