"""How well the detector finds calcifications of phantoms that it never saw, beside the classical responses."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import runtimes
from mcfast.detect.classify import classify
from mcfast.detect.cluster import suppress
from mcfast.detect.detector import DetectorConfig
from mcfast.detect.mask import breast_mask
from mcfast.detect.propose import BORDER_MM, SKIN_MM, propose
from mcfast.evaluate.froc import HIT_MM, Matched, match, sensitivity_at
from mcfast.footprints import disk
from mcfast.ops import erode, local_maxima, white_tophat
from mcfast.phantom import Phantom, mammogram
from mcfast.train.patches import PHANTOM_WHITE, SPACING_MM, canonical

__all__ = ["FALSE_PER_IMAGE", "evaluate", "marks_of"]

FALSE_PER_IMAGE = (1, 2, 5, 10, 20)
TOPHAT_MM = 0.9  # diameter of the disk

Marks = tuple[NDArray[Any], NDArray[Any]]


def evaluate(network: bytes, seeds: list[int], *, threads: int = 2, small: bool = False) -> dict[str, Any]:
    """Sensitivity per calcification at 1, 2, 5, 10 and 20 false marks per image, on the phantoms of the seeds.

    Parameters
    ----------
    network
        The ONNX file's bytes.
    seeds
        Of phantoms that were not trained on; of full size, or of a quarter of the area if `small`.

    Returns
    -------
    For each method a list of sensitivities, with the number of images and calcifications; and `"default"`: what the
    network finds at the default score limit.
    """
    loaded = runtimes.load(network, threads=threads)
    matched: dict[str, list[Matched]] = {}
    for number in seeds:
        phantom = _phantom(number, small)
        image, calcifications = canonical(phantom)
        truth = numpy.array([(one.row, one.column) for one in calcifications]).reshape(-1, 2)
        for method, (places, scores) in marks_of(image, loaded, threads=threads).items():
            matched.setdefault(method, []).append(match(places, scores, truth, HIT_MM / SPACING_MM))
    total = sum(image.total for image in matched[loaded.name])
    limit = DetectorConfig().min_score
    return {
        "images": len(seeds),
        "calcifications": total,
        "false_per_image": list(FALSE_PER_IMAGE),
        "sensitivity": {method: sensitivity_at(images, FALSE_PER_IMAGE) for method, images in matched.items()},
        "default": {
            "min_score": limit,
            "sensitivity": sum(int((image.hits >= limit).sum()) for image in matched[loaded.name]) / total,
            "false_per_image": sum(int((image.false >= limit).sum()) for image in matched[loaded.name]) / len(seeds),
        },
    }


def marks_of(
    image: NDArray[numpy.uint16], network: runtimes.Network, *, threads: int | None = None
) -> dict[str, Marks]:
    """Marks of an image at 0.1 mm by each method: positions, non-maximum suppressed, and scores."""
    mask = breast_mask(image, SPACING_MM, max_value=PHANTOM_WHITE)
    config = DetectorConfig()
    candidates = propose(
        image, mask, threshold=config.threshold, limit=config.limit, max_value=PHANTOM_WHITE, threads=threads
    )
    probabilities = classify(candidates, network, threads=threads)
    every = {network.name: (candidates.positions, probabilities), "LoG": (candidates.positions, candidates.response)}
    # The top-hat gets the same help: the skin and the image border are left out.
    inner = erode(mask.view(numpy.uint8), disk(SKIN_MM / SPACING_MM), threads=threads).view(bool)
    border = round(BORDER_MM / SPACING_MM)
    inner[:border] = inner[-border:] = inner[:, :border] = inner[:, -border:] = False
    tophat = white_tophat(image, disk(TOPHAT_MM / SPACING_MM / 2), threads=threads)
    places, heights = local_maxima(tophat, 2, threshold=0, mask=inner, threads=threads)
    strongest = numpy.argsort(-heights, kind="stable")[: config.limit]
    every["top-hat"] = (places[strongest], heights[strongest])
    kept = {}
    for method, (positions, scores) in every.items():
        stay = suppress(positions, scores, config.apart_mm / SPACING_MM)
        kept[method] = (positions[stay], scores[stay])
    return kept


def _phantom(seed: int, small: bool) -> Phantom:
    options: dict[str, Any] = {"view": ("CC", "MLO")[seed % 2], "laterality": ("L", "R")[seed // 2 % 2]}
    if small:
        options["shape"] = (1664, 1280)
    return mammogram(seed, **options)
