"""`mcfast evaluate detection`."""

from __future__ import annotations

import argparse
from typing import Any

from mcfast.cli.evaluate_options import add_patients, patients_table
from mcfast.evaluate.binary import MEASURES
from mcfast.result import NOTICE

__all__ = ["add_parser", "print_froc"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "detection",
        help="detection: FROC, ROC and calibration of results against marks",
        description="Holds the results of mcfast run against marked calcifications and prints sensitivities with "
        "intervals by patient. Run with --min-score 0.001, or the curves end where the reports do.",
        epilog=NOTICE,
    )
    parser.add_argument("results", metavar="RESULTS", help="the folder given to mcfast run --out")
    parser.add_argument(
        "truth",
        metavar="TRUTH",
        help="JSON, CSV (image,row,column), INbreast XML or DDSM OVERLAY, or a folder of them; see docs/evaluation.md",
    )
    add_patients(parser)
    parser.add_argument("--out", metavar="DIR", help="write report.json and the curves as PNG there")
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.set_defaults(function=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    from mcfast.errors import ConfigError
    from mcfast.evaluate.detection import evaluate_detection, read_results
    from mcfast.evaluate.truth_files import read_truth

    if options.draws < 1:
        raise ConfigError(f"--draws: expected at least 1, got {options.draws}")
    report = evaluate_detection(
        read_results(options.results),
        read_truth(options.truth),
        patients=patients_table(options),
        draws=options.draws,
    )
    print(
        f"{report['images']} images of {report['patients']} patients, {report['calcifications']} calcifications, "
        f"{report['clusters']} clusters; hit: {report['hit_rule']}"
    )
    for name in ("per_calcification", "per_cluster"):
        if name in report:
            print_froc(name.replace("_", " "), report[name])
    if "per_image" in report:
        _print_image(report["per_image"])
    if report.get("calibration"):
        print(f"expected calibration error {report['calibration']['expected_calibration_error']:.3f}")
    if options.out:
        _write(options.out, report)
    print(NOTICE)
    return 0


def print_froc(name: str, part: dict[str, Any]) -> None:
    """Print sensitivities of a part of `evaluate_detection`'s report."""
    print(f"{name}: sensitivity in percent (95 % interval by patient)")
    for rate, one in zip(part["false_per_image"], part["sensitivity"], strict=True):
        print(f"  {rate:5g} false positives per image   {_percent(one)}")
    if "mean_sensitivity" in part:
        print(f"  S(1e-6, 1e-1)                     {_percent(part['mean_sensitivity'])}")


def _print_image(part: dict[str, Any]) -> None:
    point, area = part["operating_point"], part["auc"]
    print(f"per image: AUC in percent {_percent(area)}")
    limit = "above all" if point["threshold"] is None else f"{point['threshold']:.3f}"
    print(f"  at score {limit}, where sensitivity and specificity together are highest:")
    for name, label in MEASURES.items():
        value = part["confusion"][name]
        print(f"    {label:22} {'unknown' if value is None else f'{value:.3f}'}")


def _percent(one: dict[str, float | None]) -> str:
    value, low, high = ("?" if part is None else f"{100 * part:.1f}" for part in one.values())
    return f"{value:>5} ({low} to {high})"


def _write(text: str, report: dict[str, Any]) -> None:
    import json

    from mcfast.cli.inputs import output_folder
    from mcfast.evaluate.curves import save_froc, save_roc
    from mcfast.report.write import write_file

    out = output_folder(text)
    curves = {name: report[f"per_{name}"] for name in ("calcification", "cluster") if f"per_{name}" in report}
    write_file(out / "report.json", (json.dumps(report, indent=2, allow_nan=False) + "\n").encode())
    if curves:
        save_froc(out / "froc.png", curves, title="FROC")
    if "per_image" in report:
        save_roc(out / "roc.png", report["per_image"], title="ROC per image")
