"""`mcfast evaluate mini-mias`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.evaluate_detection import print_froc
from mcfast.cli.progress import bars
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "mini-mias",
        help="detection: clusters found in the mini-MIAS database (digitised film)",
        description="Finds clusters in the images of mini-MIAS that have circles around clusters, and prints how many "
        "are hit at how many false ones, with intervals by woman. Film of 0.2 mm is not what the detector is made for.",
        epilog=NOTICE,
    )
    parser.add_argument("folder", metavar="FOLDER", help="holds Info.txt and the images (mdb209.pgm, ...)")
    parser.add_argument(
        "--cluster-score",
        type=float,
        default=0.5,
        metavar="P",
        help="calcifications below make no cluster; the curve ends there (default: 0.5, as the detector ships)",
    )
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument("--threads", type=int, metavar="N", help="of the engine (default: all processors)")
    parser.add_argument("--out", metavar="FILE", help="write the report as JSON there")
    parser.set_defaults(function=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    import json

    from mcfast.config import Config
    from mcfast.detect import DetectorConfig
    from mcfast.engine import Engine
    from mcfast.errors import ConfigError
    from mcfast.evaluate.mini_mias import evaluate_mini_mias
    from mcfast.report.write import write_file

    if options.draws < 1 or not 0 <= options.cluster_score <= 1:
        raise ConfigError(
            f"--draws, --cluster-score: expected at least 1, and 0 to 1, got {options.draws}, {options.cluster_score}"
        )
    limit = options.cluster_score
    detector = DetectorConfig(cluster_score=limit, min_score=min(limit, DetectorConfig().min_score))
    engine = Engine(Config(magnify="none", detector=detector), threads=options.threads)
    with bars() as tell:
        report = evaluate_mini_mias(
            options.folder, engine, draws=options.draws, progress=lambda *n: tell("finding clusters", *n)
        )
    part = report["per_cluster"]
    print(f"{report['images']} images of {report['patients']} women, {report['clusters']} circles")
    print_froc("per cluster", part)
    curve = part["curve"]
    if curve["threshold"]:
        print(f"  all clusters: {curve['sensitivity'][-1]:.1%} at {curve['false_per_image'][-1]:.2f} false per image")
    else:
        print("  no cluster was found")
    if options.out:
        write_file(Path(options.out), (json.dumps(report, indent=2) + "\n").encode())
    print(NOTICE)
    return 0
