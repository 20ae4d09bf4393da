"""`mcfast evaluate ingredients`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.evaluate_options import add_background_options, told
from mcfast.cli.progress import bars
from mcfast.result import NOTICE

__all__ = ["add_parser"]

LEAST = {"tiles": 1, "epochs": 1, "seeds": 1, "phantoms": 0, "draws": 1, "threads": 1}


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "ingredients",
        help="detection: what each ingredient of training is worth, networks trained without it",
        description="Trains a small network with everything and one without each ingredient of the training in turn "
        "(metal, skin, exports, units of noise, ...), asks them about calcifications drawn into mammograms (8-bit "
        "exports in four looks), what should not be marked (metal, arteries, film marks, ...), unseen phantoms and "
        "labelled patches, and compares each with the first in pairs. Prints a table, and leaves report.json and "
        "ingredients.md in DIR, after each ingredient. Stopped and started again with the same options, it goes on "
        "where it was. Needs torch and onnx: pip install mcfast[train].",
        epilog=NOTICE,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="mammograms to draw calcifications into, or a folder")
    parser.add_argument("--out", required=True, metavar="DIR", help="where everything goes")
    add_background_options(parser)
    parser.add_argument(
        "--patches",
        metavar="PATH",
        help="labelled patches for the AUC of the image score: a CSV file (image,label), or a folder with pictures in "
        "folders called 0 and 1; of the spacing of --spacing-mm where their header tells none",
    )
    parser.add_argument(
        "--only",
        metavar="NAME,...",
        help="leave only these out, in this order (default: all: noise units, exports, skin, metal, ...)",
    )
    parser.add_argument("--tiles", type=int, metavar="N", help="training tiles (default: 900)")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the calcifications (default: 6)")
    parser.add_argument("--mixture", choices=("usual", "difficult"), help="of the training tiles (default: usual)")
    parser.add_argument(
        "--seeds", type=int, default=2, metavar="N", help="random starts of each, averaged (default: 2)"
    )
    parser.add_argument("--phantoms", type=int, default=6, metavar="N", help="phantoms to test on (default: 6)")
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="processes that draw (default: 2)")
    parser.set_defaults(function=_try)


def _try(options: argparse.Namespace) -> int:
    import json
    from dataclasses import replace

    from mcfast.cli.inputs import image_files
    from mcfast.errors import DependencyError
    from mcfast.evaluate.patch_files import patch_files
    from mcfast.report.write import write_file

    try:
        from mcfast.train.trials.ingredient_report import ingredient_table
        from mcfast.train.trials.ingredients import TRIAL, ingredient_trial
    except ImportError as error:
        raise DependencyError(
            f"evaluate ingredients: {error}; install what it needs with pip install mcfast[train]"
        ) from error
    names = _checked(options)
    files = image_files(options.paths)
    known, patients = told(options, files)
    patches = patch_files(options.patches) if options.patches else []
    out = Path(options.out)
    asked = {
        name: getattr(options, name) for name in ("tiles", "epochs", "mixture") if getattr(options, name) is not None
    }

    def write(report: dict[str, Any]) -> None:
        write_file(out / "report.json", (json.dumps(report, indent=2) + "\n").encode())
        write_file(out / "ingredients.md", ingredient_table(report).encode())

    with bars() as tell:
        report = ingredient_trial(
            out,
            files,
            spacing_mm=options.spacing_mm,
            known=known,
            patients=patients,
            patches=patches,
            names=names,
            recipe=replace(TRIAL, **asked),
            starts=options.seeds,
            phantoms=options.phantoms,
            draws=options.draws,
            workers=options.threads,
            tell=tell,
            each=write,
        )
    print(ingredient_table(report), end="")
    print(f"written: {out / 'report.json'}, {out / 'ingredients.md'}")
    print(NOTICE)
    return 0


def _checked(options: argparse.Namespace) -> list[str]:
    """The ingredients asked for; raises `ConfigError` for what makes no trial."""
    from mcfast.errors import ConfigError
    from mcfast.train.detector.recipe import INGREDIENTS

    for name, least in LEAST.items():
        value = getattr(options, name)
        if value is not None and value < least:
            raise ConfigError(f"--{name}: expected at least {least}, got {value}")
    if options.only is None:
        return list(INGREDIENTS)
    names = [name.strip() for name in options.only.split(",")]
    for name in names:
        if name not in INGREDIENTS:
            raise ConfigError(f"--only: expected some of {', '.join(INGREDIENTS)}; got {name!r}")
    return names
