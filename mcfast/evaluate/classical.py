"""Detectors without learning, each given the same breast mask and non-maximum suppression as the shipped one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.propose import BORDER_MM, SKIN_MM, Candidates
from mcfast.detect.suppression import suppress
from mcfast.footprints import disk
from mcfast.ops import box_mean, dehaze, erode, local_maxima, white_tophat

__all__ = ["Marks", "blobs", "log_maxima", "strongest", "tophat_maxima"]

Marks = tuple[NDArray[Any], NDArray[Any]]
"""(N, 2) positions in pixels and (N,) scores, the best first."""

SPACING_MM = 0.1
TOPHAT_MM = 0.9  # diameter of the disk
APART_MM = 0.4
LIMIT = 3500
BLOB_AREAS = (2.0, 110.0)  # pixels: disks of 0.16 to 1.2 mm


def strongest(positions: NDArray[Any], scores: NDArray[Any]) -> Marks:
    """The best `LIMIT` marks, none within 0.4 mm of a better one."""
    best = numpy.argsort(-scores, kind="stable")[:LIMIT]
    positions, scores = positions[best], scores[best]
    kept = suppress(positions.astype(float), scores, APART_MM / SPACING_MM)
    return positions[kept], scores[kept]


def log_maxima(candidates: Candidates) -> Marks:
    """The Laplacian of Gaussian in units of local noise: the detector's own first stage alone."""
    return strongest(candidates.positions, candidates.response)


def tophat_maxima(image: NDArray[Any], mask: NDArray[numpy.bool_], max_value: float, *, dehazed: bool = False) -> Marks:
    """Maxima of the white top-hat by a disk of 0.9 mm, of the image or of the dehazed one. At 0.1 mm."""
    source = dehaze(image, size=11, radius=22, max_value=max_value) if dehazed else image
    tophat = white_tophat(source, disk(TOPHAT_MM / SPACING_MM / 2))
    return strongest(*local_maxima(tophat, 2, threshold=0, mask=_inner(mask)))


def blobs(image: NDArray[Any], mask: NDArray[numpy.bool_]) -> Marks | None:
    """OpenCV's `SimpleBlobDetector` on 8 bits, scored by contrast to the 2.5 mm around; `None` without OpenCV."""
    try:
        cv2: Any = import_module("cv2")
    except ImportError:
        return None
    low, high = numpy.percentile(image[mask], [0.5, 99.9]) if mask.any() else (0.0, 1.0)
    gray = ((image - low) / max(high - low, 1e-6) * 255).clip(0, 255).astype(numpy.uint8)
    settings = cv2.SimpleBlobDetector_Params()
    settings.blobColor = 255
    settings.minArea, settings.maxArea = BLOB_AREAS
    settings.filterByCircularity = settings.filterByConvexity = settings.filterByInertia = False
    settings.minThreshold, settings.maxThreshold, settings.thresholdStep = 10, 250, 5
    settings.minDistBetweenBlobs, settings.minRepeatability = APART_MM / SPACING_MM, 1
    found = cv2.SimpleBlobDetector_create(settings).detect(gray)
    places = numpy.array([(one.pt[1], one.pt[0]) for one in found], float).reshape(-1, 2)
    at = tuple(numpy.rint(places).astype(int).clip(0, numpy.array(image.shape) - 1).T)
    contrast = (gray - box_mean(gray, 12))[at]
    inside = _inner(mask)[at]
    return strongest(places[inside], contrast[inside])


def _inner(mask: NDArray[numpy.bool_]) -> NDArray[numpy.bool_]:
    inner: NDArray[numpy.bool_] = erode(mask.view(numpy.uint8), disk(SKIN_MM / SPACING_MM)).view(bool)
    border = round(BORDER_MM / SPACING_MM)
    inner[:border] = inner[-border:] = inner[:, :border] = inner[:, -border:] = False
    return inner
