"""Lookup table: the grayscale chain of a mammogram in one gather."""

from __future__ import annotations

from typing import Any

from mcfast.backends import run

__all__ = ["lookup"]


def lookup(
    image: Any,
    table: Any,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """table[image]; a value past the table's end takes its last entry. `numpy.take(table, image, mode="clip")`.

    Parameters
    ----------
    image
        (H, W) uint8 or uint16; rows may be strided.
    table
        (1 .. 65536,) uint16, C-contiguous.
    out
        (H, W) uint16; may be the image itself.

    Returns
    -------
    (H, W) uint16.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For an image that is empty or not 2-D, a table that is empty or not 1-D, or an `out` that does not fit.
    """
    return run("lookup", image, table=table, out=out, threads=threads, stream=stream, backend=backend)
