"""The results as Markdown, between two marks of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.growth import SWEEPS, size_table, window_table
from benchmarks.results import Report
from benchmarks.table import TITLES, by_size, cells
from benchmarks.targets import verdicts

__all__ = ["BEGIN", "END", "insert_markdown", "markdown"]

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def markdown(report: Report) -> str:
    """Machine, tables, errors, targets, pipeline and growth of a report."""
    machine = report.machine
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, level {machine['cpu_level']}, {machine['system']}; "
        f"Python {machine['python']}, mcfast {machine['mcfast']}. {machine['date'][:10]}. Peers: "
        + "; ".join(f"{title} {version}" for title, version in report.peers.items())
        + "."
    ]
    for heading, part in by_size(report.rows):
        lines += ["", f"**{heading}**", "", *_rows([list(TITLES), *(cells(row) for row in part)])]
    errors = sorted({(row.case, f"{row.error:.2e}") for row in report.rows if row.error is not None})
    if errors:
        lines += ["", "Largest error against float64, in counts:", "", *_rows([["case", "error"], *map(list, errors)])]
    found = verdicts(report.rows)
    if found:
        lines += ["", "Targets:", "", *_rows([["target", "size", "measured", ""], *(list(one) for one in found)])]
    for run in report.pipeline:
        stages = [["stage", "ms"], *([stage, f"{1e3 * value:.1f}"] for stage, value in run["seconds"].items())]
        lines += ["", f"**{run['name']}**, {run['threads']} threads, median of {run['runs']}", "", *_rows(stages)]
    if report.sizes:
        lines += ["", "Time against image size: ns/px with one thread / gain of a second thread.", ""]
        lines += _rows(size_table(report.sizes))
    for operation in SWEEPS if report.windows else ():
        lines += ["", *_rows(window_table(report.windows, operation))]
    return "\n".join(lines)


def _rows(lines: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    return ["| " + " | ".join(line) + " |" for line in (lines[0], rule, *lines[1:])]


def insert_markdown(path: str | Path, content: str) -> None:
    """Replace what stands between the two marks of a page. Raises `ValueError` if it lacks them."""
    page = Path(path).read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: expected the lines {BEGIN} and {END}; put them where the table shall stand")
    Path(path).write_text(f"{before}{BEGIN}\n\n{content}\n\n{END}{after}")
