"""`mcfast demo`."""

from __future__ import annotations

import argparse
from typing import Any

from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="make a synthetic mammogram and run on it",
        description="Draws a full-size mammogram with known calcifications, saves it as DICOM (JPEG Lossless, 12 bit), "
        "runs on that file, and compares the findings with the truth.",
        epilog=NOTICE,
    )
    parser.add_argument("--out", default="out/demo", metavar="DIR", help="where everything goes (default: out/demo)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="which mammogram to draw (default: 7)")
    parser.set_defaults(function=_demo)


def _demo(options: argparse.Namespace) -> int:
    import json
    from time import perf_counter

    from mcfast import phantom
    from mcfast.cli.inputs import output_folder
    from mcfast.cli.table import print_stages
    from mcfast.config import Config
    from mcfast.engine import Engine
    from mcfast.errors import ConfigError
    from mcfast.report import PICTURES, write_result
    from mcfast.report.write import write_file

    if options.seed < 0:
        raise ConfigError(f"--seed: expected a number of at least 0, got {options.seed}")
    out = output_folder(options.out)
    file = out / "phantom.dcm"
    print(f"drawing a synthetic mammogram (seed {options.seed})")
    drawn = phantom.mammogram(options.seed)
    drawn.save_dicom(file)
    write_file(out / "truth.json", (json.dumps(drawn.truth(), indent=2) + "\n").encode())
    print(f"running on {file} ({file.stat().st_size / 1e6:.1f} MB)")
    engine = Engine(Config())
    engine(file)  # the first image pays for fresh memory; the second shows the pace of a running system
    result = engine(file)
    begin = perf_counter()
    files = write_result(result, out, outputs=(*PICTURES, "html"))
    shown = {**result.seconds, "write": perf_counter() - begin}
    print()
    print_stages([_with_seconds(result, shown)])
    print()
    print(_comparison(result, drawn))
    print()
    print("look at")
    for path in (file, out / "truth.json", *files):
        print(f"  {path}")
    print(NOTICE)
    return 0


def _with_seconds(result: Any, seconds: dict[str, float]) -> Any:
    from dataclasses import replace

    return replace(result, seconds=seconds)


def _comparison(result: Any, drawn: Any) -> str:
    """How many of the drawn calcifications were found, within 0.5 mm of their centres."""
    import numpy

    radius = 0.5 / drawn.spacing_mm
    truth = numpy.array([(one.row, one.column) for one in drawn.calcifications]).reshape(-1, 2)
    found = numpy.array([(one.row, one.col) for one in result.calcifications]).reshape(-1, 2)
    distance = numpy.hypot(*(truth[:, None] - found[None]).transpose(2, 0, 1))
    hit = int((distance <= radius).any(axis=1).sum()) if found.size else 0
    wrong = int((~(distance <= radius).any(axis=0)).sum()) if found.size else 0
    clusters = len({one.cluster for one in drawn.calcifications if one.cluster is not None})
    return (
        f"drawn: {len(truth)} calcifications in {clusters} clusters and singly, from barely visible to bright\n"
        f"found: {hit} of them (within 0.5 mm), {wrong} false; {len(result.clusters)} clusters, "
        f"image score {result.score:.2f}"
    )
