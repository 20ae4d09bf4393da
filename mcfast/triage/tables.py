"""Results as rows, and the folder of a shard, which appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mcfast.result import Result
from mcfast.triage.manifest import parquet

__all__ = ["TABLES", "Rows", "rows_of", "schema", "shard_folder", "write_shard"]

TABLES = ("images", "calcifications", "clusters")
Rows = dict[str, list[dict[str, Any]]]
"""The rows of every table."""

_SECONDS = ("read", "decode", "window", "enhance", "mask", "propose", "classify", "cluster", "magnify", "total")
_TEXTS = (
    *("file", "status", "sop_instance_uid", "sop_class_uid", "study_instance_uid", "series_instance_uid"),
    *("manufacturer", "transfer_syntax_uid", "laterality", "view", "spacing_source"),
    *("failure_type", "failure_message", "failure_stage", "version", "configuration_hash"),
)


def schema(table: str) -> Any:
    """The Arrow schema of a table."""
    import pyarrow as arrow

    number, text, whole = arrow.float64(), arrow.string(), arrow.int32()
    if table == "images":
        columns = dict.fromkeys(_TEXTS, text)
        columns |= dict.fromkeys(("rows", "columns", "bits", "calcifications", "clusters"), whole)
        columns |= dict.fromkeys(("spacing_row_mm", "spacing_column_mm", "score"), number)
        columns |= {"flags": arrow.list_(text)}
        columns |= {f"seconds_{stage}": number for stage in _SECONDS}
    elif table == "calcifications":
        columns = {"file": text, "number": whole, "cluster": whole}
        numbers = ("row", "col", "x_mm", "y_mm", "diameter_mm", "contrast", "contrast_to_noise", "score")
        columns |= dict.fromkeys(numbers, number)
    else:
        columns = {"file": text, "id": whole, "count": whole}
        columns |= dict.fromkeys(("score", "area_mm2", "row", "col"), number)
        columns |= {"outline": arrow.list_(arrow.list_(number))}
    return arrow.schema(list(columns.items()))


def rows_of(result: Result) -> Rows:
    """The rows of one result: one of "images", whatever its status, and one for each finding.

    Numbers are those of the JSON.
    """
    values = result.as_dict()
    source, engine = values["source"], values["engine"]
    image, failure = values["image"] or {}, values["failure"] or {}
    spacing = image.get("spacing_mm", (None, None))
    name = _text(result.name)
    row: dict[str, Any] = {column: _text(source.get(column) or image.get(column)) for column in _TEXTS}
    row |= {f"failure_{part}": _text(failure.get(part)) for part in ("type", "message", "stage")}
    row |= {column: image.get(column) for column in ("rows", "columns", "bits", "flags")}
    row |= {f"seconds_{stage}": values["seconds"].get(stage) for stage in _SECONDS}
    row |= {
        "file": name,
        "status": result.status,
        "version": engine["version"],
        "configuration_hash": engine["configuration_hash"],
        "spacing_row_mm": spacing[0],
        "spacing_column_mm": spacing[1],
        "score": values["score"],
        "calcifications": len(result.calcifications),
        "clusters": len(result.clusters),
    }
    calcifications = enumerate(values["calcifications"], start=1)
    return {
        "images": [row],
        "calcifications": [{"file": name, "number": number, **one} for number, one in calcifications],
        "clusters": [{"file": name, **one} for one in values["clusters"]],
    }


def _text(value: Any) -> str | None:
    """Text that Parquet can hold: a name's bytes that are none are escaped."""
    return None if value is None else str(value).encode("utf-8", "backslashreplace").decode()


def shard_folder(results: Path, number: int) -> Path:
    """Where the tables of a shard lie once it is done."""
    return results / "shards" / f"shard-{number:06d}"


def write_shard(results: Path, number: int, rows: Iterable[Rows]) -> None:
    """Write the tables of a shard into a new folder and give it its name when all is on disk.

    If the shard is there already, as when a worker outlives its killed master, that one stays.
    """
    import pyarrow as arrow

    final = shard_folder(results, number)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.name}.{secrets.token_hex(6)}")
    gathered = list(rows)
    try:
        temporary.mkdir()
        for table in TABLES:
            content = arrow.Table.from_pylist([row for one in gathered for row in one[table]], schema=schema(table))
            with (temporary / f"{table}.parquet").open("xb") as file:
                parquet().write_table(content, file)
                file.flush()
                os.fsync(file.fileno())
        try:
            temporary.rename(final)
        except OSError:  # a folder that holds files is never replaced
            if not final.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
