"""`info`: what this installation is made of, and why what is missing is missing."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy

from mcfast import _core, nets, runtimes
from mcfast.backends import BACKENDS, load

__all__ = ["info"]


def info() -> dict[str, Any]:
    """Version, processor, threads, backends, runtimes and networks, as plain values.

    What cannot be used is listed as `"unavailable: "` and the reason.
    """
    return {
        "mcfast": version("mcfast"),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_level": _core.cpu_level(),
        "threads": _core.default_threads(),
        "backends": {name: _backend(name) for name in BACKENDS} | {"cuda": _cuda()},
        "runtimes": runtimes.available(),
        "networks": {name: _network(name) for name in nets.names()},
    }


def _backend(name: str) -> str:
    load(name)
    return {"native": f"C++, {_core.cpu_level()}", "reference": "NumPy: the specification, slow"}[name]


def _cuda() -> str:
    return "unavailable: this version computes on the CPU only"


def _network(name: str) -> str:
    import hashlib

    weights = nets.weights(name)
    return f"{len(weights) / 1000:.0f} kB, sha256 {hashlib.sha256(weights).hexdigest()[:16]}"
