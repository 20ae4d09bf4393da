"""A node: its parts, each in a thread, from start to an orderly end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcfast.config import Config
from mcfast.node.analysis import Analysis
from mcfast.node.log import say
from mcfast.node.queue import STATES, Queue
from mcfast.node.worker import Worker

__all__ = ["Node", "NodeConfig"]

_CLEARING = 600.0  # seconds between two looks for what may be forgotten


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What a node does.

    Attributes
    ----------
    queue
        Its folder.
    engine, threads
        How images are looked at.
    reports
        Which outputs are written; see `mcfast.report.write_result`.
    listen
        (host, port) to receive on; `None` receives nothing.
    ae_title
        Of this node, receiving and sending.
    send_to
        `mcfast.node.peer.Address` of the peer that DICOM reports go to; `None` keeps them in the queue folder.
    limits
        `mcfast.node.receiver.Limits`; `None` is its defaults.
    watch
        Folder to watch; `None` watches none. `settle`, `remove`, `longest` as in `mcfast.node.watch.Watch`.
    min_free
        Bytes that must stay free on the queue's disk.
    keep_days
        How long what is done is kept; `None` is for ever.
    """

    queue: Path
    engine: Config = field(default_factory=Config)
    threads: int | None = None
    reports: tuple[str, ...] = ("json",)
    listen: tuple[str, int] | None = None
    ae_title: str = "MCFAST"
    send_to: Any = None
    limits: Any = None
    watch: Path | None = None
    remove: bool = False
    settle: float = 2.0
    longest: int = 1 << 30
    min_free: int = 1 << 30
    keep_days: float | None = None


class Node:
    """Everything together. `start` returns when images can come; `stop` when all is on disk and every thread ended.

    Raises
    ------
    ConfigError
        If the queue is held by another process, the port by another program, or a setting is wrong.
    DependencyError
        If pynetdicom is needed and not installed.
    DeviceError
        If (by `start`) the engine does not start.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.stopping = threading.Event()
        self.error: BaseException | None = None
        self.receiver: Any = None
        self.queue = Queue(config.queue, min_free=config.min_free)
        try:
            self._look = Analysis(config.engine, config.reports, threads=config.threads)
            self._loops = self._parts()
        except BaseException:
            self.queue.close()
            raise
        self._threads: list[threading.Thread] = []

    def _parts(self) -> list[Callable[[], None]]:
        """What runs in a thread each."""
        config, stopping = self.config, self.stopping
        worker = Worker(self.queue, self._look, send=config.send_to is not None, stopping=stopping)
        parts = [worker.run]
        if config.send_to is not None:
            from mcfast.node.peer import Peer
            from mcfast.node.sender import Sender

            parts.append(Sender(self.queue, Peer(config.send_to, config.ae_title), stopping=stopping).run)
        if config.listen is not None:
            from mcfast.node.receiver import Receiver

            host, port = config.listen
            self.receiver = Receiver(self.queue, host=host, port=port, ae_title=config.ae_title, limits=config.limits)
        if config.watch is not None:
            from mcfast.node.watch import Watch

            watch = Watch(
                self.queue,
                config.watch,
                stopping=stopping,
                settle=config.settle,
                longest=config.longest,
                remove=config.remove,
            )
            parts.append(watch.run)
        if config.keep_days is not None:
            parts.append(self._forget)
        return parts

    def start(self) -> None:
        """Begin."""
        try:
            self._look.start()
            if self.receiver is not None:
                self.receiver.start()
        except BaseException:
            self.stop()
            raise
        for loop in self._loops:
            self._threads.append(threading.Thread(target=self._guarded, args=(loop,), daemon=True))
            self._threads[-1].start()
        waiting = {state: self.queue.count(state) for state in ("incoming", "sending")}
        say(
            "started",
            queue=str(self.config.queue),
            port=self.receiver.port if self.receiver is not None else None,
            title=self.config.ae_title,
            watch=self.config.watch,
            send_to=self.config.send_to,
            **waiting,
        )
        if waiting["sending"] and self.config.send_to is None:
            say("not sent", level=logging.WARNING, reason="reports wait to be sent; give --send-to")

    def stop(self) -> None:
        """End: take nothing more in; the image that is looked at is finished or stays in the queue."""
        self.stopping.set()
        self.queue.notify()
        if self.receiver is not None:
            self.receiver.stop()
        for thread in self._threads:
            thread.join(30.0)
        self._look.stop()
        say("stopped", **{state: self.queue.count(state) for state in STATES if self.queue.count(state)})
        self.queue.close()

    def _guarded(self, loop: Callable[[], None]) -> None:
        """A part that fails takes the node with it: half a node would look like a whole one."""
        try:
            loop()
        except BaseException as error:
            self.error = error
            say("broken", level=logging.CRITICAL, reason=f"{type(error).__name__}: {error}")
            self.stopping.set()
            self.queue.notify()

    def _forget(self) -> None:
        assert self.config.keep_days is not None
        while not self.stopping.is_set():
            removed = self.queue.forget(time.time() - 86400 * self.config.keep_days)
            if removed:
                say("forgotten", images=removed)
            self.stopping.wait(_CLEARING)
