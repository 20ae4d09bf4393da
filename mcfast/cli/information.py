"""`mcfast info`."""

from __future__ import annotations

import argparse
from typing import Any

from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "info",
        help="what this installation is made of",
        description="Version, CPU level, threads, backends, runtimes and networks, and why what is missing is missing.",
        epilog=NOTICE,
    )
    parser.set_defaults(function=_information)


def _information(_: argparse.Namespace) -> int:
    from mcfast.installation import info

    for name, value in info().items():
        if not isinstance(value, dict):
            print(f"{name:<12}{value}")
            continue
        print(name)
        for key, text in value.items():
            print(f"  {key:<14}{text}")
    print(NOTICE)
    return 0
