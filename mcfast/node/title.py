"""Application entity titles."""

from __future__ import annotations

from mcfast.errors import ConfigError

__all__ = ["require_title"]


def require_title(title: str, option: str) -> str:
    """An AE title without its padding (DICOM PS3.5: 1 to 16 characters, no backslash, none that cannot be printed).

    Raises `ConfigError`, which names `option`, if it is none.
    """
    plain = title.isascii() and title.isprintable() and "\\" not in title
    if not (plain and title.strip() and len(title) <= 16):
        raise ConfigError(f"{option}: expected an AE title of 1 to 16 plain characters, got {title!r}")
    return title.strip()
