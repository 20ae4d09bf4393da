"""`mcfast train fsrcnn`."""

from __future__ import annotations

import argparse
from pathlib import Path
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
    parser.add_argument(
        "data",
        metavar="DATA",
        help=f"'{PHANTOMS}': synthetic mammograms, as for what ships; or a folder of PNG, TIFF and DICOM images",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for network, card, metrics and checkpoint")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides data, order and start (default: 0)")
    parser.add_argument("--steps", type=int, metavar="N", help="steps of Adam (default: 3000)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="threads of torch (default: 2)")
    parser.add_argument("--quiet", action="store_true", help="print the metrics only")
    parser.set_defaults(function=_train)


def _train(options: argparse.Namespace) -> int:
    import json
    from dataclasses import replace

    from mcfast.errors import ConfigError, DeviceError

    for name, least in (("seed", 0), ("threads", 1), ("steps", 1)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise ConfigError(f"--{name}: expected at least {least}, got {value}")
    try:
        from mcfast.train.magnifier.training import FsrcnnRecipe, train_fsrcnn
    except ImportError as error:
        raise DeviceError(f"train fsrcnn: {error}; install what it needs with pip install mcfast[train]") from error
    recipe = FsrcnnRecipe()
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    data = None if options.data == PHANTOMS else _folder(options.data, options.seed)
    metrics = train_fsrcnn(
        options.out, seed=options.seed, recipe=recipe, threads=options.threads, progress=not options.quiet, data=data
    )
    print(json.dumps(metrics, indent=2, default=str))
    return 0


def _folder(folder: str, seed: int) -> Any:
    from mcfast.cli.inputs import image_files
    from mcfast.errors import InputError
    from mcfast.train.magnifier.data import FolderData

    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; give a folder of images, or the word {PHANTOMS}")
    return FolderData(image_files([folder]), seed)
