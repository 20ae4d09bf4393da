"""The whole way, from a file (JPEG Lossless, as most mammograms are stored) to findings, with the stages' times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import mcfast
from benchmarks.rounds import Pace, fresh_bytes, without_garbage_collector
from benchmarks.table import text

__all__ = ["RUNS", "fresh_memory", "measure_pipeline", "prepare", "print_pipeline"]

# name -> what Config(magnify=) is
RUNS = {"file to findings": "none", "file to findings and the breast at 2x": "breast"}


def prepare(folder: str, shape: tuple[int, int]) -> Path:
    """A phantom with clusters as a DICOM file."""
    from mcfast import phantom

    path = Path(folder) / "phantom.dcm"
    phantom.mammogram(7, shape=shape).save_dicom(path)
    return path


def measure_pipeline(
    shapes: Sequence[tuple[int, int]], threads: Sequence[int], pace: Pace, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Medians of every stage, after a warm-up run; `totals` lists each run's, `fresh` is the memory of one more.

    Magnifying the breast takes seconds: it is measured on the first shape only, with the most threads only.
    """
    found = []
    for shape in shapes:
        with TemporaryDirectory() as folder:
            path = prepare(folder, shape)
            for name, magnify in RUNS.items():
                slow = magnify == "breast"
                for count in (max(threads),) if slow else threads:
                    if slow and shape != shapes[0]:
                        continue
                    size = f"{shape[0]} x {shape[1]}"
                    tell(f"{name}, {size}, {count} threads")
                    engine = mcfast.Engine(mcfast.Config(magnify=magnify), threads=count)
                    found.append({"name": f"{name}, {size}", "threads": count, **_timed(engine, path, shape, pace)})
    return found


def _timed(engine: Any, path: Path, shape: tuple[int, int], pace: Pace) -> dict[str, Any]:
    engine(path)
    runs: list[dict[str, float]] = []
    with without_garbage_collector():
        while len(runs) < pace.least or (len(runs) < pace.rounds and sum(run["total"] for run in runs) < pace.patience):
            runs.append(dict(engine(path).seconds))
    return {
        "runs": len(runs),
        "totals": [run["total"] for run in runs],
        "fresh": fresh_bytes(lambda: engine(path)),
        "image": 2 * shape[0] * shape[1],
        "seconds": {stage: median(run[stage] for run in runs) for stage in runs[0]},
    }


def print_pipeline(runs: Sequence[dict[str, Any]]) -> None:
    """One column for each run, one line for each stage."""
    if not runs:
        return
    stages = list(dict.fromkeys(stage for run in runs for stage in run["seconds"]))
    for run in runs:
        print(f"\n{run['name']}, {run['threads']} threads, median of {run['runs']}, ms")
        print(text([[stage, f"{1e3 * run['seconds'][stage]:.1f}"] for stage in stages if stage in run["seconds"]]))
        print(fresh_memory(run))


def fresh_memory(run: dict[str, Any]) -> str:
    """What the system had to hand out for one more image, in words; results of older versions do not say."""
    if "fresh" not in run:
        return "fresh memory in a warm run: not measured"
    return (
        f"fresh memory in a warm run, all stages: {run['fresh'] / 1e6:.1f} MB; the image: {run['image'] / 1e6:.1f} MB"
    )
