"""`python -m mcfast.train fsrcnn|detector|all --out DIR`: train the shipped networks anew, on phantoms.

Each run leaves `<name>.onnx`, its model card and its metrics in DIR. To ship them, copy the first two to
`mcfast/nets/weights/`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mcfast.errors import DeviceError, McfastError

TRAINERS = {
    "fsrcnn": "mcfast.train.magnifier.training:train_fsrcnn",
    "detector": "mcfast.train.detector.training:train_shipped",
}
"""What can be trained, and the function that does it; imported when it is asked for, because it imports torch."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is asked for; 0 if all went well, 1 after a line that says what is wrong."""
    options = _parser().parse_args(arguments)
    chosen = list(TRAINERS) if options.network == "all" else [options.network]
    try:
        for name in chosen:
            metrics = _train(name, options)
            print(json.dumps({name: metrics}, indent=2, default=str))
    except McfastError as error:
        print(f"mcfast.train: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mcfast.train", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("network", nargs="?", choices=[*TRAINERS, "all"], default="all", help="default: all")
    parser.add_argument("--out", type=Path, required=True, help="folder for networks, cards, metrics and checkpoints")
    parser.add_argument("--seed", type=int, default=0, help="decides phantoms, their order and the start (default: 0)")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: 2)")
    parser.add_argument("--quiet", action="store_true", help="print the metrics only")
    return parser


def _train(name: str, options: argparse.Namespace) -> object:
    module, function = TRAINERS[name].split(":")
    try:
        train = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise DeviceError(f"training {name}: {error}; install what it needs with pip install mcfast[train]") from error
    result: object = train(options.out, seed=options.seed, threads=options.threads, progress=not options.quiet)
    return result


if __name__ == "__main__":
    sys.exit(main())
