"""What a finished training leaves: its metrics, from which a later one knows that there is nothing to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["finish", "finished"]


def finished(metrics: Path, fingerprint: str) -> dict[str, Any] | None:
    """The metrics of a training that was finished here, if it was the same; the network lies beside them."""
    if not (metrics.is_file() and metrics.with_suffix(".onnx").is_file()):
        return None
    before: dict[str, Any] = json.loads(metrics.read_text())
    return before if before.get("fingerprint") == fingerprint else None


def finish(metrics: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Write the metrics, last and at once: where they are, everything is. Returns them."""
    partial = metrics.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=2) + "\n")
    partial.replace(metrics)
    return values
