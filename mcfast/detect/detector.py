"""From a mammogram at 0.1 mm to calcifications and clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.classify import Network, classify
from mcfast.detect.cluster import best_place, cluster_score, hull, link, polygon_area
from mcfast.detect.clutter import discount, discounted
from mcfast.detect.features import measure
from mcfast.detect.features.cluster import ClusterFeatures, cluster_features
from mcfast.detect.features.eccentricity import eccentricities
from mcfast.detect.mask import breast_mask
from mcfast.detect.propose import Candidates, propose
from mcfast.detect.suppression import suppress
from mcfast.errors import ConfigError

__all__ = ["Calcification", "Cluster", "Detections", "DetectorConfig", "detect", "group"]

Mask = NDArray[numpy.bool_]
CLEAR = 8.0  # contrast, in deviations of the noise around, from which a spot stands alone


def is_number(value: Any) -> bool:
    """Whether a value is a real number, NumPy's included, and no bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """How calcifications are found. Lengths are in millimetres.

    Attributes
    ----------
    threshold
        Lowest response of a candidate, in standard deviations of the response around it.
    limit
        Most candidates that the network looks at.
    min_score
        Lowest probability of a calcification that is reported, 0 .. 1.
    cluster_score
        Lowest probability of a cluster's member, 0 .. 1: who has fainter ones reported wants no clusters of them.
    apart_mm
        Of two spots closer than this, only the better one stays; of those that do, when their centres have been
        measured, only the better one of two that are closer than this or than three quarters of its diameter.
    link_mm
        Calcifications at most this far apart belong to one cluster.
    min_members
        A cluster has at least so many.
    clutter
        Share of an image's restlessness that its scores lose, 0 .. 1; see `mcfast.detect.clutter`.
    """

    threshold: float = 1.5
    limit: int = 3500
    min_score: float = 0.5
    cluster_score: float = 0.5
    apart_mm: float = 0.4
    link_mm: float = 5.0
    min_members: int = 3
    clutter: float = 0.75

    def __post_init__(self) -> None:
        for name in ("threshold", "min_score", "cluster_score", "apart_mm", "link_mm", "clutter"):
            if not (is_number(getattr(self, name)) and math.isfinite(getattr(self, name))):
                raise ConfigError(f"DetectorConfig({name}): expected a finite number, got {getattr(self, name)!r}")
        for name in ("limit", "min_members"):
            if not isinstance(getattr(self, name), int):
                raise ConfigError(f"DetectorConfig({name}): expected a whole number, got {getattr(self, name)!r}")
        for name in ("min_score", "cluster_score", "clutter"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"DetectorConfig({name}): expected 0 .. 1, got {getattr(self, name)}")
        if self.limit < 1 or self.min_members < 1:
            raise ConfigError(
                f"DetectorConfig(limit, min_members): expected at least 1 each, got {self.limit}, {self.min_members}"
            )
        if not (self.apart_mm >= 0 and self.link_mm > 0):
            raise ConfigError(
                f"DetectorConfig(apart_mm, link_mm): expected lengths above 0, got {self.apart_mm}, {self.link_mm}"
            )


@dataclass(frozen=True, slots=True)
class Calcification:
    """One calcification found.

    `row` and `column` are its centre in pixels of the image; `contrast` is peak minus background in the image's counts,
    `contrast_to_noise` the same in standard deviations of the image around it; `score` is a probability; `cluster` the
    id of its cluster or `None`.
    """

    row: float
    column: float
    diameter_mm: float
    contrast: float
    contrast_to_noise: float
    score: float
    cluster: int | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Calcifications that lie together: `outline` is their convex hull as (row, column) corners in pixels, `area_mm2`
    its area, `score` the mean of the three highest probabilities in it; `features` are measured at the image's spacing.
    """

    id: int
    count: int
    score: float
    area_mm2: float
    outline: tuple[tuple[float, float], ...]
    features: ClusterFeatures


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What was found in one image.

    Attributes
    ----------
    calcifications
        Most probable first.
    clusters
        Highest score first; `id` is the index.
    image_score
        0 .. 1: how likely some place holds a cluster, whatever is reported; see `mcfast.detect.cluster.best_place`.
    mask
        (H, W) bool, the breast.
    candidates
        How many spots the network looked at.
    """

    calcifications: tuple[Calcification, ...]
    clusters: tuple[Cluster, ...]
    image_score: float
    mask: Mask
    candidates: int


def detect(
    image: NDArray[Any],
    spacing_mm: float,
    *,
    max_value: float,
    network: Network,
    mask: Mask | None = None,
    valid: Mask | None = None,
    config: DetectorConfig | None = None,
    min_score: float | None = None,
    threads: int | None = None,
) -> Detections:
    """Find calcifications and clusters.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, bright = dense, at about 0.1 mm: the networks know no other.
    spacing_mm
        Distance of pixel centres, millimetres.
    max_value
        Intensity of white.
    network
        A loaded network, for example `vgg12`.
    mask
        (H, W) bool, the breast; `None` finds it, where `valid` tells padding from pixels.
    config
        `None` is `DetectorConfig()`.
    min_score
        Overrides the configuration's.
    threads
        Threads of the operations.

    Returns
    -------
    `Detections`. O(1) per pixel and per candidate.

    Raises
    ------
    ValueError
        If the image is not 2-D or the mask has another shape.
    """
    config = config or DetectorConfig()
    if image.ndim != 2:
        raise ValueError(f"detect(image): expected (rows, columns), got shape {image.shape}")
    if mask is None:
        mask = breast_mask(image, spacing_mm, max_value=max_value, valid=valid)
    if mask.shape != image.shape:
        raise ValueError(f"detect(mask): expected the image's shape {image.shape}, got {mask.shape}")
    candidates = propose(
        image,
        mask,
        threshold=config.threshold,
        limit=config.limit,
        max_value=max_value,
        spacing_mm=spacing_mm,
        threads=threads,
    )
    scores = classify(candidates, network, threads=threads)
    if min_score is not None:
        config = replace(config, min_score=min_score)
    return group(image, candidates, scores, spacing_mm, max_value=max_value, mask=mask, config=config)


def group(
    image: NDArray[Any],
    candidates: Candidates,
    scores: NDArray[numpy.float32],
    spacing_mm: float,
    *,
    max_value: float,
    mask: Mask,
    config: DetectorConfig,
    kept: NDArray[numpy.int64] | None = None,
) -> Detections:
    """Turn scored candidates into measured calcifications and clusters: the last stage of `detect`.

    `scores` is (N,), one probability per candidate; `kept` are the indices of those that non-maximum suppression
    leaves, best first, where that is known already; the rest as in `detect`. O(pixels + N log N).
    """
    if kept is None:
        kept = suppress(candidates.positions.astype(float), scores, config.apart_mm / spacing_mm)
    area_cm2 = numpy.count_nonzero(mask) * (spacing_mm / 10) ** 2
    scores = discounted(scores, discount(scores[kept], area_cm2, share=config.clutter))
    chosen = kept[scores[kept] >= config.min_score]
    found = _calcifications(image, candidates, scores, chosen, spacing_mm, max_value, config)
    found, clusters = _grouped(image, found, spacing_mm, config)
    score = best_place(candidates.positions[kept], scores[kept], config.link_mm / spacing_mm)
    return Detections(found, clusters, score, mask, len(candidates))


def _calcifications(
    image: NDArray[Any],
    candidates: Candidates,
    scores: NDArray[numpy.float32],
    chosen: NDArray[numpy.int64],
    spacing_mm: float,
    max_value: float,
    config: DetectorConfig,
) -> tuple[Calcification, ...]:
    """Measure the chosen spots, keep one for each calcification, the most probable first."""
    positions = candidates.positions[chosen]
    features = measure(image, positions, spacing_mm)
    noise = candidates.noise[chosen].astype(numpy.float64) * max_value
    noise /= candidates.tone.slope(image[tuple(positions.T)] / max_value)
    # What is brighter than half of a faint spot is half tissue: only of a clear one are centre and diameter known.
    clear = features.contrast >= CLEAR * noise
    places = numpy.where(clear[:, None], numpy.column_stack([features.rows, features.columns]), positions)
    # A coarse calcification has several peaks; they are within its own diameter of the best one, and their centres, as
    # measured, may even be one.
    reach = numpy.where(clear, 0.75 * features.diameter_mm, 0.0)
    apart = numpy.maximum(config.apart_mm, reach) / spacing_mm
    return tuple(
        Calcification(
            row=float(places[index, 0]),
            column=float(places[index, 1]),
            diameter_mm=float(features.diameter_mm[index]),
            contrast=float(features.contrast[index]),
            contrast_to_noise=float(features.contrast[index] / noise[index]),
            score=float(scores[chosen[index]]),
            cluster=None,
        )
        for index in suppress(places, scores[chosen], apart)
    )


def _grouped(
    image: NDArray[Any], found: tuple[Calcification, ...], spacing_mm: float, config: DetectorConfig
) -> tuple[tuple[Calcification, ...], tuple[Cluster, ...]]:
    """Give each calcification its cluster, and describe the clusters, the best first."""
    places = numpy.array([(one.row, one.column) for one in found]).reshape(-1, 2)
    labels = numpy.full(len(found), -1, numpy.int64)
    sure = numpy.array([one.score >= config.cluster_score for one in found], bool)
    labels[sure] = link(places[sure], config.link_mm / spacing_mm, config.min_members)
    groups = [numpy.flatnonzero(labels == label) for label in range(int(labels.max(initial=-1)) + 1)]
    groups.sort(key=lambda members: -cluster_score([found[index].score for index in members]))
    shapes = numpy.full(len(found), numpy.nan)
    shapes[labels >= 0] = eccentricities(image, places[labels >= 0], spacing_mm)
    clusters = []
    cluster_of: dict[int, int] = {}
    for number, members in enumerate(groups):
        outline = hull(places[members])
        score = cluster_score([found[index].score for index in members])
        corners = tuple((float(row), float(column)) for row, column in outline)
        features = cluster_features(
            places[members] * spacing_mm,
            diameters_mm=[found[index].diameter_mm for index in members],
            contrasts=[found[index].contrast for index in members],
            eccentricities=shapes[members],
        )
        area = polygon_area(outline) * spacing_mm**2
        clusters.append(Cluster(number, len(members), score, area, corners, features))
        cluster_of.update(dict.fromkeys(members.tolist(), number))
    return tuple(replace(one, cluster=cluster_of.get(index)) for index, one in enumerate(found)), tuple(clusters)
