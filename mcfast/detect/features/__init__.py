"""What is measured of calcifications and of clusters."""

from mcfast.detect.features.calcification import CalcificationFeatures, calcification_features
from mcfast.detect.features.cluster import ClusterFeatures, cluster_features
from mcfast.detect.features.cluster_described import CLUSTER_FEATURES
from mcfast.detect.features.described import FEATURES
from mcfast.detect.features.measure import Features, measure

__all__ = [
    "CLUSTER_FEATURES",
    "FEATURES",
    "CalcificationFeatures",
    "ClusterFeatures",
    "Features",
    "calcification_features",
    "cluster_features",
    "measure",
]
