"""The results as Markdown, between two marks of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.growth import SWEEPS, size_table, window_table
from benchmarks.magnification import table as magnification_table
from benchmarks.pipeline import fresh_memory
from benchmarks.results import Report, Row
from benchmarks.table import TITLES, by_size, cells
from benchmarks.targets import verdicts

__all__ = ["BEGIN", "END", "brief", "insert_markdown", "markdown"]

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
    if report.magnification:
        lines += [
            "",
            "**Magnification by 2 with FSRCNN(56, 12, 4)**",
            "",
            *_rows(magnification_table(report.magnification)),
        ]
    for run in report.pipeline:
        stages = [["stage", "ms"], *([stage, f"{1e3 * value:.1f}"] for stage, value in run["seconds"].items())]
        lines += ["", f"**{run['name']}**, {run['threads']} threads, median of {run['runs']}", "", *_rows(stages)]
        lines += ["", f"{fresh_memory(run)[0].upper()}{fresh_memory(run)[1:]}."]
    if report.sizes:
        lines += ["", "Time against image size: ns/px with one thread / gain of a second thread.", ""]
        lines += _rows(size_table(report.sizes))
    for operation in SWEEPS if report.windows else ():
        lines += ["", *_rows(window_table(report.windows, operation))]
    return "\n".join(lines)


def brief(report: Report) -> str:
    """One line for each operation, for the README: our times, and ratios to OpenCV, at every size and thread count."""
    shapes = sorted({(row.rows, row.columns) for row in report.rows})
    counts = sorted({row.threads for row in report.rows})
    rows = {(row.case, row.rows, row.columns, row.threads): row for row in report.rows}
    sizes = [f"{high} x {wide}, {count} thr" for high, wide in shapes for count in counts]
    lines = [["ms, and times as fast as OpenCV", *sizes]]
    for case in dict.fromkeys(row.case for row in report.rows):
        lines.append([case, *(_ratio(rows.get((case, *shape, count))) for shape in shapes for count in counts)])
    machine, opencv = report.machine, report.peers.get("OpenCV", "-")
    where = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['cpu_level']}; OpenCV {opencv}; uint16, 12 bit."
    )
    return "\n".join([where, "", *_rows(lines)])


def _ratio(row: Row | None) -> str:
    if row is None:
        return "-"
    opencv = row.ratio("opencv")
    return f"{1e3 * row.ours.median:.1f}" + ("" if opencv is None else f" ({opencv:.1f}x)")


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
