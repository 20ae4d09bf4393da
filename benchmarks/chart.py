"""The chart: time against window size, both logarithmic, for us and the peers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.growth import SWEEPS, of_window
from benchmarks.peers import PEERS
from benchmarks.results import OURS, Report

__all__ = ["draw"]

TITLES = {
    "erode_rectangle": ("Erosion by a k x k square", "k, pixels"),
    "erode_disk": ("Exact erosion by a disk", "diameter, pixels"),
    "guided_filter": ("Guided filter, self-guided", "radius, pixels"),
}
# Okabe and Ito's palette, told apart with any colour vision; markers differ as well.
STYLES = {
    OURS: ("#000000", "o"),
    "opencv": ("#D55E00", "s"),
    "scipy": ("#0072B2", "^"),
    "skimage": ("#009E73", "v"),
    "numba": ("#CC79A7", "D"),
    "torch": ("#E69F00", "P"),
}


def draw(report: Report, path: str | Path) -> None:
    """Write a PNG. Raises `ValueError` if the report has no growth, or matplotlib is not installed."""
    if not report.windows:
        raise ValueError("--chart: expected results with growth; run with --growth")
    try:
        import matplotlib
    except ImportError:
        raise ValueError("--chart: matplotlib is not installed; pip install 'mcfast[bench]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    figure, panels = pyplot.subplots(1, len(SWEEPS), figsize=(13, 4.6), sharey=True, layout="constrained")
    for panel, operation in zip(panels, SWEEPS, strict=True):
        _panel(panel, report, operation)
        plain = FuncFormatter(lambda value, _: f"{value:g}")
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter(plain)
            axis.set_minor_formatter(NullFormatter())
        panel.xaxis.set_minor_locator(NullLocator())
    panels[0].set_ylabel("ns per pixel, one thread")
    handles: dict[str, Any] = {}
    for panel in panels:
        handles.update({label: handle for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)})
    handles["plain copy"] = handles.pop("plain copy")  # last
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    shape = report.windows[0]
    figure.suptitle(f"{shape.rows} x {shape.columns} uint16, {report.machine['processor']}; open markers: extrapolated")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _panel(panel: Any, report: Report, operation: str) -> None:
    sweep = of_window(report.windows, operation)
    for library, (colour, marker) in STYLES.items():
        points = [
            (value, 1e9 * entry.median / row.pixels, entry.status == "timed")
            for value, row in sweep.items()
            if (entry := row.entry(library)) is not None and entry.seconds
        ]
        if not points:
            continue
        label, width = PEERS.get(library, library), 2.6 if library == OURS else 1.4
        x, y = [point[0] for point in points], [point[1] for point in points]
        panel.plot(x, y, color=colour, linewidth=width, label=label, marker=marker, markersize=6)
        guessed = [point for point in points if not point[2]]
        panel.plot(
            [point[0] for point in guessed],
            [point[1] for point in guessed],
            marker,
            color=colour,
            markerfacecolor="white",
            markersize=6,
        )
    copy = sorted(1e9 * row.copy.median / row.pixels for row in sweep.values())
    panel.axhline(copy[len(copy) // 2], color="#777777", linestyle="--", linewidth=1, label="plain copy")
    title, unit = TITLES[operation]
    panel.set(title=title, xlabel=unit, xscale="log", yscale="log", xticks=list(sweep))
    panel.grid(True, which="major", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
