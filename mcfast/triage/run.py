"""A folder of results: what it was made by, which shards are done, and which are left."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcfast.config import Config
from mcfast.errors import ConfigError
from mcfast.report.write import write_file
from mcfast.triage.layout import record_on
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

    def run(self, runner: Callable[[Plan], Iterator[int]]) -> Iterator[tuple[int, int]]:
        """Do what is left; yields (shard, its files) as they are done.

        `runner` makes the shards that are left, each whole or not at all, and yields the number of each that is done.
        """
        for number in runner(self):
            yield number, self.manifest.size(number)


@contextmanager
def opened(
    archive: Path,
    results: Path,
    config: Config,
    *,
    limit: int | None = None,
    shard_size: int = SHARD_SIZE,
    record: Any = None,
    shard: int | None = None,
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
    record
        Of the engines that will work; `None` is one on the CPU of this machine.
    shard
        Only this one, beside other processes that do others: the files must be listed already.

    Raises
    ------
    ConfigError
        If the folder holds results of another archive, configuration, version, network or kind of device, or another
        process works in it, or the archive has no files, or there is no such shard.
    DependencyError
        If pyarrow is not installed.
    """
    parquet()
    archive = archive.absolute()  # a later run may be typed in another folder
    record = record_on(config, "cpu")[0] if record is None else record
    identity = {
        "archive": os.fsencode(archive.resolve()).decode("utf-8", "backslashreplace"),
        "limit": limit,
        "shard_size": shard_size,
        "version": record.version,
        "models": dict(record.models),
        "configuration_hash": record.configuration_hash,
        "device": "cpu" if record.device == "cpu" else "gpu",
    }
    if shard is not None and not (results / "triage.json").is_file():
        raise ConfigError(f"{results}: no files are listed there yet; run the same without --shard first")
    results.mkdir(parents=True, exist_ok=True)
    with _held(results, shared=shard is not None):
        _begin(results, archive, identity, asdict(record))
        manifest = Manifest(results / "manifest.parquet")
        if shard is None:
            _clear(results / "shards")
        elif not 0 <= shard < manifest.shards:
            raise ConfigError(f"--shard: expected 0 to {manifest.shards - 1}, got {shard}")
        chosen = range(manifest.shards) if shard is None else (shard,)
        left = [number for number in chosen if not shard_folder(results, number).is_dir()]
        yield Plan(results, manifest, config, record, left)
        if shard is None:
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
    for half in (*results.glob(".manifest.parquet.*"), *results.glob(".triage.json.*")):
        half.unlink()  # a run was killed while it listed the files
    others = [path.name for path in results.iterdir() if path.name not in (".lock", "manifest.parquet")]
    if others:
        raise ConfigError(f"{results}: holds other files ({sorted(others)[0]}); give an empty or a new folder")
    paths = listed(archive, leave_out=results)
    Manifest.write(results / "manifest.parquet", paths, identity["shard_size"], identity["limit"])
    if not Manifest(results / "manifest.parquet").files:
        raise ConfigError(f"{archive}: holds no files; give another folder or list")
    write_file(about, (json.dumps({"identity": identity, "engine": record}, indent=2) + "\n").encode())


@contextmanager
def _held(results: Path, *, shared: bool) -> Iterator[None]:
    """A lock that ends with the process, however it ends. Those who each do one shard share it."""
    with (results / ".lock").open("w") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{results}: another triage works here; wait for it, or give another folder") from None
        yield
