"""The durable queue: a folder in which an image is in exactly one state, whatever ends the process.

```
images/ID.dcm                      the bytes as they came
results/ID/                        what the engine made of them: the files of --report
incoming/ processing/ sending/     a file ID.json in one of these five folders
done/ failed/                      is the image's state, with the reason in it
temporary/                         what is being written; emptied at the start
```

ID is a hash of the content, so nothing that a peer says becomes part of a path. A state changes by one rename. An image
is on disk, its name too, before `add` returns; what was being processed when the process ended is incoming again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from mcfast.errors import ConfigError
from mcfast.node.disk import clear_folder, move_durably, sync_folder, temporary_in, write_durably
from mcfast.node.entry import Entry
from mcfast.node.identity import Identity

__all__ = ["STATES", "Queue"]

STATES = ("incoming", "processing", "sending", "done", "failed")
"""In the order in which an image goes through them, ending in one of the last two."""
_NAME = re.compile(r"[0-9a-f]{32}\.json")


class Queue:
    """A queue folder, held by this process alone until `close`.

    Safe to use from several threads.

    Parameters
    ----------
    root
        The folder; made if it is not there.
    min_free
        Bytes that must stay free on its disk: what would leave less is refused.

    Raises
    ------
    ConfigError
        If another process holds the folder, or it holds other things.
    OSError
        If it cannot be written.
    """

    def __init__(self, root: Path, *, min_free: int = 0) -> None:
        self.root, self.min_free = root, min_free
        self._lock, self._changed = threading.RLock(), threading.Condition()
        self._order: deque[str] = deque()
        root.mkdir(parents=True, exist_ok=True)
        strangers = {path.name for path in root.iterdir()} - {*STATES, "images", "results", "temporary", ".lock"}
        strangers -= {"peer.json", "watched.jsonl"}
        if strangers:
            raise ConfigError(f"{root}: holds other files ({min(strangers)}); give an empty or a new folder")
        self._held = (root / ".lock").open("w")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._held.close()
            raise ConfigError(f"{root}: another process works on this queue; stop it, or give another folder") from None
        self._recover()

    def _recover(self) -> None:
        for name in (*STATES, "images", "results", "temporary"):
            (self.root / name).mkdir(exist_ok=True)
        sync_folder(self.root)
        clear_folder(self.root / "temporary")
        for path in self._files("processing"):
            move_durably(path, self.root / "incoming" / path.name)
        for image in (self.root / "images").iterdir():  # whoever sent one without a state was never told success
            if not self.knows(image.stem):
                image.unlink()

    def close(self) -> None:
        """Let another process have the folder."""
        self._held.close()

    def __enter__(self) -> Queue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def add(self, parts: Iterable[bytes | memoryview], describe: Callable[[Identity], Entry]) -> tuple[Entry, bool]:
        """Take a file in; it is on disk when this returns.

        Parameters
        ----------
        parts
            The bytes of the file, in pieces; the first must hold all file meta information.
        describe
            Called with the identity after the last piece; what to note down.

        Returns
        -------
        The entry, and whether it is new: the same image is taken in once, and is where it is otherwise.

        Raises
        ------
        OSError
            If the disk is full (errno ENOSPC, also if less than `min_free` would be left) or fails.
        """
        temporary, identity = temporary_in(self.root / "temporary"), Identity()
        try:
            size = 0
            with temporary.open("xb") as file:
                for part in parts:
                    self._require_space(len(part))
                    file.write(part)
                    identity.update(part)
                    size += len(part)
                file.flush()
                os.fsync(file.fileno())
            entry = replace(describe(identity), name=identity.name(), size=size)
            with self._lock:
                if self.knows(entry.name):
                    return entry, False
                move_durably(temporary, self.image(entry))
                self._write(entry, "incoming")
        finally:
            temporary.unlink(missing_ok=True)
        self.notify()
        return entry, True

    def _require_space(self, size: int) -> None:
        if shutil.disk_usage(self.root).free - size < self.min_free:
            raise OSError(errno.ENOSPC, f"less than {self.min_free >> 20} MiB would be left on the disk")

    def knows(self, name: str) -> bool:
        """Whether an image is in any state."""
        with self._lock:
            return any((self.root / state / f"{name}.json").exists() for state in STATES)

    def take(self) -> Entry | None:
        """The image that has waited longest, now processing; `None` if none waits."""
        with self._lock:
            if not self._order:
                self._order.extend(path.stem for path in self._files("incoming"))
            while self._order:
                source = self.root / "incoming" / f"{self._order.popleft()}.json"
                if source.exists():  # somebody may have removed it by hand
                    move_durably(source, self.root / "processing" / source.name)
                    return Entry.load(self.root / "processing" / source.name)
        return None

    def move(self, entry: Entry, source: str, target: str) -> None:
        """Change the state of an image, and what is noted down of it."""
        with self._lock:
            self._write(entry, source)
            move_durably(self._entry(entry, source), self._entry(entry, target))
        self.notify()

    def update(self, entry: Entry, state: str) -> None:
        """Note something down."""
        with self._lock:
            self._write(entry, state)

    def entries(self, state: str) -> Iterator[Entry]:
        """The images of a state, the longest there first."""
        for path in self._files(state):
            with suppress(FileNotFoundError):  # gone on to the next state meanwhile
                yield Entry.load(path)

    def count(self, state: str) -> int:
        """How many images are in a state."""
        return len(self._files(state))

    def image(self, entry: Entry) -> Path:
        """Where the bytes of an image lie."""
        return self.root / "images" / f"{entry.name}.dcm"

    def results(self, entry: Entry) -> Path:
        """The folder of its results."""
        return self.root / "results" / entry.name

    def scratch(self) -> Path:
        """A new folder, for results that are not finished."""
        folder = temporary_in(self.root / "temporary")
        folder.mkdir()
        return folder

    def keep_results(self, entry: Entry, scratch: Path) -> None:
        """Make a folder, whose files are on disk, the results of an image, in place of earlier ones."""
        final, old = self.results(entry), temporary_in(self.root / "temporary")
        if final.exists():
            final.rename(old)
        move_durably(scratch, final)
        shutil.rmtree(old, ignore_errors=True)

    def forget(self, older_than: float) -> int:
        """Remove images that were done before a time (seconds since 1970), with their results; how many."""
        removed = 0
        for path in self._files("done"):
            if path.stat().st_mtime < older_than:
                entry = Entry.load(path)
                shutil.rmtree(self.results(entry), ignore_errors=True)
                self.image(entry).unlink(missing_ok=True)
                path.unlink()  # last, so that a kill leaves nothing that nobody knows of
                removed += 1
        return removed

    def notify(self) -> None:
        """Wake who waits."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until something changes, at most so long."""
        with self._changed:
            self._changed.wait(seconds)

    def _entry(self, entry: Entry, state: str) -> Path:
        return self.root / state / f"{entry.name}.json"

    def _write(self, entry: Entry, state: str) -> None:
        write_durably(self._entry(entry, state), entry.to_json(), temporary_in(self.root / "temporary"))

    def _files(self, state: str) -> list[Path]:
        found = []
        with os.scandir(self.root / state) as listed:
            for one in listed:
                if _NAME.fullmatch(one.name):
                    try:
                        found.append((one.stat().st_mtime_ns, one.path))
                    except FileNotFoundError:  # gone on to the next state meanwhile
                        continue
        return [Path(path) for _, path in sorted(found)]
