"""`mcfast evaluate`: how well the networks do what they are for, one subcommand for each measurement."""

from __future__ import annotations

from typing import Any

from mcfast.cli import (
    evaluate_backgrounds,
    evaluate_comparison,
    evaluate_detection,
    evaluate_ingredients,
    evaluate_inputs,
    evaluate_looks,
    evaluate_mini_mias,
    evaluate_patches,
    evaluate_sr,
)
from mcfast.result import NOTICE

__all__ = ["add_parser"]

MEASUREMENTS = (
    evaluate_detection,
    evaluate_patches,
    evaluate_mini_mias,
    evaluate_comparison,
    evaluate_looks,
    evaluate_inputs,
    evaluate_ingredients,
    evaluate_backgrounds,
    evaluate_sr,
)
"""Modules with an `add_parser(commands)`, in the order of the help text."""


def add_parser(commands: Any) -> None:
    """Add the command and its subcommands to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure the networks on images of your own",
        description="Measures the networks against a truth and prints tables.",
        epilog=NOTICE,
    )
    measurements = parser.add_subparsers(title="measurements", required=True, metavar="WHAT")
    for measurement in MEASUREMENTS:
        measurement.add_parser(measurements)
