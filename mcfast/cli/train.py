"""`mcfast train`: train a network anew, one subcommand for each."""

from __future__ import annotations

from typing import Any

from mcfast.cli import train_detector, train_fsrcnn, train_patch_classifier
from mcfast.result import NOTICE

__all__ = ["add_parser"]

NETWORKS = (train_detector, train_patch_classifier, train_fsrcnn)
"""Modules with an `add_parser(commands)`, in the order of the help text."""


def add_parser(commands: Any) -> None:
    """Add the command and its subcommands to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a network anew (needs the train extra)",
        description="Trains a network anew; it needs torch and onnx: pip install mcfast[train].",
        epilog=NOTICE,
    )
    networks = parser.add_subparsers(title="networks", required=True, metavar="NETWORK")
    for network in NETWORKS:
        network.add_parser(networks)
