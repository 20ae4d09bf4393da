"""A ranking of exams or images by score, as rows, CSV, and HTML with thumbnails."""

from __future__ import annotations

import base64
import csv
import html
import io
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcfast.errors import ConfigError, InputError
from mcfast.result import NOTICE
from mcfast.triage.manifest import parquet
from mcfast.triage.tables import shard_folder

__all__ = ["Entry", "as_csv", "as_html", "counts", "worklist"]

_THUMBNAIL = 200  # pixels of the longer side
_NUMBERS = ("rank", "score", "images", "failed", "clusters", "calcifications")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the worklist.

    `name` is the exam's study instance UID, the file where there is none or images are ranked; `file` the image with
    the highest score; `images` counts those that were looked at, `failed` the others; findings are sums over images.
    `reason` says why the first of those that failed did.
    """

    rank: int
    name: str
    score: float | None
    images: int
    failed: int
    clusters: int
    calcifications: int
    sides: str
    file: str
    reason: str


def counts(results: Path) -> dict[str, int]:
    """Images by their status."""
    found: Counter[str] = Counter()
    for batch in _images(results, ["status"]):
        found.update(row["status"] for row in batch)
    return dict(found)


def worklist(results: Path, *, by_exam: bool = True, top: int | None = None) -> list[Entry]:
    """The images or exams, highest score first, those that failed last; equals in the order of their names.

    An exam has the score of its best image.

    Raises `ConfigError` if there are no results.
    """
    columns = ["file", "status", "study_instance_uid", "score", "clusters", "calcifications", "laterality", "view"]
    columns.append("failure_message")
    exams: dict[str, dict[str, Any]] = {}
    for batch in _images(results, columns):
        for row in batch:
            name = (by_exam and row["study_instance_uid"]) or row["file"]
            _gather(exams.setdefault(name, _nothing(row["file"])), row)
    order = list(exams.items())
    order.sort(key=lambda item: (item[1]["score"] is None, -(item[1]["score"] or 0.0), item[0]))
    return [
        Entry(rank, name, **(exam | {"sides": ", ".join(sorted(exam["sides"]))}))
        for rank, (name, exam) in enumerate(order[:top], start=1)
    ]


def _nothing(file: str) -> dict[str, Any]:
    numbers = dict.fromkeys(("images", "failed", "clusters", "calcifications"), 0)
    return {"score": None, **numbers, "sides": set(), "file": file, "reason": ""}


def _gather(exam: dict[str, Any], row: dict[str, Any]) -> None:
    failed = row["status"] == "failed"
    exam["failed" if failed else "images"] += 1
    exam["reason"] = exam["reason"] or row["failure_message"] or ""
    exam["clusters"] += row["clusters"]
    exam["calcifications"] += row["calcifications"]
    side = " ".join(word for word in (row["laterality"], row["view"]) if word)
    if side:
        exam["sides"].add(side)
    if not failed and (exam["score"] is None or (-row["score"], row["file"]) < (-exam["score"], exam["file"])):
        exam["score"], exam["file"] = row["score"], row["file"]


def _images(results: Path, columns: list[str]) -> Any:
    """Rows of the images' table, shard by shard."""
    shards = sorted(shard_folder(results, 0).parent.glob("shard-*"))
    if not shards:
        raise ConfigError(f"{results}: holds no results of mcfast triage; run that first, or give its --out")
    for shard in shards:
        yield parquet().read_table(shard / "images.parquet", columns=columns).to_pylist()


def as_csv(entries: list[Entry]) -> str:
    """The entries with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Entry.__slots__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(entry) for entry in entries)
    return text.getvalue()


def as_html(entries: list[Entry], title: str) -> str:
    """The entries in one file, each with a small picture of its best image where that can still be read."""
    lines = "\n".join(_line(entry) for entry in entries)
    style = (
        "body{background:#18181c;color:#ebebeb;font:14px system-ui,sans-serif;margin:20px}"
        "td,th{padding:6px 12px;text-align:left;border-bottom:1px solid #3a3a42;vertical-align:middle}"
        "table{border-collapse:collapse}p,.reason{color:#ff8c5a}img{display:block}"
        ".number{text-align:right;font-variant-numeric:tabular-nums}small{color:#a0a0a8}td{overflow-wrap:anywhere}"
    )
    heads = "".join(f'<th class="number">{name}</th>' for name in _NUMBERS)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{style}</style></head><body><h1>{html.escape(title)}</h1><p>{html.escape(NOTICE)}</p>"
        f"<table><tr><th></th>{heads}<th>views</th><th>exam or file, best image</th></tr>\n{lines}\n"
        "</table></body></html>\n"
    )


def _line(entry: Entry) -> str:
    picture = thumbnail(entry.file)
    shown = "" if picture is None else f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}">'
    values = {**asdict(entry), "score": "failed" if entry.score is None else f"{entry.score:.3f}"}
    numbers = "".join(f'<td class="number">{values[name]}</td>' for name in _NUMBERS)
    named = [html.escape(entry.name)]
    if entry.file != entry.name:
        named.append(f"<small>{html.escape(entry.file)}</small>")
    if entry.reason:
        named.append(f'<small class="reason">{html.escape(entry.reason)}</small>')
    return f"<tr><td>{shown}</td>{numbers}<td>{html.escape(entry.sides)}</td><td>{'<br>'.join(named)}</td></tr>"


def thumbnail(file: str) -> bytes | None:
    """A JPEG of a file's image, 200 pixels long; `None` if it cannot be read."""
    import numpy
    from PIL import Image

    from mcfast.dicom.grayscale import window
    from mcfast.ops import resample
    from mcfast.reading import read

    try:
        mammogram = read(file, spacing_mm=0.1, any_modality=True)
    except InputError:
        return None
    small = resample(window(mammogram), max(1 / 64, min(16.0, _THUMBNAIL / max(mammogram.shape))))
    gray = (small.astype(numpy.float32) * (255 / ((1 << mammogram.bits) - 1))).astype(numpy.uint8)
    encoded = io.BytesIO()
    Image.fromarray(gray).save(encoded, "JPEG", quality=80)
    return encoded.getvalue()
