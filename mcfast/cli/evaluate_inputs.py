"""`mcfast evaluate inputs`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.evaluate_options import add_background_options, told
from mcfast.cli.progress import bars
from mcfast.result import NOTICE

__all__ = ["add_parser"]

NETWORKS = ("vgg12", "alexnet12")
UNITS = ("intensity", "noise")
LEAST = {"tiles": 1, "epochs": 1, "phantoms": 0, "stride": 1, "seed": 0, "draws": 1, "threads": 1}


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "inputs",
        help="detection: does dehazing help? networks trained on unprocessed, CLAHE and dehazed input",
        description="Trains patch classifiers by the recipe of Bria et al. (2018) on phantoms seen unprocessed, after "
        "CLAHE and dehazed, asks each everywhere in images it has not seen (phantoms; with PATH also calcifications "
        "drawn into mammograms), and compares S(1e-6, 1e-1). Prints tables with intervals and p-values, and leaves "
        "inputs.json and inputs.md in DIR. Stopped and started again with the same options, it goes on where it was. "
        "Needs torch, onnx and scikit-image: pip install mcfast[train].",
        epilog=NOTICE,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="mammograms to draw calcifications into, or a folder")
    parser.add_argument("--out", required=True, metavar="DIR", help="where everything goes")
    add_background_options(parser)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, help="default: both")
    parser.add_argument(
        "--units",
        choices=UNITS,
        default=UNITS[0],
        help="what patches hold: intensities, as in the paper (the default), or the local mean taken off in units of "
        "the local noise, as the shipped detector sees",
    )
    parser.add_argument("--tiles", type=int, metavar="N", help="training tiles (default: the trial's)")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the calcifications (default: 18)")
    parser.add_argument("--phantoms", type=int, default=12, metavar="N", help="phantoms to test on (default: 12)")
    parser.add_argument("--stride", type=int, metavar="N", help="pixels of 0.1 mm between places asked (default: 4)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of patches and weights (default: 0)")
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="processes that draw (default: 2)")
    parser.set_defaults(function=_try)


def _try(options: argparse.Namespace) -> int:
    import json
    from dataclasses import replace

    from mcfast.errors import DependencyError
    from mcfast.report.write import write_file

    _check(options)
    try:
        from mcfast.train.inputs import equalizer
        from mcfast.train.trials.input_report import input_tables
        from mcfast.train.trials.inputs import STRIDE_PX, TRIAL, input_trial
    except ImportError as error:
        raise DependencyError(
            f"evaluate inputs: {error}; install what it needs with pip install mcfast[train]"
        ) from error
    equalizer()  # missing, it would be missed only after minutes
    asked = {name: getattr(options, name) for name in ("tiles", "epochs") if getattr(options, name) is not None}
    sets = _sets(options)
    with bars() as tell:
        report = input_trial(
            Path(options.out),
            sets,
            networks=options.networks,
            units=options.units,
            recipe=replace(TRIAL, **asked),
            stride=options.stride or STRIDE_PX,
            seed=options.seed,
            draws=options.draws,
            workers=options.threads,
            tell=tell,
        )
    tables = input_tables(report)
    write_file(Path(options.out) / "inputs.json", (json.dumps(report, indent=2) + "\n").encode())
    write_file(Path(options.out) / "inputs.md", tables.encode())
    print(tables, end="")
    print(f"written: {Path(options.out) / 'inputs'}.json, .md")
    print(NOTICE)
    return 0


def _check(options: argparse.Namespace) -> None:
    from mcfast.errors import ConfigError

    for name, least in LEAST.items():
        value = getattr(options, name)
        if value is not None and value < least:
            raise ConfigError(f"--{name}: expected at least {least}, got {value}")
    if not options.phantoms and not options.paths:
        raise ConfigError("--phantoms: expected at least 1 without PATH, got 0; there is nothing to test on")


def _sets(options: argparse.Namespace) -> dict[str, Any]:
    from mcfast.cli.inputs import expand
    from mcfast.evaluate.cases import inserted_cases, phantom_cases

    sets: dict[str, Any] = {}
    if options.phantoms:
        sets["unseen phantoms"] = phantom_cases(options.phantoms, options.seed)
    if options.paths:
        files = expand(options.paths, leave_out=Path(options.out))
        known, patients = told(options, files)
        sets["drawn into mammograms"] = inserted_cases(
            files, spacing_mm=options.spacing_mm, known=known, patients=patients, seed=options.seed
        )
    return sets
