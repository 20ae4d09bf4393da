"""Which files a command works on, and what their results are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["expand", "result_names"]


def expand(paths: Iterable[str]) -> list[Path]:
    """The files themselves, and all files below folders (hidden ones left out), sorted within a folder."""
    files: list[Path] = []
    for text in paths:
        path = Path(text)
        if not path.is_dir():
            files.append(path)
            continue
        below = (file for file in path.rglob("*") if file.is_file())
        files.extend(sorted(file for file in below if not _hidden(file.relative_to(path))))
    return list(dict.fromkeys(files))


def result_names(files: Sequence[Path]) -> list[str]:
    """A folder name for each file's result: its name without suffix, numbered from the second of that name on."""
    names: list[str] = []
    taken: set[str] = set()
    for file in files:
        stem = file.stem or "input"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        names.append(name)
    return names


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
