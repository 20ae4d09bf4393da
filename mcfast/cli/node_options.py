"""What `mcfast serve` and `mcfast watch` have in common."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, get_args

from mcfast.cli.run_options import chosen_outputs, engine_config
from mcfast.result import NOTICE

__all__ = ["add_node_options", "node_config", "run_node"]


def add_node_options(parser: Any) -> None:
    """Add the options of a node to a parser."""
    from mcfast.config import Magnify
    from mcfast.report import OUTPUTS

    parser.add_argument(
        "--queue", default="mcfast-queue", metavar="DIR", help="folder of the queue and results (default: %(default)s)"
    )
    parser.add_argument("--send-to", metavar="AE@HOST:PORT", help="send the DICOM reports there by C-STORE")
    parser.add_argument(
        "--report",
        metavar="LIST",
        help=f"which outputs, of {','.join(OUTPUTS)}, as for mcfast run (default: json, with --send-to json,sr)",
    )
    parser.add_argument("--ae-title", default="MCFAST", metavar="AE", help="of this node (default: %(default)s)")
    parser.add_argument("--max-object-mb", type=int, default=1024, metavar="N", help="largest image (default: 1024)")
    parser.add_argument(
        "--min-free-mb", type=int, default=1024, metavar="N", help="disk space that must stay free (default: 1024)"
    )
    parser.add_argument(
        "--keep-days",
        type=float,
        metavar="D",
        help="remove images and results that are done for so long (default: never)",
    )
    parser.add_argument("--spacing-mm", type=float, metavar="S", help="as for mcfast run")
    parser.add_argument("--min-score", type=float, metavar="P", help="as for mcfast run")
    parser.add_argument("--any-modality", action="store_true", help="as for mcfast run")
    parser.add_argument("--magnify", choices=get_args(Magnify), default="clusters", help="as for mcfast run")
    parser.add_argument("--threads", type=int, metavar="N", help="as for mcfast run")
    parser.add_argument("--log-json", action="store_true", help="log lines as JSON")


def node_config(options: argparse.Namespace, **others: Any) -> Any:
    """The `NodeConfig` of the options. Raises `ConfigError` if one is wrong, `DependencyError` if a package lacks."""
    from mcfast.errors import ConfigError
    from mcfast.node.service import NodeConfig
    from mcfast.report.write import DICOM

    send_to = None
    if options.send_to is not None:
        from mcfast.node.peer import Address

        send_to = Address.parse(options.send_to)
    text = options.report if options.report is not None else "json,sr" if send_to else "json"
    reports = chosen_outputs(text)
    if send_to and not set(reports) & set(DICOM):
        raise ConfigError(f"--report: expected one of {','.join(DICOM)} to send, got {text!r}")
    for option, least in (("max_object_mb", 1), ("min_free_mb", 0), ("keep_days", 0), ("threads", 1)):
        value = getattr(options, option)
        if value is not None and not least <= value <= 1e9:
            raise ConfigError(f"--{option.replace('_', '-')}: expected a number of at least {least}, got {value}")
    return NodeConfig(
        queue=Path(options.queue),
        engine=engine_config(options),
        threads=options.threads,
        reports=reports,
        ae_title=options.ae_title,
        send_to=send_to,
        min_free=options.min_free_mb << 20,
        longest=options.max_object_mb << 20,
        keep_days=options.keep_days,
        **others,
    )


def run_node(config: Any, *, log_json: bool) -> int:
    """Run a node until a signal ends it: 0; 1 if a part of it broke."""
    from mcfast.node.log import log_to_stderr
    from mcfast.node.service import Node

    log_to_stderr(as_json=log_json)
    node = Node(config)

    def end(*_: object) -> None:
        if node.stopping.is_set():  # the second time: whoever asks twice does not want to wait
            os._exit(128 + signal.SIGTERM)
        node.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    print(NOTICE, file=sys.stderr)
    node.start()
    node.stopping.wait()
    node.stop()
    code = 0 if node.error is None else 1
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(code)  # a peer that hangs in a connection must not keep the process; all is on disk
    return code
