"""How many threads a network may use: the same rule as for every operation."""

from __future__ import annotations

from mcfast import _core

__all__ = ["thread_count"]


def thread_count(threads: int | None = None) -> int:
    """`threads`; for `None`, the environment's `MCFAST_THREADS`, else the processors that this process may use.

    Raises `ValueError` if `threads` is below 1, or `MCFAST_THREADS` is no number of threads.
    """
    if threads is None:
        return int(_core.default_threads())
    if threads < 1:
        raise ValueError(f"threads: expected None or at least 1, got {threads}")
    return threads
