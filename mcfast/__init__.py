"""Enhance, find and magnify microcalcifications in full-field digital mammograms. Research use only.

Importing this loads NumPy and the native core; everything that stands on heavier packages is loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    from mcfast import _core  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"mcfast: the native core is not beside {__file__} ({error}); in a source tree run `pip install -e .`, "
        "or start Python in another folder to use an installed mcfast"
    ) from error

from mcfast import errors
from mcfast.footprints import Footprint, disk, rectangle
from mcfast.ops import *  # noqa: F403
from mcfast.ops import __all__ as _operations

if TYPE_CHECKING:
    from mcfast.config import Config as Config
    from mcfast.description import describe as describe
    from mcfast.dicom.grayscale import window as window
    from mcfast.engine import Engine as Engine
    from mcfast.installation import info as info
    from mcfast.magnify import super_resolve as super_resolve
    from mcfast.mammogram import Mammogram as Mammogram
    from mcfast.probability import probability_map as probability_map
    from mcfast.reading import read as read
    from mcfast.result import Result as Result
    from mcfast.scan import dense as dense

    __version__: str

_LAZY = {
    "Config": "mcfast.config",
    "Engine": "mcfast.engine",
    "Mammogram": "mcfast.mammogram",
    "Result": "mcfast.result",
    "dense": "mcfast.scan",
    "describe": "mcfast.description",
    "info": "mcfast.installation",
    "probability_map": "mcfast.probability",
    "read": "mcfast.reading",
    "super_resolve": "mcfast.magnify",
    "window": "mcfast.dicom.grayscale",
}

__all__ = ["Footprint", "disk", "errors", "rectangle", *_LAZY, *_operations]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    if name == "__version__":
        return import_module("mcfast.version").version()
    raise AttributeError(f"module 'mcfast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
