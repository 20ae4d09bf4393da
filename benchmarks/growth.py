"""How time grows: with the size of the image (linear), and with the size of the window (flat)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

import numpy

from benchmarks.cases import CASES, Case
from benchmarks.inputs import inputs
from benchmarks.measure import measure
from benchmarks.peers import PEERS
from benchmarks.results import OURS, Report, Row
from benchmarks.rounds import Pace
from benchmarks.table import text

__all__ = [
    "SWEEPS",
    "fit",
    "measure_sizes",
    "measure_windows",
    "of_window",
    "print_growth",
    "size_table",
    "window_table",
]

# (rows, columns): 0.03 to 64 megapixels
SIZES = ((128, 256), (256, 512), (512, 1024), (1024, 1024), (1024, 2048), (2048, 2048))
LARGE_SIZES = ((2048, 4096), (4096, 4096), (4096, 8192), (8192, 8192))
SIZE_CASES = ("erode_rectangle k=15", "erode_disk d=15", "tophat_disk d=15", "guided_filter r=16 eps=25", "dehaze")
SMALLEST_FITTED = 500_000  # pixels; below, the call itself is what takes the time

# operation -> (its parameter, values)
SWEEPS: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "erode_rectangle": ("k", (3, 5, 9, 15, 31, 51, 101, 201)),
    "erode_disk": ("d", (3, 7, 15, 31, 51, 101)),
    "guided_filter": ("r", (2, 4, 8, 16, 32, 60, 100)),
}
DRAWN = (2048, 2048)
LARGEST_QUICK = 31  # pixels; a wider border would leave nothing of the small image to check


def measure_sizes(pace: Pace, quick: bool, tell: Callable[[str], None]) -> list[Row]:
    """Our times for growing images with one thread and with two."""
    rows = []
    for shape in SIZES if quick else SIZES + LARGE_SIZES:
        tell(f"growth: {shape[0]} x {shape[1]}")
        data = inputs(shape, DRAWN if not quick else (512, 512))
        cases = [case for case in CASES if case.name in SIZE_CASES]
        rows += [measure(case, data, threads, pace, {}) for case in cases for threads in (1, 2)]
    return rows


def measure_windows(
    pace: Pace, quick: bool, tell: Callable[[str], None], libraries: Mapping[str, ModuleType] | None = None
) -> list[Row]:
    """Times for growing windows, with the peers, one thread each."""
    data = inputs((512, 640) if quick else DRAWN)
    rows = []
    for operation, (parameter, values) in SWEEPS.items():
        tell(f"growth: {operation}, {parameter} = {values[0]} to {values[-1]}")
        like = next(case for case in CASES if case.operation == operation)
        for value in values:
            if quick and value > LARGEST_QUICK:
                continue
            case = Case(like.noun, operation, {**like.parameters, parameter: value}, like.moved)
            rows.append(measure(case, data, 1, pace, libraries))
    return rows


def fit(pixels: Sequence[int], seconds: Sequence[float]) -> tuple[float, float, float]:
    """Least squares of seconds = ns/px * pixels + start, each point weighed by 1 / its time.

    Returns ns per pixel, start in ms, and the largest residual relative to the time.
    """
    size, time = numpy.asarray(pixels, float), numpy.asarray(seconds, float)
    matrix = numpy.column_stack([size, numpy.ones_like(size)]) / time[:, None]
    (slope, start), *_ = numpy.linalg.lstsq(matrix, numpy.ones_like(time), rcond=None)
    residual = numpy.abs((slope * size + start) / time - 1).max()
    return 1e9 * float(slope), 1e3 * float(start), float(residual)


def of_window(rows: Sequence[Row], operation: str) -> dict[int, Row]:
    """The sweep of one operation: the row of each value of its parameter."""
    parameter, values = SWEEPS[operation]
    return {
        value: row for value in values for row in rows if row.case.split()[:2] == [operation, f"{parameter}={value}"]
    }


def size_table(rows: Sequence[Row]) -> list[list[str]]:
    """ns/px with one thread and, after the slash, the gain of a second; then the fit and its largest residual."""
    areas = sorted({row.pixels for row in rows})
    lines = [["Mpx", *(f"{area / 2**20:.3g}" for area in areas), "fit", "residual"]]
    for name in dict.fromkeys(row.case for row in rows):
        one = {row.pixels: row.ours.median for row in rows if row.case == name and row.threads == 1}
        gains = {row.pixels: row.gain for row in rows if row.case == name and row.gain is not None}
        fitted = [area for area in areas if area >= SMALLEST_FITTED]
        slope, start, residual = fit(fitted, [one[area] for area in fitted])
        shown = [f"{1e9 * one[area] / area:.2f}" + (f"/{gains[area]:.2f}" if area in gains else "") for area in areas]
        lines.append([name, *shown, f"{slope:.2f} ns/px {start:+.2f} ms", f"{100 * residual:.0f} %"])
    return lines


def window_table(rows: Sequence[Row], operation: str) -> list[list[str]]:
    """ns/px by library; in the last column the largest over the smallest. ~ was extrapolated from a crop."""
    by_value = of_window(rows, operation)
    lines = [[f"{operation} {SWEEPS[operation][0]} =", *map(str, by_value), "max / min"]]
    for library in (OURS, *PEERS):
        entries = [row.entry(library) for row in by_value.values()]
        if not any(entry and entry.seconds for entry in entries):
            continue
        times = [
            1e9 * entry.median / row.pixels if entry and entry.seconds else None
            for entry, row in zip(entries, by_value.values(), strict=True)
        ]
        known = [time for time in times if time is not None]
        shown = [
            "-" if time is None or entry is None else f"{'~' if entry.status == 'extrapolated' else ''}{time:.2f}"
            for time, entry in zip(times, entries, strict=True)
        ]
        lines.append([PEERS.get(library, library), *shown, f"{max(known) / min(known):.1f}"])
    return lines


def print_growth(report: Report) -> None:
    """Both kinds of table."""
    if report.sizes:
        print("\ntime against image size: ns/px with one thread / gain of a second thread")
        print(text(size_table(report.sizes)))
    if report.windows:
        shape = f"{report.windows[0].rows} x {report.windows[0].columns}"
        print(f"\ntime against window size, {shape}: ns/px, one thread")
        for operation in SWEEPS:
            print(text(window_table(report.windows, operation)))
