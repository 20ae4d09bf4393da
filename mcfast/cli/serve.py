"""`mcfast serve`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.node_options import add_node_options, node_config, run_node
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="receive mammograms by DICOM and send reports on",
        description="A DICOM node: receives mammograms by C-STORE into a queue on disk, processes them, and sends the "
        "reports on until the peer has them. Ended in whatever way and started again, it goes on.",
        epilog=f"Needs pip install 'mcfast[node]'. SIGTERM or Ctrl-C ends it. {NOTICE}",
    )
    parser.add_argument("--status", metavar="QUEUE", help="say what a queue folder holds, and do nothing else")
    parser.add_argument("--port", type=int, default=11112, metavar="N", help="port to listen on (default: 11112)")
    parser.add_argument("--host", default="", metavar="ADDRESS", help="address to listen on (default: all)")
    parser.add_argument("--accept-from", metavar="AE,...", help="titles that may send (default: all)")
    parser.add_argument(
        "--max-associations", type=int, default=8, metavar="N", help="associations at once (default: 8)"
    )
    parser.add_argument("--watch", metavar="DIR", help="take files from a folder, too")
    add_node_options(parser)
    parser.set_defaults(function=_serve)


def _serve(options: argparse.Namespace) -> int:
    from mcfast.errors import ConfigError

    if options.status is not None:
        from mcfast.cli.text import printable
        from mcfast.node.status import summary

        for line in summary(Path(options.status)):
            print(printable(line))
        return 0
    from mcfast.node.receiver import Limits

    if not 0 <= options.port < 1 << 16:
        raise ConfigError(f"--port: expected 0 to 65535, got {options.port}")
    if options.max_associations < 1:
        raise ConfigError(f"--max-associations: expected at least 1, got {options.max_associations}")
    limits = Limits(
        associations=options.max_associations,
        object_bytes=options.max_object_mb << 20,
        titles=tuple(options.accept_from.split(",")) if options.accept_from else (),
    )
    watch = None if options.watch is None else Path(options.watch)
    config = node_config(options, listen=(options.host, options.port), limits=limits, watch=watch)
    return run_node(config, log_json=options.log_json)
