"""How many workers of which kind: processes of one thread each, or one for a GPU that all processors feed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from mcfast.config import Config
from mcfast.errors import DeviceError

__all__ = ["Layout", "layout", "record_on"]

_MEMORY = 1 << 30  # bytes a worker may need; with images of 3328 x 2560 pixels one took 0.28 GB


@dataclass(frozen=True, slots=True)
class Layout:
    """Workers on one machine.

    `device` is what their engines are asked for, `threads` what each computes with, `loaders` how many threads beside
    read and decode.
    """

    workers: int
    device: str = "cpu"
    threads: int = 1
    loaders: int = 1


def layout(record: Any, device: str, workers: int | None = None) -> Layout:
    """The layout for this machine.

    An engine on the CPU: one worker for each processor that this process may use, but no more than fit into memory. An
    engine on a GPU: one worker, whose images all processors decode.

    Parameters
    ----------
    record
        Of an engine (`EngineRecord`): its `device` tells where it computes.
    device
        What that engine was asked for.
    workers
        `None`, or as many workers as stated.
    """
    from mcfast import _core

    processors = _core.default_threads()
    if record.device != "cpu":
        return Layout(workers or 1, device, processors, processors)
    return Layout(workers or max(1, min(processors, _memory() // _MEMORY)), device)


def record_on(config: Config, device: str) -> tuple[Any, str, str | None]:
    """The record of an engine on a device, the device it is on, and why that is not the one asked for.

    A GPU that cannot be used is no reason not to go through the archive: the CPU does, and the reason is told.

    Raises `DeviceError` if there is none on the CPU either.
    """
    from mcfast.engine import Engine

    try:
        return Engine(config, device=device, threads=1).record, device, None
    except DeviceError as error:
        if device == "cpu":
            raise
        return Engine(config, device="cpu", threads=1).record, "cpu", str(error)


def _memory() -> int:
    """Bytes of memory that are free; where that cannot be known, enough."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 1 << 62
