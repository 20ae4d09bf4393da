"""Sends the reports that wait, again and again until the peer has them."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from mcfast.node.entry import Entry
from mcfast.node.log import say
from mcfast.node.peer import Backoff, Peer, PeerDown, Refused
from mcfast.node.queue import Queue

__all__ = ["Sender"]

_BATCH = 32  # images whose reports go through one association
_REFUSALS = 10  # of one image's reports, until it is failed


class Sender:
    """Takes what is in state "sending" to done, or to failed if it is the result of a failed image or is refused.

    A peer that is down is tried again after 1, 2, 4, ... s, at most five minutes, for ever; also what it has no
    resources for (status A7xx). Whatever else it refuses counts as refused, ten times in all.
    """

    def __init__(self, queue: Queue, peer: Peer, *, stopping: threading.Event, backoff: Backoff | None = None) -> None:
        self._queue, self._peer, self._stopping = queue, peer, stopping
        self._backoff = backoff or Backoff(queue.root / "peer.json")

    def run(self) -> None:
        """Until `stopping` is set."""
        while not self._stopping.is_set():
            pause = self._backoff.left(self._backoff.not_before, time.time())
            if pause > 0:
                self._stopping.wait(pause)
            elif not self.step():
                self._queue.wait(0.5)

    def step(self) -> bool:
        """Send a batch, if anything is due; whether something was."""
        now = time.time()
        waiting = self._queue.entries("sending")
        due = list(islice((one for one in waiting if self._backoff.left(one.not_before, now) == 0), _BATCH))
        if not due:
            return False
        try:
            files = [path for entry in due for _, path in self._left(entry)]
            if not files:  # sent, and killed before that was noted
                for entry in due:
                    self._end(entry)
                return True
            with self._peer.association(files) as association:
                for entry in due:
                    if self._stopping.is_set():
                        return True
                    self._send(association, entry)
            self._backoff.succeeded()
        except Refused as refusal:
            self._backoff.succeeded()
            for entry in due:
                self._refused(entry, refusal)
        except PeerDown as failure:
            pause = self._backoff.failed(time.time())
            reason = str(failure)
            say("not sent", level=logging.WARNING, reason=reason, failures=self._backoff.failures, next_in=pause)
        except OSError as error:
            say("not sent", level=logging.ERROR, reason=error.strerror or str(error))
            self._stopping.wait(10.0)
        return True

    def _left(self, entry: Entry) -> list[tuple[str, Path]]:
        """The reports that the peer has not yet, of those that are there: somebody may have removed one by hand."""
        folder = self._queue.results(entry)
        left = [(name, folder / name) for name in entry.reports if name not in entry.sent]
        return [(name, path) for name, path in left if path.is_file()]

    def _send(self, association: Any, entry: Entry) -> None:
        try:
            for name, path in self._left(entry):
                self._peer.send(association, path)
                say("sent", id=entry.name, report=name, to=str(self._peer.address))
                entry = replace(entry, sent=(*entry.sent, name))
                self._queue.update(entry, "sending")
            self._end(entry)
        except Refused as refusal:
            self._refused(entry, refusal)

    def _end(self, entry: Entry) -> None:
        entry = replace(entry, refusals=0, refusal="", not_before=0.0)
        missing = [name for name in entry.reports if name not in entry.sent]
        if missing and not entry.reason:
            entry = replace(entry, reason=f"{', '.join(missing)} was removed before it was sent")
        state = "failed" if entry.reason else "done"
        self._queue.move(entry, "sending", state)
        say(state, id=entry.name, sop_instance_uid=entry.sop_instance_uid, reason=entry.reason)

    def _refused(self, entry: Entry, refused: Refused) -> None:
        refusals = entry.refusals + 1
        entry = replace(entry, refusals=refusals, refusal=str(refused))
        if refused.for_good and refusals >= _REFUSALS:
            self._queue.move(entry, "sending", "failed")
            say("failed", level=logging.ERROR, id=entry.name, refusals=refusals, reason=entry.refusal)
            return
        pause = self._backoff.pause(refusals)
        # Out of resources is never final, so it must not use up the refusals that are.
        counted = refusals if refused.for_good else min(refusals, _REFUSALS - 1)
        self._queue.update(replace(entry, refusals=counted, not_before=time.time() + pause), "sending")
        say("not sent", level=logging.WARNING, id=entry.name, reason=entry.refusal, refusals=refusals, next_in=pause)
