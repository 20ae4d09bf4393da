"""The command `mcfast`: `run`, `demo`, `info`, `bench`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mcfast.cli import bench, demo, information, run
from mcfast.errors import McfastError
from mcfast.result import NOTICE

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code: 0 done, 1 an input failed, 2 wrong usage, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="mcfast",
        description="Enhances, finds and magnifies microcalcifications in mammograms.",
        epilog=NOTICE,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (run, demo, information, bench):
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.function(options))
    except (McfastError, OSError) as error:
        print(f"mcfast: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mcfast: interrupted", file=sys.stderr)
        return 130
