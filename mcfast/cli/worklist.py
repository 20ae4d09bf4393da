"""`mcfast worklist`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "worklist",
        help="rank the results of a triage",
        description="Ranks what mcfast triage found, exams or images, by score: a table, CSV, or HTML with pictures.",
        epilog=NOTICE,
    )
    parser.add_argument("results", metavar="RESULTS", help="folder that mcfast triage wrote")
    parser.add_argument("--by", choices=("exam", "image"), default="exam", help="what is ranked (default: exam)")
    parser.add_argument("--top", type=int, default=50, metavar="N", help="how many (default: 50)")
    parser.add_argument("--csv", metavar="FILE", help="write them as CSV")
    parser.add_argument("--html", metavar="FILE", help="write them as HTML with a picture of each")
    parser.set_defaults(function=_worklist)


def _worklist(options: argparse.Namespace) -> int:
    from mcfast.errors import ConfigError
    from mcfast.report.write import write_file
    from mcfast.triage.worklist import as_csv, as_html, worklist

    if options.top < 1:
        raise ConfigError(f"--top: expected a number of at least 1, got {options.top}")
    entries = worklist(Path(options.results), by_exam=options.by == "exam", top=options.top)
    if options.csv:
        write_file(Path(options.csv), as_csv(entries).encode())
    if options.html:
        write_file(Path(options.html), as_html(entries, f"Worklist of {options.results}").encode())
    _print(entries)
    print(NOTICE)
    return 0


def _print(entries: Sequence[Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mcfast.cli.text import printable

    table = Table(box=None, pad_edge=False)
    for title in ("rank", "score", "images", "failed", "clusters", "calcifications"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("views", "exam or file"):
        table.add_column(title, overflow="fold")
    for one in entries:
        score = "failed" if one.score is None else f"{one.score:.3f}"
        numbers = (str(one.images), str(one.failed), str(one.clusters), str(one.calcifications))
        table.add_row(str(one.rank), score, *numbers, one.sides, escape(printable(one.name)))
    console = Console()
    Console(width=max(120, console.width)).print(table)
