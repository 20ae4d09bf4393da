"""The networks that ship with mcfast: ONNX files, each with a model card (`<name>.md`) beside it.

What only training needs (`mcfast.nets.fsrcnn`, `mcfast.nets.vgg12`, `mcfast.nets.export`) imports torch or onnx and is
not imported here.
"""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from mcfast.errors import ConfigError

__all__ = ["names", "path", "weights"]


def names() -> tuple[str, ...]:
    """Names of the networks that are installed, sorted."""
    return tuple(sorted(file.stem for file in _folder().glob("*.onnx")))


def path(name: str) -> Path:
    """The ONNX file of the network called `name`. Raises `ConfigError`, which lists the names, if there is none."""
    if name not in names():
        raise ConfigError(f"nets({name!r}): no such network; use one of {', '.join(names()) or '(none is installed)'}")
    return _folder() / f"{name}.onnx"


def weights(name: str) -> bytes:
    """The ONNX file's bytes, for `mcfast.runtimes.load`. Raises as `path`."""
    return path(name).read_bytes()


def _folder() -> Path:
    return Path(str(importlib.resources.files("mcfast.nets"))) / "weights"
