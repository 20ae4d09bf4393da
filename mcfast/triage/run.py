"""A folder of results: what it was made by, which shards are done, and how they are done."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcfast.config import Config
from mcfast.errors import ConfigError
from mcfast.report.write import write_file
from mcfast.triage.local import run_local
from mcfast.triage.manifest import Manifest, listed, parquet
from mcfast.triage.tables import shard_folder

__all__ = ["SHARD_SIZE", "Plan", "opened"]

SHARD_SIZE = 256


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done in a folder of results, which this process holds."""

    results: Path
    manifest: Manifest
    config: Config
    record: Any
    left: list[int]

    def run(self, workers: int) -> Iterator[tuple[int, int]]:
        """Do what is left; yields (shard, its files) as they are done."""
        for number in run_local(self.results, self.left, self.config, self.record, workers):
            yield number, len(self.manifest.shard(number))


@contextmanager
def opened(
    archive: Path, results: Path, config: Config, *, limit: int | None = None, shard_size: int = SHARD_SIZE
) -> Iterator[Plan]:
    """Take hold of a folder of results, made now or by a run that was ended, however it was.

    The files are listed once, by the first run; later ones go on with that list.

    Parameters
    ----------
    archive
        A folder or a list; see `mcfast.triage.manifest.listed`.
    results
        The folder; made if it is not there.
    config
        Of the engine.
    limit
        Take the first so many files only.
    shard_size
        Files in a shard.

    Raises
    ------
    ConfigError
        If the folder holds results of another archive, configuration, version or network, or another process works
        in it, or the archive has no files.
    DependencyError
        If pyarrow is not installed.
    """
    parquet()
    from mcfast.engine import Engine

    record = Engine(config, "cpu", threads=1).record
    identity = {
        "archive": os.fsencode(archive.resolve()).decode("utf-8", "backslashreplace"),
        "limit": limit,
        "shard_size": shard_size,
        "version": record.version,
        "models": dict(record.models),
        "configuration_hash": record.configuration_hash,
    }
    results.mkdir(parents=True, exist_ok=True)
    with _held(results):
        _begin(results, archive, identity, asdict(record))
        manifest = Manifest(results / "manifest.parquet")
        _clear(results / "shards")
        left = [number for number in range(manifest.shards) if not shard_folder(results, number).is_dir()]
        yield Plan(results, manifest, config, record, left)
        _clear(results / "shards")


def _clear(shards: Path) -> None:
    """Remove what killed workers left half written.

    One may live on for a moment. So each folder is first given another name: either that worker finishes its shard
    before, or it finds its folder gone; it can never finish one that is being emptied.
    """
    for stale in shards.glob(".shard-*"):
        dead = stale.with_name(f".dead-{secrets.token_hex(6)}")
        with suppress(FileNotFoundError):
            stale.rename(dead)
    for dead in shards.glob(".dead-*"):
        shutil.rmtree(dead, ignore_errors=True)


def _begin(results: Path, archive: Path, identity: dict[str, Any], record: dict[str, Any]) -> None:
    """Write down what the results are made of, or check it. Its file comes last: it says that the list is whole."""
    about = results / "triage.json"
    if about.exists():
        earlier = json.loads(about.read_text())["identity"]
        changed = [name for name in identity if earlier.get(name) != identity[name]]
        if changed:
            told = "; ".join(f"{name} was {earlier.get(name)}, is {identity[name]}" for name in changed)
            raise ConfigError(f"{results}: holds the results of another run ({told}); give another folder")
        return
    others = [path.name for path in results.iterdir() if path.name not in (".lock", "manifest.parquet")]
    if others:
        raise ConfigError(f"{results}: holds other files ({sorted(others)[0]}); give an empty or a new folder")
    paths = listed(archive, leave_out=results)
    Manifest.write(results / "manifest.parquet", paths, identity["shard_size"], identity["limit"])
    if not Manifest(results / "manifest.parquet").files:
        raise ConfigError(f"{archive}: holds no files; give another folder or list")
    write_file(about, (json.dumps({"identity": identity, "engine": record}, indent=2) + "\n").encode())


@contextmanager
def _held(results: Path) -> Iterator[None]:
    """A lock that ends with the process, however it ends."""
    with (results / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{results}: another triage works here; wait for it, or give another folder") from None
        yield
