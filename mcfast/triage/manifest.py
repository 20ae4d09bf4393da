"""The files of an archive in a Parquet file whose row groups are the shards, so that memory does not grow with it."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from mcfast.errors import ConfigError, DependencyError

__all__ = ["Manifest", "listed", "parquet"]


def parquet() -> Any:
    """`pyarrow.parquet`. Raises `DependencyError` where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DependencyError(f"triage needs pyarrow ({error}); pip install 'mcfast[triage]'") from None
    return pyarrow.parquet


def listed(archive: Path, leave_out: Path | None = None) -> Iterator[str]:
    """The files of an archive, each once, always in the same order.

    Parameters
    ----------
    archive
        A folder: every file below it but hidden ones, folder by folder, each sorted; links to folders are not
        followed. Or a list: a text file (a path in each line), CSV or Parquet with a column "path". Relative paths in
        lists count from the list's folder.
    leave_out
        A folder that is not looked into: that of the results.

    Raises
    ------
    ConfigError
        If there is no such archive, it is no list, or a list has no column "path".
    """
    if archive.is_dir():
        yield from _below(archive, None if leave_out is None else leave_out.resolve())
        return
    if not archive.is_file():
        raise ConfigError(f"{archive}: there is no such folder or list; check the path")
    seen: set[str] = set()
    for text in _entries(archive):
        path = str(archive.parent / text)  # an absolute one stays itself
        if path not in seen:
            seen.add(path)
            yield path


def _below(folder: Path, leave_out: Path | None) -> Iterator[str]:
    with os.scandir(folder) as found:
        entries = sorted((one for one in found if not one.name.startswith(".")), key=lambda one: one.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            path = Path(entry.path)
            if path.resolve() != leave_out:
                yield from _below(path, leave_out)
        elif entry.is_file():
            yield entry.path


def _entries(file: Path) -> Iterator[str]:
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        opened = parquet().ParquetFile(file)
        if "path" not in opened.schema_arrow.names:
            raise ConfigError(f"{file}: expected a column 'path', got {', '.join(opened.schema_arrow.names)}")
        for batch in opened.iter_batches(columns=["path"]):
            yield from batch.column(0).to_pylist()
        return
    with file.open("rb") as content:
        if b"\0" in content.read(4096):  # no path holds one; an image does
            raise ConfigError(f"{file}: is no list of files; give a folder, or paths as text, CSV or Parquet")
    with file.open(newline="", encoding="utf-8", errors="surrogateescape") as lines:
        if suffix == ".csv":
            reader = csv.DictReader(lines)
            if "path" not in (reader.fieldnames or ()):
                raise ConfigError(f"{file}: expected a column 'path', got {', '.join(reader.fieldnames or ())}")
            yield from (row["path"] for row in reader if row["path"])
        else:
            yield from (line for line in (line.rstrip("\r\n") for line in lines) if line)


class Manifest:
    """A list of files on disk, cut into shards.

    Names are stored as bytes: a file's name need not be text.
    """

    def __init__(self, file: Path) -> None:
        self._file = parquet().ParquetFile(file)
        self.shards: int = self._file.metadata.num_row_groups
        self.files: int = self._file.metadata.num_rows

    @staticmethod
    def write(file: Path, paths: Iterator[str], shard_size: int, limit: int | None) -> None:
        """Write a manifest of the first `limit` paths, whole or not at all."""
        import pyarrow

        schema = pyarrow.schema([("path", pyarrow.binary())])
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            with parquet().ParquetWriter(temporary, schema) as writer:
                chosen = islice(paths, limit)
                while group := list(islice(chosen, shard_size)):
                    names = pyarrow.array([os.fsencode(path) for path in group], pyarrow.binary())
                    writer.write_table(pyarrow.table([names], schema=schema), row_group_size=shard_size)
            os.replace(temporary, file)  # noqa: PTH105
        finally:
            temporary.unlink(missing_ok=True)

    def size(self, number: int) -> int:
        """How many files a shard has."""
        return int(self._file.metadata.row_group(number).num_rows)

    def shard(self, number: int) -> list[str]:
        """The paths of one shard."""
        return [os.fsdecode(name) for name in self._file.read_row_group(number).column(0).to_pylist()]
