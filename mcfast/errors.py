"""The exceptions of mcfast: one base class, one subclass for each kind of cause.

Every message is one sentence that names the file or argument, what was expected, what came, and the mend.
Wrong *arguments of an operation* (dtype, shape, an even window) stay `TypeError` and `ValueError`, as in NumPy.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "DependencyError",
    "DeviceError",
    "InputError",
    "McfastError",
    "NotMammogramError",
    "PixelDataError",
    "SpacingError",
    "UnreadableError",
    "UnsupportedSyntaxError",
]


class McfastError(Exception):
    """Base class of every error that mcfast raises on purpose."""


class InputError(McfastError, ValueError):
    """One input (a file, a dataset, an array) cannot be processed; others still can."""


class UnreadableError(InputError):
    """The file is missing, empty, truncated, or of no format that mcfast reads."""


class UnsupportedSyntaxError(InputError):
    """The pixel data are compressed with a transfer syntax that mcfast does not decode."""


class NotMammogramError(InputError):
    """By its header the image is no mammogram (`any_modality=True` reads it all the same)."""


class SpacingError(InputError):
    """The pixel spacing is missing or impossible (`spacing_mm=` states it)."""


class PixelDataError(InputError):
    """The pixels cannot be a mammogram: constant, not finite, not two-dimensional, or not as large as declared."""


class ConfigError(McfastError, ValueError):
    """A configuration value is out of its range or unknown."""


class DeviceError(McfastError, RuntimeError):
    """The requested device, backend or runtime cannot be used here; the message says why."""


class DependencyError(McfastError, ImportError):
    """A package that only this output needs is not installed; the message says how to get it."""
