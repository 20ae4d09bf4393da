"""`mcfast train fsrcnn`."""

from __future__ import annotations

import argparse
from typing import Any

from mcfast.result import NOTICE

__all__ = ["add_parser"]

PHANTOMS = "phantoms"


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "fsrcnn",
        help="the magnifier",
        description="Trains FSRCNN on images and their 2x2-binned selves, and leaves fsrcnn.onnx, its model card and "
        "its metrics in DIR. A run that was stopped goes on from its last checkpoint there.",
        epilog=NOTICE,
    )
    parser.add_argument("data", choices=[PHANTOMS], metavar="DATA", help=f"{PHANTOMS}: synthetic mammograms")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for network, card, metrics and checkpoint")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides data, order and start (default: 0)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="threads of torch (default: 2)")
    parser.add_argument("--quiet", action="store_true", help="print the metrics only")
    parser.set_defaults(function=_train)


def _train(options: argparse.Namespace) -> int:
    import json

    from mcfast.errors import DeviceError

    try:
        from mcfast.train.fsrcnn import train_fsrcnn
    except ImportError as error:
        raise DeviceError(f"train fsrcnn: {error}; install what it needs with pip install mcfast[train]") from error
    metrics = train_fsrcnn(options.out, seed=options.seed, threads=options.threads, progress=not options.quiet)
    print(json.dumps(metrics, indent=2, default=str))
    return 0
