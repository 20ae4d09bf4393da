"""What a queue folder holds, read from outside, also while a node works on it."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from mcfast.errors import ConfigError
from mcfast.node.entry import Entry
from mcfast.node.queue import STATES

__all__ = ["summary"]


def summary(root: Path, *, reasons: int = 5) -> list[str]:
    """Lines that tell how many images are in each state, what was found, what waits, and why images failed.

    Raises `ConfigError` if the folder is no queue.
    """
    if not all((root / state).is_dir() for state in STATES):
        raise ConfigError(f"{root}: is no queue of mcfast serve or mcfast watch; give its --queue")
    entries = {state: _entries(root / state) for state in STATES}
    lines = [f"{state:<11}{len(entries[state]):>7}" for state in STATES]
    found = Counter(one.status for one in (*entries["done"], *entries["sending"]))
    if found:
        lines.append(", ".join(f"{number} {status}" for status, number in sorted(found.items())))
    waiting = [one.received for one in entries["incoming"] if one.received]
    if waiting:
        lines.append(f"waiting since {min(waiting)}")
    if entries["sending"]:
        lines += _peer(root)
    why = Counter(_general(one) for one in entries["failed"])
    lines += [f"failed {number} x: {reason}" for reason, number in why.most_common(reasons)]
    return lines


def _entries(folder: Path) -> list[Entry]:
    found = []
    for path in folder.glob("*.json"):
        with suppress(FileNotFoundError):  # gone on to the next state meanwhile
            found.append(Entry.load(path))
    return found


def _general(entry: Entry) -> str:
    """The reason without the image's own path, so that equal ones count together."""
    reason = entry.reason or entry.refusal or "no reason given"
    head, separator, rest = reason.partition(f"{entry.name}.dcm: ")
    return rest if separator and "/" in f"{head}/" else reason


def _peer(root: Path) -> list[str]:
    try:
        values = json.loads((root / "peer.json").read_bytes())
        failures, left = int(values["failures"]), float(values["not_before"]) - time.time()
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [f"the peer failed {failures} times in a row; next try in {max(0.0, left):.0f} s"] if failures else []
