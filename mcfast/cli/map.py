"""`mcfast map`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.inputs import expand, output_folder, result_names
from mcfast.cli.text import printable
from mcfast.result import NOTICE

__all__ = ["add_parser"]

UNITS = ("intensity", "pixel-noise", "noise")
METHODS = ("auto", "dense", "patches")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "map",
        help="what a patch classifier says everywhere in a breast",
        description="Asks a patch classifier about the whole breast, on a grid, and writes for each mammogram a folder "
        "with map.npy and map.tif (float32, NaN outside of the breast), map.png (over the mammogram) and map.json "
        "(where cells lie, and how the map was made). Networks without padding are asked in one pass (needs the "
        "package onnx), all others patch by patch.",
        epilog=f"Exit code 1 if any input failed. {NOTICE}",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder: every file below it")
    parser.add_argument(
        "--network", required=True, metavar="FILE", help="an ONNX file, or the name of a network that ships (vgg12)"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="where the maps go, one folder for each input")
    parser.add_argument("--spacing-mm", type=float, metavar="S", help="as of mcfast run")
    parser.add_argument("--any-modality", action="store_true", help="as of mcfast run")
    parser.add_argument(
        "--units",
        choices=UNITS,
        help="what the network was trained on: intensities of 0 to 1, or the local mean taken off in deviations of the "
        "noise around each pixel or around the patch's centre (default: what its file tells)",
    )
    parser.add_argument("--mean", type=float, default=0.0, metavar="M", help="taken from intensities (default: 0)")
    parser.add_argument("--std", type=float, default=1.0, metavar="D", help="then divides them (default: 1)")
    parser.add_argument(
        "--stride", type=int, metavar="N", help="pixels from cell to cell (default: a third of the patch's side)"
    )
    parser.add_argument("--method", choices=METHODS, default="auto", help="default: dense if that is exact")
    parser.add_argument(
        "--output", type=int, default=-1, metavar="K", help="which of several outputs, from 0 (default: the last)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default: the processors of this process)")
    parser.set_defaults(function=_map)


def _map(options: argparse.Namespace) -> int:
    import sys

    from mcfast.errors import ConfigError, InputError

    if options.threads is not None and not 1 <= options.threads <= 256:
        raise ConfigError(f"--threads: expected 1 to 256, got {options.threads}")
    files = expand(options.paths, leave_out=Path(options.out))
    if not files:
        raise InputError(f"{', '.join(options.paths)}: no files there; nothing to do")
    out, network, failed = output_folder(options.out), _network(options.network), False
    for file, name in zip(files, result_names(files), strict=True):
        try:
            print(_one(options, network, file, out / name))
        except InputError as error:
            failed = True
            print(f"mcfast: {printable(str(error))}", file=sys.stderr)
    print(NOTICE)
    return int(failed)


def _one(options: argparse.Namespace, network: bytes, file: Path, folder: Path) -> str:
    """Make and write the map of a file; a line about it."""
    from time import perf_counter

    import numpy

    from mcfast.probability import probability_map
    from mcfast.report.map_files import write_map

    names = ("units", "mean", "std", "stride", "method", "output", "spacing_mm", "any_modality", "threads")
    begin = perf_counter()
    found = probability_map(file, network, **{name: getattr(options, name) for name in names})
    seconds = perf_counter() - begin
    write_map(found, folder)
    known = found.values[numpy.isfinite(found.values)]
    highest = f"highest {known.max():.3f}" if len(known) else "no breast"
    why = f" ({found.reason})" if found.reason else ""
    apart = found.stride * found.spacing_mm
    return printable(
        f"{folder}/: {len(known)} cells {apart:g} mm apart, {highest}, {seconds:.1f} s, method: {found.method}{why}"
    )


def _network(text: str) -> bytes:
    """The bytes of a file, or of a network that ships. Raises `ConfigError` if it is neither."""
    from mcfast import nets
    from mcfast.errors import ConfigError

    if text in nets.names():
        return nets.weights(text)
    try:
        return Path(text).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"--network: {text} cannot be read ({error.strerror}); give an ONNX file, or one of "
            f"{', '.join(nets.names())}"
        ) from error
