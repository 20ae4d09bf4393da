"""What a queue notes down of an image."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

__all__ = ["Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An image in a queue.

    Attributes
    ----------
    name
        Hash of the content: 32 hexadecimal digits.
    origin
        Who sent it, "TITLE@address", or the path that it was found at.
    received
        UTC, ISO 8601.
    size
        Bytes.
    sop_class_uid, sop_instance_uid, transfer_syntax_uid
        As the sender stated; empty where unknown.
    deaths
        Processes that died of it.
    status
        Of the result: "ok", "no findings", "failed", or empty.
    reason
        Why it, or one of its reports, failed.
    reports
        Names of the files to be sent.
    sent
        Those of them that the peer has taken.
    refusals, refusal
        How often the peer has refused one of them, and why the last time.
    not_before
        When it may be sent again, seconds since 1970.
    """

    name: str = ""
    origin: str = ""
    received: str = ""
    size: int = 0
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    deaths: int = 0
    status: str = ""
    reason: str = ""
    reports: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    refusals: int = 0
    refusal: str = ""
    not_before: float = 0.0

    def to_json(self) -> bytes:
        """As it is written."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    @staticmethod
    def load(path: Path) -> Entry:
        """Read an entry. Of a file that somebody has spoilt only the name is left, so that its image is not lost."""
        try:
            values = json.loads(path.read_bytes())
            known: dict[str, Any] = {field.name: values[field.name] for field in fields(Entry) if field.name in values}
            for name in ("reports", "sent"):
                known[name] = tuple(str(one) for one in known.get(name, ()))
            return Entry(**(known | {"name": path.stem}))
        except (ValueError, TypeError, AttributeError):
            return Entry(name=path.stem)
