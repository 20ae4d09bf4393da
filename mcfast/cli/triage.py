"""`mcfast triage`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mcfast.result import NOTICE

__all__ = ["add_parser"]

RUNNERS = ("local", "ray", "slurm-array")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "triage",
        help="go through an archive of any size",
        description="Finds in every file of an archive and writes Parquet tables: a row for each image, failed ones "
        "with the reason, each calcification and each cluster. Started again after whatever ended it, it goes on.",
        epilog=f"Needs pip install 'mcfast[triage]'. Exit code 1 if any file failed. {NOTICE}",
    )
    parser.add_argument("archive", metavar="ARCHIVE", help="a folder, or a list of files: text, CSV or Parquet (path)")
    parser.add_argument("--out", required=True, metavar="RESULTS", help="folder of the results")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: as the machines allow)")
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="cpu",
        help="where engines compute; on a GPU one engine is fed by all processors (default: cpu). A GPU that cannot "
        "be used gives a line that says why, and the CPU does it",
    )
    parser.add_argument(
        "--runner",
        choices=RUNNERS,
        default="local",
        help="local: this machine; ray: a Ray cluster (pip install 'mcfast[ray]'); slurm-array: list the files, print "
        "a job script for sbatch whose tasks do a shard each, and stop (default: local)",
    )
    parser.add_argument(
        "--shard", type=int, metavar="I", help="do this shard only, as a task of a job array; exit code 0"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="take the first N files only")
    parser.add_argument("--shard-size", type=int, default=256, metavar="N", help="files in a shard (default: 256)")
    parser.add_argument("--spacing-mm", type=float, metavar="S", help="as for mcfast run")
    parser.add_argument("--any-modality", action="store_true", help="as for mcfast run")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    parser.set_defaults(function=_triage)


def _triage(options: argparse.Namespace) -> int:
    from mcfast.config import Config
    from mcfast.errors import ConfigError
    from mcfast.triage.manifest import parquet

    for name in ("workers", "limit", "shard_size"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name.replace('_', '-')}: expected a number of at least 1, got {value}")
    if options.shard is not None and options.runner != "local":
        raise ConfigError(f"--shard: expected --runner local, got {options.runner}; a task does its shard itself")
    parquet()  # what is missing is said before anything is begun
    config = Config(spacing_mm=options.spacing_mm, any_modality=options.any_modality, magnify="none")
    if options.dry_run:
        return _dry_run(options, config)
    return {"local": _local, "ray": _on_ray, "slurm-array": _slurm_array}[options.runner](options, config)


def _dry_run(options: argparse.Namespace, config: Any) -> int:
    from mcfast.triage.layout import layout
    from mcfast.triage.manifest import listed

    workers = ""
    if options.runner == "local":
        workers = f", {layout(_record(options, config), options.device, options.workers).workers} workers"
    files = sum(1 for _ in listed(Path(options.archive), leave_out=Path(options.out)))
    files = files if options.limit is None else min(files, options.limit)
    print(f"{files} files in {-(-files // options.shard_size)} shards{workers}; nothing done")
    return 0


def _local(options: argparse.Namespace, config: Any) -> int:
    from dataclasses import replace

    from mcfast.triage.layout import layout
    from mcfast.triage.local import run_local

    record = _record(options, config)
    with _opened(options, config, record) as plan:
        found = layout(record, options.device, 1 if options.shard is not None else options.workers)
        found = replace(found, workers=min(found.workers, max(1, len(plan.left))))
        total = plan.manifest.files if options.shard is None else plan.manifest.size(options.shard)
        if plan.left:
            _go_on(plan, lambda plan: run_local(plan.results, plan.left, plan.config, plan.record, found), total)
        if options.shard is None:
            return _summary(plan.results)
        print(f"shard {options.shard} is done; nothing was left" if not plan.left else f"shard {options.shard} is done")
        return 0


def _on_ray(options: argparse.Namespace, config: Any) -> int:
    from mcfast.triage.ray_runner import connected, pools_and_record, run_ray

    with connected(options.workers) as ray:
        pools, record, reason = pools_and_record(ray, config, options.device, options.workers)
        _say_fallback(options, reason)
        with _opened(options, config, record) as plan:
            if plan.left:
                _go_on(plan, lambda plan: run_ray(plan, ray, pools), plan.manifest.files)
            return _summary(plan.results)


def _slurm_array(options: argparse.Namespace, config: Any) -> int:
    from mcfast.triage.slurm import LARGEST_INDEX, array_script

    record = _record(options, config)
    with _opened(options, config, record) as plan:
        left, archive = plan.left, Path(options.archive).absolute()
    if not left:
        print("mcfast: every shard is done; there is nothing to submit", file=sys.stderr)
        return 0
    command = [sys.executable, "-m", "mcfast", "triage", str(archive), "--out", str(Path(options.out).absolute())]
    for name in ("limit", "shard_size", "spacing_mm"):
        if getattr(options, name) is not None:
            command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    device = "cpu" if record.device == "cpu" else options.device  # the tasks' machines may have what this one has not
    command += ["--device", device, *(["--any-modality"] if options.any_modality else [])]
    if left[-1] > LARGEST_INDEX:
        print(
            f"mcfast: the last index is {left[-1]}, and Slurm's own MaxArraySize allows {LARGEST_INDEX}; "
            "a larger --shard-size in a new folder gives fewer shards",
            file=sys.stderr,
        )
    print(array_script(command, left, gpu=record.device != "cpu"), end="")
    return 0


def _record(options: argparse.Namespace, config: Any) -> Any:
    """Of the engines that will work; from here on `options.device` is where they are."""
    from mcfast.triage.layout import record_on

    record, device, reason = record_on(config, options.device)
    _say_fallback(options, reason)
    options.device = device
    return record


def _say_fallback(options: argparse.Namespace, reason: str | None) -> None:
    if reason is not None:
        print(f"mcfast: --device {options.device}: {reason}; the CPU does it", file=sys.stderr)


def _opened(options: argparse.Namespace, config: Any, record: Any) -> Any:
    from mcfast.triage.run import opened

    sizes = {"limit": options.limit, "shard_size": options.shard_size}
    return opened(Path(options.archive), Path(options.out), config, **sizes, record=record, shard=options.shard)


def _go_on(plan: Any, runner: Callable[[Any], Iterator[int]], total: int) -> None:
    """Run what is left of `total` files, with a bar and the rate in a terminal, a line for each shard elsewhere."""
    from time import perf_counter

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    left = sum(plan.manifest.size(shard) for shard in plan.left)
    done = total - left
    if done:
        print(f"mcfast: {done} of {total} files are done already", file=sys.stderr)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    begin, fresh = perf_counter(), 0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("mammograms", total=total, completed=done)
        for _, files in plan.run(runner):
            fresh += files
            rate = fresh / (perf_counter() - begin)
            progress.update(task, completed=done + fresh, description=f"{rate:.1f} files/s")
            if not console.is_terminal:
                seconds = (left - fresh) / rate
                print(
                    f"mcfast: {done + fresh} of {total} files, {rate:.1f} files/s, {seconds:.0f} s left",
                    file=sys.stderr,
                )


def _summary(results: Path) -> int:
    from mcfast.triage.worklist import counts

    by_status = counts(results)
    print(", ".join(f"{number} {status}" for status, number in sorted(by_status.items())))
    print(f"results in {results}/shards; mcfast worklist {results} ranks them")
    print(NOTICE)
    return 1 if by_status.get("failed") else 0
