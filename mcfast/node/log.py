"""One line for each event: for people as key=value, for machines as JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

__all__ = ["LOGGER", "log_to_stderr", "now", "say"]

LOGGER = logging.getLogger("mcfast.node")


def say(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event; `fields` of value `None` or "" are left out. No field may hold patient identity: UIDs do not."""
    told = {name: value for name, value in fields.items() if value not in (None, "")}
    LOGGER.log(level, event, extra={"fields": told})


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})
        parts = [f"{name}={_value(value)}" for name, value in fields.items()]
        return " ".join((now(), record.levelname.lower(), record.getMessage(), *parts))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})
        head = {"time": now(), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(head | fields, default=str)


def _value(value: Any) -> str:
    """A value on one line; what a peer may have put into it cannot end the line or look like another field."""
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text if text.isascii() and text.isprintable() and not set(text) & set(' "=') else json.dumps(text)


class _StandardError(logging.Handler):
    """To what standard error is at the time, which need not be what it was at the start."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def log_to_stderr(*, as_json: bool) -> None:
    """Write the events to standard error; what libraries say or warn of is left out."""
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(logging.NullHandler())
    for library in ("py.warnings", "pynetdicom", "pydicom"):
        logging.getLogger(library).propagate = False
    handler = _StandardError()
    handler.setFormatter(_Json() if as_json else _Lines())
    LOGGER.handlers[:] = [handler]  # a second node of this process writes its lines once, too
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
