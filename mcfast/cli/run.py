"""`mcfast run`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from mcfast.cli.inputs import expand, output_folder, result_names
from mcfast.cli.run_options import chosen_outputs, engine_config
from mcfast.cli.table import print_results, print_stages
from mcfast.cli.text import printable
from mcfast.result import NOTICE, Failure, Result

__all__ = ["add_parser", "process"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    from mcfast.config import Magnify
    from mcfast.report import OUTPUTS, PICTURES

    parser = commands.add_parser(
        "run",
        help="find, enhance and magnify in files",
        description="Works on DICOM, PNG and TIFF mammograms and writes, for each, a folder with result.json, "
        "marks.png, enhanced.png and magnified.png. A file that cannot be used gives a line on standard error and "
        "a result.json that says why; the others are done.",
        epilog=f"Exit code 1 if any input failed. {NOTICE}",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder: every file below it")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the results go, one folder for each input")
    parser.add_argument(
        "--spacing-mm",
        type=float,
        metavar="S",
        help="distance of pixel centres in mm, for files whose header tells none (PNG, TIFF, some DICOM); "
        "a header's spacing wins",
    )
    parser.add_argument("--min-score", type=float, metavar="P", help="report calcifications from this score on, 0 to 1")
    parser.add_argument("--any-modality", action="store_true", help="take DICOM files that are no mammograms by header")
    parser.add_argument(
        "--magnify", choices=get_args(Magnify), default="clusters", help="what to magnify (default: clusters)"
    )
    parser.add_argument(
        "--report",
        "--write",
        default=",".join(PICTURES),
        metavar="LIST",
        help=f"which outputs, of {','.join(OUTPUTS)}: html is a viewer in one file, features a CSV of what is measured "
        "of each calcification; mg, sr (TID 1500), cad-sr (Mammography CAD SR), sc and seg are DICOM objects in the "
        f"study of the input (default: {','.join(PICTURES)})",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu", help="where to compute")
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default: the processors of this process)")
    parser.set_defaults(function=_run)


def _run(options: argparse.Namespace) -> int:
    from mcfast.engine import Engine
    from mcfast.errors import ConfigError, InputError

    config = engine_config(options)
    outputs = chosen_outputs(options.report)
    if options.threads is not None and not 1 <= options.threads <= 256:
        raise ConfigError(f"--threads: expected 1 to 256, got {options.threads}")
    files = expand(options.paths, leave_out=Path(options.out))
    if not files:
        raise InputError(f"{', '.join(options.paths)}: no files there; nothing to do")
    out = output_folder(options.out)
    results = process(Engine(config, options.device, threads=options.threads), files, out, outputs)
    print_results(results, result_names(files), out)
    print_stages(results)
    print(NOTICE)
    return 1 if any(result.failure is not None for result in results) else 0


def process(engine: Any, files: Sequence[Path], out: Path, outputs: Sequence[str]) -> list[Result]:
    """Run the engine over files and write their results; failures go to standard error as they come.

    Returns the results without their images, so that any number of files fits into memory.
    """
    from dataclasses import replace
    from time import perf_counter

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from mcfast.errors import InputError
    from mcfast.report import write_result

    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("mammograms", total=len(files))

        def say(message: str) -> None:
            progress.console.print(f"mcfast: {printable(message)}", markup=False, highlight=False, soft_wrap=True)

        stream = engine.stream(files)
        for result, name in zip(stream, result_names(files), strict=True):
            if result.failure is not None:
                say(result.failure.message)
            begin = perf_counter()
            try:
                write_result(result, out / name, outputs=outputs)
            except InputError as error:
                # There are findings, and their files: only what could not be written is missing.
                say(str(error))
                result = replace(result, failure=Failure(type(error).__name__, str(error), "write"))
            writing = {"write": perf_counter() - begin}
            stream.record(writing)
            seconds = dict(result.seconds) | writing
            kept = replace(result, seconds=seconds, image=None, enhanced=None, mask=None, magnified=(), mammogram=None)
            results.append(kept)
            progress.advance(task)
    return results
