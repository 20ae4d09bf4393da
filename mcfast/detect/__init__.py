"""Finding calcifications: breast mask, candidates, probabilities, suppression, measured calcifications, clusters."""

from mcfast.detect.classify import classify
from mcfast.detect.committee import Committee
from mcfast.detect.detector import Calcification, Cluster, Detections, DetectorConfig, detect, group, weigh
from mcfast.detect.mask import breast_mask
from mcfast.detect.propose import Candidates, propose
from mcfast.detect.suppression import suppress

__all__ = [
    "Calcification",
    "Candidates",
    "Cluster",
    "Committee",
    "Detections",
    "DetectorConfig",
    "breast_mask",
    "classify",
    "detect",
    "group",
    "propose",
    "suppress",
    "weigh",
]
