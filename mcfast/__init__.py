"""Enhance, find and magnify microcalcifications in full-field digital mammograms. Research use only."""

from mcfast import errors
from mcfast.footprints import Footprint, disk, rectangle
from mcfast.ops import *  # noqa: F403
from mcfast.ops import __all__ as _operations

__all__ = ["Footprint", "disk", "errors", "rectangle", *_operations]
