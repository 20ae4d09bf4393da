"""A watched folder: files that nobody writes to any more go into the queue, each once."""

from __future__ import annotations

import json
import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from mcfast.errors import ConfigError
from mcfast.node.entry import Entry
from mcfast.node.identity import Identity
from mcfast.node.log import now, say
from mcfast.node.queue import Queue

__all__ = ["Watch"]

_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")
_PIECE = 1 << 20
_PAUSE = 10.0  # seconds until a file that could not be taken is tried again
Look = tuple[int, int, int]
"""Size, time of change (ns), and inode of a file."""


class Watch:
    """Looks through a folder again and again.

    A file is taken when it has looked the same for `settle` seconds: a copy that stalls for longer is taken for
    finished, so who can should write under another name (`.name`, `name.part`) and rename. What was taken is noted
    down in the queue folder by path, size and time of change, and is looked at again only if one of them differs.

    Parameters
    ----------
    queue
        Where files go.
    folder
        What is watched, with the folders below it but hidden ones and the queue's.
    settle
        Seconds.
    interval
        Seconds between two looks.
    longest
        Bytes; larger files are left, with a line in the log.
    remove
        Delete a file once it is in the queue.

    Raises
    ------
    ConfigError
        If there is no such folder.
    """

    def __init__(
        self,
        queue: Queue,
        folder: Path,
        *,
        stopping: threading.Event,
        settle: float = 2.0,
        interval: float = 1.0,
        longest: int = 1 << 30,
        remove: bool = False,
    ) -> None:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder; make it, or give another")
        self._queue, self._folder, self._stopping = queue, folder, stopping
        self._settle, self._interval, self._longest, self._remove = settle, interval, longest, remove
        self._seen: dict[str, tuple[Look, float]] = {}
        self._ledger = queue.root / "watched.jsonl"
        self._taken = self._noted()

    def run(self) -> None:
        """Until `stopping` is set."""
        while not self._stopping.is_set():
            self.step()
            self._stopping.wait(self._interval)

    def step(self) -> int:
        """Look once; how many files went into the queue."""
        taken, found, begin = 0, {}, monotonic()
        for path, look in self._files(self._folder):
            if self._taken.get(path) == look:
                continue
            earlier, since = self._seen.get(path, (None, begin))
            found[path] = look, since if earlier == look else begin
            if earlier == look and begin - since >= self._settle and not self._stopping.is_set():
                new = self._take(path, look)
                taken += new is True
                if new is None:
                    found[path] = look, begin + _PAUSE
        self._seen = {path: known for path, known in found.items() if self._taken.get(path) != known[0]}
        return taken

    def _files(self, folder: Path) -> Iterator[tuple[str, Look]]:
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda one: one.name)
        except OSError as error:  # gone, or not ours to read: that must not keep the others from being seen
            say("not watched", level=logging.WARNING, folder=str(folder), reason=error.strerror)
            return
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
                continue
            try:
                about = entry.stat()
            except OSError:  # gone meanwhile, or a link to nothing
                continue
            if entry.is_dir(follow_symlinks=False):
                if not Path(entry.path).samefile(self._queue.root):
                    yield from self._files(Path(entry.path))
            elif stat.S_ISREG(about.st_mode):
                yield entry.path, (about.st_size, about.st_mtime_ns, about.st_ino)

    def _take(self, path: str, look: Look) -> bool | None:
        """Put a file into the queue; whether it is new there, `None` if that did not work."""
        if look[0] > self._longest:
            say("refused", level=logging.WARNING, path=path, reason=f"larger than {self._longest >> 20} MiB")
            self._note(path, look)
            return False
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - a name need not be text
                entry, new = self._queue.add(_pieces(file, look), lambda identity: _described(path, identity))
        except _Changed:
            return None
        except OSError as error:
            say("not taken", level=logging.WARNING, path=path, reason=error.strerror or str(error))
            return None
        self._note(path, look)
        say("received" if new else "duplicate", id=entry.name, bytes=entry.size, origin=path)
        if self._remove:
            try:
                os.unlink(path)  # noqa: PTH108
            except OSError as error:
                say("not removed", level=logging.WARNING, path=path, reason=error.strerror)
        return new

    def _note(self, path: str, look: Look) -> None:
        self._taken[path] = look
        try:
            with self._ledger.open("a") as file:
                file.write(json.dumps([path, *look]) + "\n")
        except OSError as error:  # costs a second look after a restart, which finds a duplicate
            say("not noted", level=logging.WARNING, path=path, reason=error.strerror)

    def _noted(self) -> dict[str, Look]:
        """What earlier runs have taken; a line that a kill cut short counts for nothing."""
        taken: dict[str, Look] = {}
        text = self._ledger.read_text() if self._ledger.exists() else ""
        if text and not text.endswith("\n"):
            with self._ledger.open("a") as file:
                file.write("\n")
        for line in text.splitlines():
            try:
                path, size, changed, inode = json.loads(line)
            except ValueError:
                continue
            taken[str(path)] = size, changed, inode
        return taken


class _Changed(Exception):
    """A file was written to while it was read."""


def _pieces(file: BinaryIO, look: Look) -> Iterator[bytes]:
    left = look[0]
    while piece := file.read(min(_PIECE, left + 1)):
        left -= len(piece)
        if left < 0:  # it grows; perhaps as fast as it is read
            raise _Changed
        yield piece
    about = os.fstat(file.fileno())
    if (about.st_size, about.st_mtime_ns, about.st_ino) != look:
        raise _Changed


def _described(path: str, identity: Identity) -> Entry:
    return Entry(origin=path, received=now(), transfer_syntax_uid=identity.transfer_syntax)
