"""`mcfast watch`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.node_options import add_node_options, node_config, run_node
from mcfast.errors import ConfigError
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "watch",
        help="take mammograms from a folder as they come",
        description="Takes every file of a folder, now and later, once nobody writes to it any more, through the same "
        "queue as mcfast serve. Files stay where they are unless --remove is given.",
        epilog=f"SIGTERM or Ctrl-C ends it. {NOTICE}",
    )
    parser.add_argument("folder", metavar="DIR", help="the folder, with those below it")
    parser.add_argument(
        "--settle", type=float, default=2.0, metavar="S", help="seconds that a file must not have changed (default: 2)"
    )
    parser.add_argument("--remove", action="store_true", help="delete a file once it is in the queue")
    add_node_options(parser)
    parser.set_defaults(function=_watch)


def _watch(options: argparse.Namespace) -> int:
    if not 0 <= options.settle <= 86400:
        raise ConfigError(f"--settle: expected 0 to 86400 s, got {options.settle}")
    config = node_config(options, watch=Path(options.folder), settle=options.settle, remove=options.remove)
    return run_node(config, log_json=options.log_json)
