"""The command line: what is run, where it goes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.results import Report

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mcfast bench",
        description="Times mcfast's operations against other libraries, interleaved in one process, each answer "
        "checked before it is timed. Without options: the table and the pipeline.",
    )
    parser.add_argument("--quick", action="store_true", help="a small image and few rounds: shows that it works")
    parser.add_argument("--only", metavar="PATTERN", help="cases whose name matches, such as 'erode*' or '*disk*'")
    parser.add_argument("--threads", type=_counts, default=(1, 2), metavar="N,N", help="threads each (default: 1,2)")
    parser.add_argument("--growth", action="store_true", help="also time against image size and window size")
    parser.add_argument("--out", metavar="FILE.json", help="save everything that was measured")
    parser.add_argument("--load", metavar="FILE.json", help="measure nothing; print, chart or write a saved run")
    parser.add_argument("--compare", nargs=2, metavar=("A.json", "B.json"), help="print what changed from A to B")
    parser.add_argument("--chart", metavar="FILE.png", help="draw time against window size (needs --growth)")
    parser.add_argument(
        "--markdown", action="append", default=[], metavar="FILE.md", help="put the tables between the marks of a page"
    )
    parser.add_argument("--readme", metavar="FILE.md", help="put a short table between the marks of a page")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; the exit code: 0 done, 1 a file cannot be used or a peer disagrees, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    # Threads of OpenMP that spin after their work would take the core from whoever comes next in the round.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from benchmarks.compare import print_changes
    from benchmarks.results import Report

    try:
        if options.compare:
            print_changes(*(Report.load(path) for path in options.compare))
            return 0
        report = Report.load(options.load) if options.load else _measure(options)
        if options.out:
            report.save(options.out)
        _show(report)
        _write(report, options)
    except (OSError, ValueError) as error:
        print(f"mcfast bench: {error}", file=sys.stderr)
        return 1
    wrong = [entry for row in report.all_rows for entry in row.peers if entry.status in ("different", "failed")]
    return 1 if wrong else 0


def _measure(options: argparse.Namespace) -> Report:
    from benchmarks import growth, machine, magnification, pipeline
    from benchmarks.cases import CASES
    from benchmarks.inputs import LARGE, QUICK, SMALL, inputs
    from benchmarks.measure import measure
    from benchmarks.results import Report
    from benchmarks.rounds import Pace

    def chosen(name: str) -> bool:
        return options.only is None or fnmatch(name, options.only)

    cases = [case for case in CASES if chosen(case.name)]
    if not cases and not chosen("pipeline") and not chosen("magnification"):
        raise ValueError(f"--only: expected a pattern that some case's name matches, got {options.only!r}")
    pace = Pace(3, 2, 0.1, 1.0) if options.quick else Pace()
    shapes = (QUICK,) if options.quick else (SMALL, LARGE)
    report = Report(machine.describe(), machine.peer_versions())
    for shape in shapes if cases else ():
        tell(f"drawing a mammogram of {shape[0]} x {shape[1]}")
        data = inputs(shape)
        for threads in options.threads:
            for case in cases:
                tell(f"{case.name}, {shape[0]} x {shape[1]}, {threads} threads")
                report.rows.append(measure(case, data, threads, pace, with_error=threads == options.threads[0]))
    if chosen("pipeline"):
        report.pipeline = pipeline.measure_pipeline(shapes, options.threads, pace, tell)
    if chosen("magnification"):
        slow = Pace(3, 2, 0.1, 1.0) if options.quick else Pace(5, 3, 10.0)
        report.magnification = magnification.measure_magnification(shapes[:1], inputs, options.threads, slow, tell)
    if options.growth:
        report.sizes = growth.measure_sizes(pace, options.quick, tell)
        report.windows = growth.measure_windows(pace, options.quick, tell)
    return report


def tell(what: str) -> None:
    """Where we are, for who waits; the results themselves go to standard output."""
    print(f"  {what}", file=sys.stderr, flush=True)


def _show(report: Report) -> None:
    from benchmarks.growth import print_growth
    from benchmarks.magnification import print_magnification
    from benchmarks.pipeline import print_pipeline
    from benchmarks.table import print_rows, text
    from benchmarks.targets import verdicts

    print_rows(report.rows)
    errors = {row.case: row.error for row in report.rows if row.error is not None}
    if errors:
        print("\nlargest error against float64, in counts")
        print(text([[case, f"{error:.2e}"] for case, error in errors.items()]))
    fresh = {row.case: row.fresh / 1e6 for row in report.rows if row.fresh is not None and row.fresh > row.pixels / 4}
    if fresh:
        print("\nfresh memory in a warm call of ours, MB")
        print(text([[case, f"{size:.1f}"] for case, size in fresh.items()]))
    print_pipeline(report.pipeline)
    print_magnification(report.magnification)
    print_growth(report)
    found = verdicts(report.rows)
    if found:
        print("\ntargets")
        print(text(found))
    print("\nmachine")
    print(text([[f"  {name}", str(value)] for name, value in {**report.machine, **report.peers}.items()]))


def _write(report: Report, options: argparse.Namespace) -> None:
    from benchmarks.markdown import brief, insert_markdown, markdown

    for page in options.markdown:
        insert_markdown(page, markdown(report))
    if options.readme:
        insert_markdown(options.readme, brief(report))
    if options.chart:
        from benchmarks.chart import draw

        draw(report, options.chart)


def _counts(text: str) -> tuple[int, ...]:
    counts = tuple(int(word) for word in text.split(","))
    if not all(1 <= count <= 256 for count in counts):
        raise argparse.ArgumentTypeError(f"expected numbers of 1 to 256, got {text}")
    return counts
