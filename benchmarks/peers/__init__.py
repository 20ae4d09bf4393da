"""The competitors, one module each: `VERSION`, `MANY_THREADS`, `use_threads(n)`, and functions named as in `ours`.

A peer offers a case by having a function of its name, and nothing else has to be told: see `cases.Case.prepare`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

__all__ = ["PEERS", "available", "load"]

PEERS = {
    "opencv": "OpenCV",
    "scipy": "SciPy",
    "skimage": "scikit-image",
    "numba": "numba",
    "torch": "torch",
    "numpy": "NumPy",
}


@cache
def load(name: str) -> ModuleType | str:
    """The peer's module, or the sentence that says why it cannot take part."""
    try:
        return import_module(f"benchmarks.peers.{name}")
    except (ImportError, OSError) as error:
        return f"not installed: {str(error).splitlines()[0]}"


def available() -> dict[str, ModuleType]:
    """The peers that can take part here."""
    loaded = {name: load(name) for name in PEERS}
    return {name: peer for name, peer in loaded.items() if isinstance(peer, ModuleType)}
