"""Options that trainings have in common: where to, the seed, and mammograms and marks of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_options", "check", "marked_images"]


def add_options(parser: argparse.ArgumentParser, threads: str) -> None:
    """Add them to a command's parser; `threads` says what `--threads` are for."""
    parser.add_argument("--out", required=True, metavar="DIR", help="where everything goes")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of phantoms and weights (default: 0)")
    parser.add_argument("--images", nargs="+", metavar="PATH", help="mammograms of your own to train on too")
    parser.add_argument("--truth", metavar="PATH", help="their marks: JSON, CSV, INbreast XML, DDSM OVERLAY")
    parser.add_argument("--spacing-mm", type=float, metavar="S", help="pixel spacing of images whose header tells none")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help=f"{threads} (default: 2)")


def check(options: argparse.Namespace) -> None:
    """Raise `ConfigError` for numbers out of their range."""
    from mcfast.errors import ConfigError

    if options.seed < 0 or not 1 <= options.threads <= 256:
        raise ConfigError(f"--seed, --threads: expected 0 and 1 to 256, got {options.seed} and {options.threads}")


def marked_images(options: argparse.Namespace) -> tuple[list[Path], list[Any]] | None:
    """Files and `ImageTruth` of `--images` and `--truth`; `None` without them, `ConfigError` with only one of both."""
    if not options.images and not options.truth:
        return None
    from mcfast.errors import ConfigError

    if not options.images or not options.truth:
        raise ConfigError("--images, --truth: expected both or none; marks and images belong together")
    from mcfast.cli.inputs import expand
    from mcfast.evaluate.truth_files import read_truth

    return expand(options.images), read_truth(options.truth)
