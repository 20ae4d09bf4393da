"""The command `mcfast`: one module for each of its commands."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from mcfast.cli import bench, demo, engines, evaluate, information, map, run, serve, train, triage, watch, worklist
from mcfast.cli.text import printable
from mcfast.errors import McfastError
from mcfast.result import NOTICE
from mcfast.version import version

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code: 0 done, 1 an input or the whole run failed, 2 wrong usage, 130
    interrupted, 141 nobody reads the output, 143 terminated."""
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):
            output.reconfigure(errors="backslashreplace")  # a file's name may hold what the terminal cannot show
    try:
        _terminate_cleanly()
        options = _parser().parse_args(arguments)
        code = int(options.function(options))
        sys.stdout.flush()  # here, where a full disk or a closed pipe still has an answer
        return code
    except BrokenPipeError:
        # What is still buffered would fail again, with a traceback, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _failed(f"{where}{error.strerror or error}")
    except (McfastError, ValueError) as error:
        return _failed(str(error))
    except KeyboardInterrupt:
        return _failed("interrupted", 128 + signal.SIGINT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mcfast",
        description="Enhances, finds and magnifies microcalcifications in mammograms.",
        epilog=NOTICE,
    )
    parser.add_argument("--version", action="version", version=f"mcfast {version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (run, map, triage, worklist, serve, watch, demo, information, evaluate, train, engines, bench):
        command.add_parser(commands)
    return parser


def _failed(message: str, code: int = 1) -> int:
    print(f"mcfast: {printable(message)}", file=sys.stderr)
    return code


def _terminate_cleanly() -> None:
    """Let a SIGTERM unwind the stack, so that no temporary file stays behind."""

    def leave(*_: object) -> None:
        sys.exit(128 + signal.SIGTERM)

    with suppress(ValueError):  # not in the main thread: whoever started it minds the signals
        signal.signal(signal.SIGTERM, leave)
