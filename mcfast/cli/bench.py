"""`mcfast bench`: runs the `benchmarks` folder of a checkout, which is no part of the installed package."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from mcfast.errors import ConfigError
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "bench",
        help="time the operations against other libraries (in a checkout)",
        description="Runs the benchmarks of a checkout of mcfast.",
        epilog=NOTICE,
        # Nothing begins with this character, so that every option, --help too, goes on to the benchmarks.
        prefix_chars="\0",
        add_help=False,
    )
    parser.add_argument("arguments", nargs="*")
    parser.set_defaults(function=_bench)


def _bench(options: argparse.Namespace) -> int:
    own = argparse.ArgumentParser(prog="mcfast bench", add_help=False, allow_abbrev=False)
    own.add_argument("--benchmarks", default="benchmarks", metavar="DIR")
    found, rest = own.parse_known_args(options.arguments)
    folder = Path(found.benchmarks).resolve()
    if folder.name != "benchmarks" or not (folder / "command.py").is_file():
        raise ConfigError(
            f"{found.benchmarks}: no benchmarks here; run in a checkout of mcfast, or give its folder with "
            "--benchmarks DIR (it is the one named 'benchmarks')"
        )
    if str(folder.parent) not in sys.path:
        sys.path.insert(0, str(folder.parent))
    return int(import_module("benchmarks.command").main(rest))
