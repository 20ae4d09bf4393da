"""`mcfast evaluate sr`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.inputs import expand
from mcfast.result import NOTICE

__all__ = ["add_parser"]

PICTURES = (".png", ".tif", ".tiff")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "sr",
        help="super-resolution: PSNR after 2x2 binning, beside bicubic and Lanczos",
        description="Bins each image by 2x2, magnifies it again by every method, and compares with the image itself.",
        epilog=NOTICE,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="PNG or TIFF of 8 or 16 bit, or a folder of them")
    parser.set_defaults(function=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    from mcfast.errors import InputError
    from mcfast.evaluate.sr import main

    given = {Path(text) for text in options.paths}
    files = [path for path in expand(options.paths) if path in given or path.suffix.lower() in PICTURES]
    if not files:
        raise InputError(f"{', '.join(options.paths)}: no PNG or TIFF there; give pictures or a folder of them")
    return main([str(path) for path in files])
