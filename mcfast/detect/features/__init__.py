"""What is measured of calcifications."""

from mcfast.detect.features.calcification import CalcificationFeatures, calcification_features
from mcfast.detect.features.described import FEATURES
from mcfast.detect.features.measure import Features, measure

__all__ = ["FEATURES", "CalcificationFeatures", "Features", "calcification_features", "measure"]
