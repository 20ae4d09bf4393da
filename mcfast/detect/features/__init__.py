"""What is measured of calcifications."""

from mcfast.detect.features.measure import Features, measure

__all__ = ["Features", "measure"]
