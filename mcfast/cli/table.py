"""Tables of results and stage times, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcfast.cli.text import printable
from mcfast.result import Result

__all__ = ["print_results", "print_stages"]

STAGES = {
    "read": "parse and decode the file",
    "window": "stored values to presentation values",
    "enhance": "dehaze at full resolution",
    "mask": "resample to 0.1 mm, find the breast",
    "propose": "candidates",
    "classify": "network on their patches",
    "submit": "put everything on the GPU",
    "device": "wait for the GPU, after that",
    "device_upload": "of it on the GPU: the image up",
    "device_compute": "of it on the GPU: kernels and networks",
    **{
        f"device_{stage}": "of that"
        for stage in ("enhance", "mask", "propose", "classify", "suppress", "magnify")  # MCFAST_DEVICE_STAGES=1
    },
    "device_download": "of it on the GPU: results down",
    "cluster": "suppress, measure, group",
    "magnify": "FSRCNN x2",
    "total": "sum of the above: file to result",
    "write": "the files of the reports",
}


def print_results(results: Sequence[Result], names: Sequence[str], out: Path) -> None:
    """One row for each input, under the name of its folder in `out`."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("result", overflow="fold")
    table.add_column("status")
    for title in ("calcifications", "clusters", "score", "seconds"):
        table.add_column(title, justify="right", no_wrap=True)
    for result, folder in zip(results, names, strict=True):
        name = escape(printable(folder))
        if result.status == "failed":
            table.add_row(name, result.status)
            continue
        total = f"{result.seconds['total']:.2f}"
        counts = str(len(result.calcifications)), str(len(result.clusters))
        table.add_row(name, result.status, *counts, f"{result.score:.3f}", total)
    _print(table)
    print(f"results in {printable(str(out))}/")


def print_stages(results: Sequence[Result]) -> None:
    """Median of every stage over the results that did not fail and, of several, what 99 in 100 took at most."""
    from rich.table import Table

    from mcfast.latency import quantiles

    timed = [result.seconds for result in results if result.status != "failed"]
    if not timed:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    table.add_column("milliseconds" if len(timed) == 1 else f"median of {len(timed)}, ms", justify="right")
    if len(timed) > 1:
        table.add_column("p99, ms", justify="right")
    table.add_column("what")
    for stage, what in STAGES.items():
        values = [seconds[stage] for seconds in timed if stage in seconds]
        if values:
            of = quantiles(values)
            shown = [f"{1000 * value:.1f}" for value in ((of.p50, of.p99) if len(timed) > 1 else (of.p50,))]
            table.add_row(stage, *shown, what, style="bold" if stage == "total" else None)
    _print(table)


def _print(table: Any) -> None:
    """Print a table; into a file or a narrow terminal as wide as it needs, rather than folded."""
    from rich.console import Console

    console = Console()
    Console(width=max(100, console.width)).print(table)
