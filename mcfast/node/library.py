"""pynetdicom, loaded where it is first needed, and what it must be told once."""

from __future__ import annotations

from typing import Any

from mcfast.errors import DependencyError

__all__ = ["pynetdicom"]


def pynetdicom() -> Any:
    """The library. Raises `DependencyError` where it is not installed."""
    try:
        import pynetdicom
        import pynetdicom.dsutils
        import pynetdicom.transport
        from pynetdicom import _config
    except ImportError as error:
        raise DependencyError(
            f"receiving and sending DICOM needs pynetdicom ({error}); pip install 'mcfast[node]'"
        ) from None
    _config.LOG_HANDLER_LEVEL = "none"  # otherwise every PDU is described for a log that nobody reads
    return pynetdicom
