"""Text of others, names of files above all, made fit for one line of a terminal."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """`text` with line breaks, control characters and undecodable bytes escaped, as in `\\n` and `\\udcff`."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
