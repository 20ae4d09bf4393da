"""`mcfast evaluate patches`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.evaluate_options import add_patients, patients_table
from mcfast.cli.progress import bars
from mcfast.evaluate.binary import MEASURES
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "patches",
        help="detection: does the image score tell patches with calcifications from those without?",
        description="Gives each picture of a patch to the engine as an image of its own and prints the area under the "
        "ROC curve of its score, with an interval.",
        epilog=NOTICE,
    )
    parser.add_argument(
        "path",
        metavar="PATH",
        help="a CSV file (image,label and, if there is, patient; label 1 with calcifications, 0 without), or a folder "
        "with pictures in folders called 0 and 1; PNG, TIFF, PGM or DICOM",
    )
    parser.add_argument("--spacing-mm", type=float, metavar="S", help="pixel spacing of files whose header tells none")
    add_patients(parser)
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument("--threads", type=int, metavar="N", help="of the engine (default: all processors)")
    parser.add_argument("--out", metavar="FILE", help="write the report as JSON there")
    parser.set_defaults(function=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    import json

    import numpy

    from mcfast.config import Config
    from mcfast.engine import Engine
    from mcfast.errors import ConfigError
    from mcfast.evaluate.patch_files import patch_files, score_patches
    from mcfast.evaluate.patch_level import evaluate_patches
    from mcfast.evaluate.patients import patient_from
    from mcfast.report.write import write_file

    if options.draws < 1:
        raise ConfigError(f"--draws: expected at least 1, got {options.draws}")
    files, table = patch_files(options.path), patients_table(options)
    patients = [one.patient if table is None else patient_from(table, one.file.stem) for one in files]
    engine = Engine(Config(magnify="none"), threads=options.threads)
    with bars() as tell:
        scores = score_patches(
            files, engine, spacing_mm=options.spacing_mm, progress=lambda *n: tell("looking at patches", *n)
        )
    limit = engine.config.detector.min_score
    report = evaluate_patches(
        scores, numpy.array([one.positive for one in files]), patients, threshold=limit, draws=options.draws
    )
    _print(report)
    if options.out:
        write_file(Path(options.out), (json.dumps(report, indent=2) + "\n").encode())
    print(NOTICE)
    return 0


def _print(report: dict[str, Any]) -> None:
    known = report["patients"] < report["patches"]
    whose = f" of {report['patients']} patients" if known else ""
    print(
        f"{report['patches']} patches{whose}, {report['positives']} with calcifications; "
        f"95 % intervals by {'patient' if known else 'patch'}"
    )
    print(f"AUC                      {_interval(report['measures']['auc'])}")
    print(f"at an image score of {report['threshold']:g}:")
    for name, label in MEASURES.items():
        print(f"  {label:22} {_interval(report['measures'][name])}")


def _interval(one: dict[str, float | None]) -> str:
    value, low, high = ("?" if part is None else f"{part:.3f}" for part in one.values())
    return f"{value} ({low} to {high})"
