"""The process that looks at images: a damaged one may end it, and the node lives on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mcfast.config import Config
from mcfast.errors import DeviceError

__all__ = ["Analysis", "Died", "Outcome", "analyse"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an image: as in `mcfast.Result`; `reason` of whatever failed, reports too; `retry` why the
    machine, not the image, kept results from being written."""

    status: str
    reason: str = ""
    score: float | None = None
    clusters: int = 0
    calcifications: int = 0
    seconds: float = 0.0
    retry: str = ""
    sop_instance_uid: str = ""


class Died(Exception):
    """The process ended, or was ended for taking too long, while it looked at an image."""


def analyse(engine: Any, image: Path, folder: Path, outputs: tuple[str, ...]) -> Outcome:
    """Look at an image and write the results into a folder; they are on disk when this returns."""
    from mcfast.errors import InputError
    from mcfast.node.disk import sync_tree
    from mcfast.report import write_result

    begin = time.perf_counter()
    (result,) = engine.stream([image], in_flight=1)
    reason = "" if result.failure is None else result.failure.message
    try:
        try:
            write_result(result, folder, outputs=outputs)
        except InputError as error:  # one of the reports; the others are written
            reason = reason or str(error)
        sync_tree(folder)
    except OSError as error:
        return Outcome(result.status, retry=f"{error.strerror or error}")
    return Outcome(
        result.status,
        reason,
        result.score,
        len(result.clusters),
        len(result.calcifications),
        time.perf_counter() - begin,
        sop_instance_uid=(result.mammogram and result.mammogram.source.sop_instance_uid) or "",
    )


class Analysis:
    """`analyse` in a process of its own, which is started when it is needed and again when it has died.

    Parameters
    ----------
    config, threads
        Of the engine.
    outputs
        Which reports; see `mcfast.report.write_result`.
    seconds
        How long an image may take.
    """

    def __init__(
        self, config: Config, outputs: tuple[str, ...], *, threads: int | None = None, seconds: float = 600.0
    ) -> None:
        self._arguments, self._seconds = (config, outputs, threads, os.getpid()), seconds
        self._process: Any = None
        self._connection: Any = None

    def __call__(self, image: Path, folder: Path, given_up: Callable[[], bool]) -> Outcome:
        """The outcome of one image.

        Raises `Died`, also when `given_up()` becomes true meanwhile, and `DeviceError` as `start`.
        """
        self.start()
        deadline = time.monotonic() + self._seconds
        try:
            self._connection.send((image, folder))
            while not self._connection.poll(0.1):
                if given_up():
                    raise Died("the node stops")
                if time.monotonic() > deadline:
                    raise Died(f"the image took longer than {self._seconds:.0f} s")
            outcome: Outcome = self._connection.recv()
            return outcome
        except (EOFError, OSError):
            self.stop()
            raise Died("the process that looked at it died, of lack of memory or a damaged file") from None
        except Died:
            self.stop()
            raise

    def start(self) -> None:
        """Start the process and its engine, if none is running. Raises `DeviceError` if the engine does not start."""
        if self._process is not None and self._process.is_alive():
            return
        self.stop()
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, *self._arguments), daemon=True, name="mcfast-look")
        self._process.start()
        other.close()
        try:
            problem = self._connection.recv()
        except (EOFError, OSError):
            problem = "its process died"
        if problem:
            self.stop()
            raise DeviceError(f"the engine does not start: {problem}")

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._connection.close()
            self._process = None


def _serve(connection: Any, config: Config, outputs: tuple[str, ...], threads: int | None, master: int) -> None:
    from mcfast.engine import Engine

    for number in (signal.SIGINT, signal.SIGTERM):  # these are the node's affair, which ends this process
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(master,), daemon=True).start()
    try:
        engine = Engine(config, threads=threads)
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
        return
    connection.send("")
    while True:
        try:
            image, folder = connection.recv()
        except EOFError:
            return
        connection.send(analyse(engine, image, folder, outputs))


def _follow(master: int) -> None:
    while os.getppid() == master:
        time.sleep(0.2)
    os._exit(1)
