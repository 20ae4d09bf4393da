"""Files that are on disk when the call returns, and folders that change in one step (POSIX: rename, fsync)."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

__all__ = ["clear_folder", "move_durably", "sync_folder", "sync_tree", "temporary_in", "write_durably"]


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk: a rename may be lost in a power failure until then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Have the files of a folder on disk, and their names."""
    for path in folder.iterdir():
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    sync_folder(folder)


def temporary_in(folder: Path) -> Path:
    """A new name."""
    return folder / secrets.token_hex(12)


def move_durably(source: Path, target: Path) -> None:
    """Rename within a file system, replacing a file; on disk when it returns."""
    os.replace(source, target)  # noqa: PTH105
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def write_durably(path: Path, content: bytes, temporary: Path) -> None:
    """Write a file whole or not at all, by way of `temporary` on the same file system."""
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        move_durably(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def clear_folder(folder: Path) -> None:
    """Remove what is in a folder, as far as that can be done."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
