"""The results as text, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import PEERS
from benchmarks.results import Entry, Row

__all__ = ["TITLES", "by_size", "cells", "print_rows", "text"]

TITLES = ("operation", "ms", "least", "ns/px", "GB/s", "of copy", "best peer", "its ms", "ratio", "OpenCV")


def cells(row: Row) -> list[str]:
    """One row under `TITLES`. A peer's time that was extrapolated from a crop begins with ~."""
    ours, best = row.ours, row.best_peer
    peer, peer_ms, ratio = "-", "-", "-"
    if best is not None:
        about = "~" if best.status == "extrapolated" else ""
        peer, peer_ms = PEERS.get(best.library, best.library), f"{about}{1e3 * best.median:.1f}"
        ratio = f"{about}{row.ratio():.1f}x"
    opencv = row.ratio("opencv")
    return [
        row.case,
        f"{1e3 * ours.median:.2f}",
        f"{1e3 * ours.minimum:.2f}",
        f"{1e9 * ours.median / row.pixels:.2f}",
        f"{row.moved / ours.median / 1e9:.1f}",
        f"{100 * row.share_of_copy:.0f} %",
        peer,
        peer_ms,
        ratio,
        "-" if opencv is None else f"{opencv:.1f}x",
    ]


def print_rows(rows: Sequence[Row]) -> None:
    """A table for each size and number of threads, and a list of what disagreed, failed, or was too slow."""
    for heading, part in by_size(rows):
        print(f"\n{heading}")
        print(text([list(TITLES), *(cells(row) for row in part)]))
    remarks = [
        f"  {row.case}, {row.rows} x {row.columns}, {row.threads} thr: "
        f"{PEERS.get(entry.library, entry.library)} {_remark(entry)}"
        for row in rows
        for entry in row.peers
        if entry.status != "timed"
    ]
    if remarks:
        print("\nnot timed as a whole:")
        print("\n".join(remarks))


def _remark(entry: Entry) -> str:
    if entry.status == "extrapolated":
        return f"takes about {entry.median:.1f} s (from a crop)"
    if entry.status == "different":
        return f"gives another answer (by {entry.difference}), expected {entry.agreement}"
    return f"failed: {entry.note}"


def by_size(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """(heading, its rows) for each size and number of threads."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        threads = "one thread" if row.threads == 1 else f"{row.threads} threads"
        parts.setdefault(f"{row.rows} x {row.columns}, uint16, 12 bit, {threads} each", []).append(row)
    return list(parts.items())


def text(lines: Sequence[Sequence[str]]) -> str:
    """Columns padded to one width: the first to the left, the others to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
