"""What a run of the benchmarks leaves behind: plain values, saved as JSON, for tables, charts and comparisons."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["ALONE", "COPY", "OURS", "Entry", "Report", "Row", "spread"]

OURS, COPY = "mcfast", "copy"
ALONE = "mcfast, one thread"  # takes part in the rounds of several threads, for what the others gain
SCHEMA = 1


@dataclass(slots=True)
class Entry:
    """One library in one row.

    `status` is `"timed"`, `"extrapolated"` (from a crop: too slow to run), `"different"` (failed the check: not
    timed) or `"failed"` (raised). `seconds` is empty unless timed or extrapolated.
    """

    library: str
    status: str
    seconds: list[float] = field(default_factory=list)
    difference: float | None = None
    agreement: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def minimum(self) -> float:
        return min(self.seconds)


@dataclass(slots=True)
class Row:
    """One case at one size with one number of threads. `moved` and `fresh` are bytes; `error` is in counts."""

    case: str
    rows: int
    columns: int
    threads: int
    moved: int
    entries: list[Entry]
    error: float | None = None
    fresh: int | None = None

    @property
    def key(self) -> tuple[str, int, int, int]:
        return self.case, self.rows, self.columns, self.threads

    @property
    def pixels(self) -> int:
        return self.rows * self.columns

    def entry(self, library: str) -> Entry | None:
        return next((one for one in self.entries if one.library == library), None)

    @property
    def ours(self) -> Entry:
        entry = self.entry(OURS)
        assert entry is not None
        return entry

    @property
    def copy(self) -> Entry:
        entry = self.entry(COPY)
        assert entry is not None
        return entry

    @property
    def peers(self) -> list[Entry]:
        return [one for one in self.entries if one.library not in (OURS, COPY, ALONE)]

    @property
    def best_peer(self) -> Entry | None:
        """The fastest peer whose answer agreed, extrapolated ones included."""
        timed = [one for one in self.peers if one.seconds]
        return min(timed, key=lambda one: one.median, default=None)

    def ratio(self, library: str | None = None) -> float | None:
        """How many times longer a peer takes than ours; the best peer if none is named."""
        peer = self.best_peer if library is None else self.entry(library)
        return peer.median / self.ours.median if peer is not None and peer.seconds else None

    @property
    def gain(self) -> float | None:
        """How many times longer we take with one thread, in the same rounds; `None` in rows of one thread."""
        alone = self.entry(ALONE)
        return None if alone is None else alone.median / self.ours.median

    @property
    def share_of_copy(self) -> float:
        """Our bytes per second over those of a plain copy of the same image in the same rounds."""
        return (self.moved / self.ours.median) / (4 * self.pixels / self.copy.median)


@dataclass(slots=True)
class Report:
    """Everything of one run: the table's rows, the pipeline's stages, and growth with image and window size."""

    machine: dict[str, Any]
    peers: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    pipeline: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[Row] = field(default_factory=list)
    windows: list[Row] = field(default_factory=list)
    magnification: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: str | Path) -> None:
        text = json.dumps({"schema": SCHEMA, **asdict(self)}, separators=(",", ":"))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text + "\n")

    @property
    def all_rows(self) -> list[Row]:
        return [*self.rows, *self.sizes, *self.windows]

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Raises `OSError` if there is no such file, `ValueError` if it holds something else."""
        values = json.loads(Path(path).read_text())
        if not isinstance(values, dict) or values.pop("schema", None) != SCHEMA:
            raise ValueError(f"{path}: expected a benchmark of schema {SCHEMA}; run it again with --out")
        for name in ("rows", "sizes", "windows"):
            values[name] = [
                Row(**{**row, "entries": [Entry(**entry) for entry in row["entries"]]}) for row in values[name]
            ]
        return cls(**values)


def spread(seconds: list[float]) -> tuple[float, float]:
    """First and third quartile."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return ordered[round(last * 0.25)], ordered[round(last * 0.75)]
