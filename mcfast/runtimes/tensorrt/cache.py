"""Built engines on disk: one file each, under a key of everything that matters, written whole or not at all.

`<key>.engine` holds the engine, `<key>.json` the whole key, and size and digest of the engine. The second is written
last, so an engine without it was never finished. Both come into being by renaming, and a build holds `<key>.lock`:
several processes that want the same engine build it once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mcfast.errors import ConfigError

__all__ = ["EngineCache", "Entry", "key_of"]

Key = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """An engine in the cache: its file, its key in words, its size in bytes, seconds since 1970 of its making."""

    path: Path
    key: Key
    size: int
    made: float


class EngineCache:
    """A folder of engines.

    Parameters
    ----------
    folder
        `None` is `$MCFAST_CACHE`, else `$XDG_CACHE_HOME/mcfast/engines`, else `~/.cache/mcfast/engines`. Made when the
        first engine is kept.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = _default_folder() if folder is None else Path(folder)

    def get_or_build(self, key: Key, build: Callable[[], bytes]) -> tuple[Path, bool]:
        """The file of the engine with this key, and whether it had to be built.

        Raises
        ------
        ConfigError
            If the folder cannot be written.

        Whatever `build` raises; nothing is kept then.
        """
        digest = key_of(key)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.locked(digest):
                if self._entry(digest) is not None:
                    return self._engine(digest), False
                engine = build()
                record = {"key": dict(key), "size": len(engine), "sha256": hashlib.sha256(engine).hexdigest()}
                self.write(self._engine(digest).name, engine)
                self.write(f"{digest}.json", json.dumps(record, indent=2, sort_keys=True).encode())
                return self._engine(digest), True
        except OSError as error:
            raise self._unwritable(error) from error

    def read(self, path: Path) -> bytes | None:
        """An engine's bytes; `None` if they are gone or not those that were written."""
        try:
            engine = path.read_bytes()
            record = json.loads(path.with_suffix(".json").read_bytes())
            return engine if record["sha256"] == hashlib.sha256(engine).hexdigest() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def discard(self, key: Key) -> None:
        """Forget the engine with this key, so that it is built again. Raises `ConfigError` as `get_or_build`."""
        digest = key_of(key)
        if not self.folder.is_dir():
            return
        try:
            with self.locked(digest):
                self._remove(digest)
        except OSError as error:
            raise self._unwritable(error) from error

    def entries(self) -> Iterator[Entry]:
        """What is there, sorted by key; unfinished ones are left out."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.glob("*.json")):
            entry = self._entry(path.stem)
            if entry is not None:
                yield entry

    def prune(self, keep: Callable[[Entry], bool]) -> list[Entry]:
        """Delete engines that are not to be kept, and what unfinished builds have left; the engines deleted.

        A build that is going on in another process is waited for, so it never loses its files.
        """
        gone = []
        for entry in list(self.entries()):
            if not keep(entry):
                self.discard(entry.key)
                gone.append(entry)
        finished = {entry.path.stem for entry in self.entries()}
        for path in self.folder.glob("*.*") if self.folder.is_dir() else ():
            digest = path.name.split(".")[0]
            if len(digest) == 64 and digest not in finished:
                with self.locked(digest):
                    if self._entry(digest) is None:
                        self._remove(digest)
        return gone

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the folder so that others see the old one or the new one, never a part."""
        handle, temporary = tempfile.mkstemp(prefix=f"{name}.", suffix=".part", dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.folder / name)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"{error.filename or self.folder}: engines cannot be kept here ({error.strerror or error}); name "
            "another folder with MCFAST_CACHE"
        )

    def _engine(self, digest: str) -> Path:
        return self.folder / f"{digest}.engine"

    def _entry(self, digest: str) -> Entry | None:
        path = self._engine(digest)
        try:
            record, state = json.loads(path.with_suffix(".json").read_bytes()), path.stat()
            if record["size"] != state.st_size or key_of(record["key"]) != digest:
                return None
            return Entry(path, record["key"], state.st_size, state.st_mtime)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _remove(self, digest: str) -> None:
        for path in [self.folder / f"{digest}.json", *self.folder.glob(f"{digest}.*")]:
            path.unlink(missing_ok=True)  # the record first: without it the rest counts as unfinished

    @contextmanager
    def locked(self, digest: str) -> Iterator[None]:
        """Hold the lock of a key's digest, or of another name in the folder; it ends with the process that holds it,
        however that ends."""
        path = self.folder / f"{digest}.lock"
        while True:
            with path.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Whoever pruned while we waited has deleted the file that we now hold: take the new one.
                if _is_at(file.fileno(), path):
                    yield
                    return


def key_of(key: Key) -> str:
    """SHA-256 of the key in words, hexadecimal: the engine's name in the cache."""
    return hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _default_folder() -> Path:
    if own := os.environ.get("MCFAST_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mcfast" / "engines"
