"""Which files a command works on, where its results go, and what they are called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mcfast.errors import ConfigError, InputError

__all__ = ["expand", "image_files", "output_folder", "result_names"]

_IMAGES = (".dcm", ".png", ".tif", ".tiff")


def expand(paths: Iterable[str], leave_out: Path | None = None) -> list[Path]:
    """The files themselves, and all files below folders, sorted within a folder.

    Left out are hidden files, and what lies below `leave_out`: results of an earlier run are no mammograms.

    Raises `ConfigError` for an empty path, which would otherwise mean the current folder.
    """
    files: list[Path] = []
    results = None if leave_out is None else leave_out.resolve()
    for text in paths:
        if not text:
            raise ConfigError("PATH: expected a file or folder, got an empty name")
        path = Path(text)
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
            files.append(path)
            continue
        below = (file for file in path.rglob("*") if file.is_file())
        shown = (file for file in below if not _hidden(file.relative_to(path)))
        if results is not None and results != path.resolve():
            shown = (file for file in shown if results not in file.resolve().parents)
        files.extend(sorted(shown))
    return list(dict.fromkeys(files))


def image_files(paths: Iterable[str]) -> list[Path]:
    """As `expand`; of what lies in folders only PNG, TIFF and DICOM files, the last with or without a suffix.

    Raises `ConfigError` as `expand`, and `InputError` if there is no image.
    """
    paths = list(paths)
    given = {Path(text) for text in paths}
    files = [file for file in expand(paths) if file in given or _image(file)]
    if not files:
        raise InputError(f"{', '.join(paths) or 'PATH'}: no image there; give PNG, TIFF or DICOM files, or a folder")
    return files


def output_folder(text: str) -> Path:
    """The folder of an option `--out`, made if there is none.

    Raises `ConfigError` if it cannot be made, or not be written to.
    """
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out: {text} cannot be made a folder ({error.strerror}); name another") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"--out: {text} is a folder that you may not write to; name another")
    return folder


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


def _image(file: Path) -> bool:
    if file.suffix:
        return file.suffix.lower() in _IMAGES
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
