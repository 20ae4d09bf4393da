"""`mcfast triage`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mcfast.result import NOTICE

__all__ = ["add_parser"]


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
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: as this machine allows)")
    parser.add_argument("--limit", type=int, metavar="N", help="take the first N files only")
    parser.add_argument("--shard-size", type=int, default=256, metavar="N", help="files in a shard (default: 256)")
    parser.add_argument("--spacing-mm", type=float, metavar="S", help="as for mcfast run")
    parser.add_argument("--any-modality", action="store_true", help="as for mcfast run")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    parser.set_defaults(function=_triage)


def _triage(options: argparse.Namespace) -> int:
    from mcfast.config import Config
    from mcfast.errors import ConfigError
    from mcfast.triage.local import worker_count
    from mcfast.triage.manifest import listed
    from mcfast.triage.run import opened

    for name in ("workers", "limit", "shard_size"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name.replace('_', '-')}: expected a number of at least 1, got {value}")
    archive, results = Path(options.archive), Path(options.out)
    workers = options.workers or worker_count()
    if options.dry_run:
        files = sum(1 for _ in listed(archive, leave_out=results))
        files = files if options.limit is None else min(files, options.limit)
        print(f"{files} files in {-(-files // options.shard_size)} shards, {workers} workers; nothing done")
        return 0
    config = Config(spacing_mm=options.spacing_mm, any_modality=options.any_modality, magnify="none")
    with opened(archive, results, config, limit=options.limit, shard_size=options.shard_size) as plan:
        _go_on(plan, workers)
        return _summary(results)


def _go_on(plan: Any, workers: int) -> None:
    """Run what is left, with a bar and the rate in a terminal, a line for each shard elsewhere."""
    from time import perf_counter

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    total, done = plan.manifest.files, plan.manifest.files - sum(len(plan.manifest.shard(one)) for one in plan.left)
    if done:
        print(f"mcfast: {done} of {total} files are done already", file=sys.stderr)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    begin, fresh = perf_counter(), 0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("mammograms", total=total, completed=done)
        for _, files in plan.run(min(workers, max(1, len(plan.left)))):
            fresh += files
            rate = fresh / (perf_counter() - begin)
            progress.update(task, completed=done + fresh, description=f"{rate:.1f} files/s")
            if not console.is_terminal:
                left = (total - done - fresh) / rate
                print(
                    f"mcfast: {done + fresh} of {total} files, {rate:.1f} files/s, {left:.0f} s left", file=sys.stderr
                )


def _summary(results: Path) -> int:
    from mcfast.triage.worklist import counts

    by_status = counts(results)
    print(", ".join(f"{number} {status}" for status, number in sorted(by_status.items())))
    print(f"results in {results}/shards; mcfast worklist {results} ranks them")
    print(NOTICE)
    return 1 if by_status.get("failed") else 0
