"""Where a benchmark ran: processor, cores, versions."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy

from benchmarks import peers
from mcfast import _core
from mcfast.version import version

__all__ = ["describe", "peer_versions"]


def describe() -> dict[str, Any]:
    """Plain values only."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "cpu_level": _core.cpu_level(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "mcfast": version(),
    }


def peer_versions() -> dict[str, str]:
    """Version of every peer, or why it does not take part."""
    loaded = {title: peers.load(name) for name, title in peers.PEERS.items()}
    return {title: str(peer.VERSION) if isinstance(peer, ModuleType) else peer for title, peer in loaded.items()}


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
