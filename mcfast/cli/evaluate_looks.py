"""`mcfast evaluate looks`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.evaluate_options import add_background_options, told
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "looks",
        help="detection: what is found in 8-bit exports of other spacings, sharpness, noise and windows",
        description="Draws calcifications into mammograms, exports each with 8 bits in ten looks of other vendors "
        "and archives (0.11 to 0.14 mm), and finds them with the whole chain. Prints what is found in each "
        "look, and at which stage the others are lost.",
        epilog=NOTICE,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="mammograms, or a folder of them")
    add_background_options(parser)
    parser.add_argument(
        "--among",
        metavar="KIND",
        help="draw what should not be marked into the images too: calcified arteries, metal, film marks, line "
        "crossings, soft specks, soft edges",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn (default: 0)")
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument("--threads", type=int, metavar="N", help="of the engine (default: all processors)")
    parser.add_argument("--out", metavar="FILE", help="write the report as JSON there")
    parser.set_defaults(function=_look)


def _look(options: argparse.Namespace) -> int:
    import json

    from mcfast.cli.inputs import image_files
    from mcfast.config import Config
    from mcfast.detect import DetectorConfig
    from mcfast.engine import Engine
    from mcfast.errors import ConfigError
    from mcfast.evaluate.distractors import DISTRACTORS
    from mcfast.evaluate.robustness import see, summary
    from mcfast.reading import read
    from mcfast.report.write import write_file

    if options.draws < 1 or options.seed < 0:
        raise ConfigError("--draws, --seed: expected at least 1 and 0")
    if options.among is not None and options.among not in DISTRACTORS:
        raise ConfigError(f"--among: expected one of {', '.join(DISTRACTORS)}, got {options.among!r}")
    files = image_files(options.paths)
    known, patients = told(options, files)
    config = Config(magnify="none", detector=DetectorConfig(min_score=0.001))
    engine = Engine(config, threads=options.threads)
    seen = []
    for index, file in enumerate(files):
        mammogram = read(file, spacing_mm=options.spacing_mm)
        seen += see(
            mammogram,
            engine,
            seed=1000 * options.seed + index,
            known=known.get(file.stem, ()),
            patient=patients.get(file.stem),
            among=options.among,
        )
    report = summary(seen, draws=options.draws)
    _print_table(report)
    _print_losses(report[-1]["losses"])
    if options.out:
        write_file(Path(options.out), (json.dumps(report, indent=2) + "\n").encode())
    print(NOTICE)
    return 0


def _print_table(report: list[dict[str, Any]]) -> None:
    methods = list(report[0]["sensitivity"])
    heads = [f"{method} {rate}" for method in methods for rate in (1, 5, 20)]
    print("percent (95 % interval), by false marks per image")
    print("| look | calcifications | let through | of the clear | " + " | ".join(heads) + " |")
    print("|---" * (4 + len(heads)) + "|")
    for entry in report:
        cells = [_percent(entry["passed"]), f"{_percent(entry['clear_passed'])} of {entry['clear']}"]
        for method in methods:
            for one in entry["sensitivity"][method]:
                cells.append(f"{_percent(one['value'])} ({_percent(one['low'])} to {_percent(one['high'])})")
        print(f"| {entry['look']} | {entry['calcifications']} | " + " | ".join(cells) + " |")


def _print_losses(entries: list[dict[str, Any]]) -> None:
    from mcfast.evaluate.losses import STAGES

    print()
    print("what became of them, all exports together, percent by contrast in deviations of the noise")
    print("| false marks per image | contrast | calcifications | " + " | ".join(STAGES) + " |")
    print("|---" * (3 + len(STAGES)) + "|")
    for entry in entries:
        band = f"{entry['low']:g} to {entry['high']:g}" if entry["high"] else f"{entry['low']:g} and above"
        shares = [_percent(None if entry["shares"] is None else entry["shares"][stage]) for stage in STAGES]
        print(f"| {entry['false_per_image']:g} | {band} | {entry['calcifications']} | " + " | ".join(shares) + " |")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f}"
