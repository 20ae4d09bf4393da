"""From a mammogram at 0.1 mm to calcifications and clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.classify import Network, classify
from mcfast.detect.cluster import best_place, cluster_score, hull, link, polygon_area
from mcfast.detect.clutter import discount, discounted
from mcfast.detect.context import reconsidered
from mcfast.detect.detector_config import DetectorConfig
from mcfast.detect.features import measure
from mcfast.detect.features.cluster import ClusterFeatures, cluster_features
from mcfast.detect.features.eccentricity import eccentricities
from mcfast.detect.mask import breast_mask
from mcfast.detect.propose import Candidates, propose
from mcfast.detect.suppression import suppress

__all__ = ["Calcification", "Cluster", "Detections", "DetectorConfig", "detect", "group", "weigh"]

Mask = NDArray[numpy.bool_]
CLEAR = 8.0  # contrast, in deviations of the noise around, from which a spot stands alone


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
    context: Network | None = None,
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
    context
        A loaded network that looks at the spots around each mark, for example `context24`; `None` does without.
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
    return group(image, candidates, scores, spacing_mm, max_value=max_value, mask=mask, config=config, context=context)


def group(
    image: NDArray[Any],
    candidates: Candidates,
    scores: NDArray[numpy.float32],
    spacing_mm: float,
    *,
    max_value: float,
    mask: Mask,
    config: DetectorConfig,
    context: Network | None = None,
    kept: NDArray[numpy.int64] | None = None,
) -> Detections:
    """Turn scored candidates into measured calcifications and clusters: the last stage of `detect`.

    `scores` is (N,), one probability per candidate; `kept` are the indices of those that non-maximum suppression
    leaves, best first, where that is known already; the rest as in `detect`. O(pixels + N log N).
    """
    scores, kept = weigh(candidates, scores, spacing_mm, mask=mask, config=config, context=context, kept=kept)
    chosen = kept[scores[kept] >= config.min_score]
    found = _calcifications(image, candidates, scores, chosen, spacing_mm, max_value, config)
    found, clusters = _grouped(image, found, spacing_mm, config)
    score = best_place(candidates.positions[kept], scores[kept], config.link_mm / spacing_mm)
    return Detections(found, clusters, score, mask, len(candidates))


def weigh(
    candidates: Candidates,
    scores: NDArray[numpy.float32],
    spacing_mm: float,
    *,
    mask: Mask,
    config: DetectorConfig,
    context: Network | None = None,
    kept: NDArray[numpy.int64] | None = None,
) -> tuple[NDArray[numpy.float32], NDArray[numpy.int64]]:
    """Take into scores what no single patch shows: what lies around each mark, and how restless the image is.

    Arguments as of `group`. Returns (N,) scores, and the indices of the marks, best first. O(N log N).
    """
    if kept is None:
        kept = suppress(candidates.positions.astype(float), scores, config.apart_mm / spacing_mm)
    if context is not None:
        scores, kept = reconsidered(candidates, scores, kept, context, spacing_mm, share=config.context)
    area_cm2 = numpy.count_nonzero(mask) * (spacing_mm / 10) ** 2
    marked = scores[kept], candidates.positions[kept]
    loss = discount(*marked, area_cm2, spacing_mm=spacing_mm, share=config.clutter)
    return discounted(scores, loss), kept


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
