"""What to call an item that an engine is given."""

from __future__ import annotations

import os
from typing import Any

import numpy

from mcfast.mammogram import Mammogram

__all__ = ["name_of"]


def name_of(item: Any) -> str:
    """What to call an item in a result: its path, or its kind."""
    if isinstance(item, Mammogram):
        return item.source.name
    if isinstance(item, str | os.PathLike):
        try:
            return os.fsdecode(item)
        except Exception:  # a path of the caller's own making may fail in any way; its kind is name enough
            return f"<{type(item).__name__}>"
    if isinstance(item, bytes | bytearray | memoryview):
        return "<bytes>"
    if hasattr(item, "group_dataset"):  # a pydicom Dataset, as in `mcfast.read`
        return "<dataset>"
    return "<array>" if isinstance(item, numpy.ndarray) else f"<{type(item).__name__}>"
