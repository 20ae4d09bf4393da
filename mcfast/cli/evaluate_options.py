"""Options of the measurements on mammograms of one's own: spacing, what is in them already, whose they are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["add_background_options", "add_patients", "patients_table", "told"]


def add_background_options(parser: argparse.ArgumentParser) -> None:
    """Add `--spacing-mm`, `--known` and `--patients`."""
    parser.add_argument("--spacing-mm", type=float, metavar="S", help="pixel spacing of files whose header tells none")
    parser.add_argument(
        "--known", metavar="TRUTH", help="marks of what is in the images already: left out of the count"
    )
    add_patients(parser)


def add_patients(parser: argparse.ArgumentParser) -> None:
    """Add `--patients`."""
    parser.add_argument(
        "--patients",
        metavar="FILE",
        help="a CSV file of image,patient, for intervals by patient; without it the marks tell, else INbreast's names, "
        "else each file is a patient of its own",
    )


def patients_table(options: argparse.Namespace) -> dict[str, str] | None:
    """What `--patients` names; `None` without it."""
    from mcfast.evaluate.patients import read_patients

    return read_patients(options.patients) if options.patients else None


def told(options: argparse.Namespace, files: Sequence[Path]) -> tuple[dict[str, Any], dict[str, str]]:
    """Marks and patients of some files by name without suffix, as `--known` and `--patients` tell them."""
    from mcfast.evaluate.patients import what_is_known
    from mcfast.evaluate.truth_files import read_truth

    return what_is_known(files, read_truth(options.known) if options.known else (), patients_table(options))
