"""Works off the queue: one image after the other, oldest first."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mcfast.errors import DeviceError
from mcfast.node.analysis import Died, Outcome
from mcfast.node.entry import Entry
from mcfast.node.log import say
from mcfast.node.queue import Queue

__all__ = ["Worker"]

_DEATHS = 2  # of processes, until it counts as the image's fault
_LONGEST_PAUSE = 60.0  # seconds after results could not be written


class Worker:
    """Takes images and leaves them done, failed, or, if they have reports to send, in the sender's hands.

    Parameters
    ----------
    queue
        Where they are.
    look
        What looks at an image; see `mcfast.node.analysis.Analysis`.
    send
        Whether DICOM reports are to be sent.
    grace
        Seconds that an image may still take after `stopping` is set; then it is left in the queue.
    """

    def __init__(
        self,
        queue: Queue,
        look: Callable[[Path, Path, Callable[[], bool]], Outcome],
        *,
        send: bool,
        stopping: threading.Event,
        grace: float = 10.0,
    ) -> None:
        self._queue, self._look, self._send, self._stopping, self._grace = queue, look, send, stopping, grace
        self._pause = 1.0
        self._given_up_at: float | None = None

    def run(self) -> None:
        """Until `stopping` is set."""
        while not self._stopping.is_set():
            if not self.step():
                self._queue.wait(0.5)

    def step(self) -> bool:
        """Work off one image, if one waits; whether there was one."""
        entry = self._queue.take()
        if entry is None:
            return False
        scratch: Path | None = None
        try:
            scratch = self._queue.scratch()
            outcome = self._look(self._queue.image(entry), scratch, self._given_up)
            if outcome.retry:
                self._put_back(entry, outcome.retry)
            else:
                self._finish(entry, scratch, outcome)
        except Died as death:
            self._after_death(entry, str(death))
        except OSError as error:  # the queue itself cannot be written
            self._put_back(entry, error.strerror or str(error))
        except DeviceError as error:
            self._put_back(entry, str(error))
        finally:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)
        return True

    def _finish(self, entry: Entry, scratch: Path, outcome: Outcome) -> None:
        reports = tuple(sorted(path.name for path in scratch.glob("*.dcm"))) if self._send else ()
        self._queue.keep_results(entry, scratch)
        entry = replace(
            entry,
            sop_instance_uid=entry.sop_instance_uid or outcome.sop_instance_uid,
            status=outcome.status,
            reason=outcome.reason,
            reports=reports,
            sent=(),
            refusals=0,
            refusal="",
            not_before=0.0,
        )
        state = "sending" if reports else "failed" if outcome.reason else "done"
        self._queue.move(entry, "processing", state)
        self._pause = 1.0
        say(
            "failed" if outcome.reason else "processed",
            level=logging.WARNING if outcome.reason else logging.INFO,
            id=entry.name,
            sop_instance_uid=entry.sop_instance_uid,
            status=outcome.status,
            score=outcome.score,
            clusters=outcome.clusters,
            calcifications=outcome.calcifications,
            seconds=outcome.seconds,
            to_send=len(reports) if self._send else None,
            reason=outcome.reason,
        )

    def _after_death(self, entry: Entry, reason: str) -> None:
        if self._stopping.is_set():
            self._queue.move(entry, "processing", "incoming")
            say("left", id=entry.name, reason="the node stops; the image stays in the queue")
            return
        entry = replace(entry, deaths=entry.deaths + 1, reason=reason)
        final = entry.deaths >= _DEATHS
        entry = replace(entry, status="failed") if final else entry
        self._queue.move(entry, "processing", "failed" if final else "incoming")
        say("failed" if final else "again", level=logging.ERROR, id=entry.name, deaths=entry.deaths, reason=reason)

    def _put_back(self, entry: Entry, reason: str) -> None:
        """Pause, longer each time, and put an image back that the machine failed, as soon as that works.

        Where it does not until the node stops, the next start finds the image in "processing" and puts it back.
        """
        back = False
        while not back:
            say("again", level=logging.ERROR, id=entry.name, reason=reason, seconds=self._pause)
            stopped = self._stopping.wait(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            try:
                self._queue.move(entry, "processing", "incoming")
                back = True
            except OSError:
                back = stopped

    def _given_up(self) -> bool:
        if not self._stopping.is_set():
            return False
        if self._given_up_at is None:
            self._given_up_at = time.monotonic() + self._grace
        return time.monotonic() >= self._given_up_at
