"""Phantoms: seeded, synthetic mammograms and training tiles whose calcifications are known exactly."""

from mcfast.phantom.record import Calcification, Phantom
from mcfast.phantom.screening import mammogram
from mcfast.phantom.tiles import Tile, tile

__all__ = ["Calcification", "Phantom", "Tile", "mammogram", "tile"]
