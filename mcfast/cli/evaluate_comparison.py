"""`mcfast evaluate comparison`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mcfast.cli.evaluate_options import add_background_options, told
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "comparison",
        help="detection: the shipped detector beside top-hat, LoG and OpenCV's blobs",
        description="Without PATH on phantoms of its own; with mammograms, on calcifications drawn into them (8-bit "
        "exports at 0.085 and 0.14 mm). Prints a table with intervals.",
        epilog=NOTICE,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="mammograms, or a folder of them")
    add_background_options(parser)
    parser.add_argument("--network", metavar="FILE", help="an ONNX file instead of the shipped detector")
    parser.add_argument("--phantoms", type=int, default=12, metavar="N", help="how many phantoms (default: 12)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of phantoms and insertion (default: 0)")
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument("--out", metavar="FILE", help="write the report as JSON there")
    parser.set_defaults(function=_compare)


def _compare(options: argparse.Namespace) -> int:
    import json

    from mcfast import nets, runtimes
    from mcfast.detect import Committee
    from mcfast.engine import CONTEXT, DETECTORS
    from mcfast.errors import ConfigError
    from mcfast.evaluate.comparison import BLOBS, cells_of, compare_methods, match_image
    from mcfast.report.write import write_file

    if options.phantoms < 1 or options.draws < 1 or options.seed < 0:
        raise ConfigError("--phantoms, --draws, --seed: expected at least 1, 1 and 0")
    files = [options.network] if options.network else [nets.weights(name) for name in DETECTORS]
    network = Committee([runtimes.load(file) for file in files])
    context = None if options.network else runtimes.load(nets.weights(CONTEXT))
    matched, patients, cells = [], [], []
    for case in _cases(options):
        mammogram, truth, known = case.load()
        matched.append(match_image(mammogram, truth, network, known, context=context))
        patients.append(truth.patient)
        cells.append(cells_of(mammogram))
    report = compare_methods(matched, patients, cells, draws=options.draws)
    total = sum(next(iter(one.values())).total for one in matched)
    print(f"{len(matched)} images of {len(set(patients))}, {total} calcifications; percent (95 % interval)")
    _print_table(report)
    if BLOBS not in report["methods"]:
        print(f"mcfast: no row of the {BLOBS}: it needs pip install opencv-python-headless", file=sys.stderr)
    if options.out:
        write_file(Path(options.out), (json.dumps(report, indent=2) + "\n").encode())
    print(NOTICE)
    return 0


def _cases(options: argparse.Namespace) -> Any:
    from mcfast.cli.inputs import expand
    from mcfast.evaluate.cases import inserted_cases, phantom_cases

    if not options.paths:
        return phantom_cases(options.phantoms, options.seed)
    files = expand(options.paths)
    known, patients = told(options, files)
    return inserted_cases(files, spacing_mm=options.spacing_mm, known=known, patients=patients, seed=options.seed)


def _print_table(report: dict[str, Any]) -> None:
    rates = report["false_per_image"]
    print("| detector | " + " | ".join(f"{rate:g}" for rate in rates) + " | S(1e-6, 1e-1) | p |")
    print("|---" * (len(rates) + 3) + "|")
    for method, part in report["methods"].items():
        cells = [*part["sensitivity"], part["mean_sensitivity"]]
        shown = [f"{100 * one['value']:.0f} ({100 * one['low']:.0f} to {100 * one['high']:.0f})" for one in cells]
        p_value = "" if part["p_value"] is None else f"{part['p_value']:.3f}"
        print(f"| {method} | " + " | ".join(shown) + f" | {p_value} |")
