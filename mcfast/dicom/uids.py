"""UIDs by name, for messages."""

from __future__ import annotations

__all__ = ["uid_name"]


def uid_name(uid: str) -> str:
    """The registered name of a UID; the UID itself if it has none."""
    from pydicom.config import IGNORE  # only messages need names, so pydicom is imported only for them
    from pydicom.uid import UID

    return str(UID(uid, IGNORE).name)
