"""How well the detector finds calcifications of phantoms that it never saw, beside the classical responses."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import runtimes
from mcfast.detect.classify import classify
from mcfast.detect.detector import DetectorConfig
from mcfast.detect.mask import breast_mask
from mcfast.detect.propose import propose
from mcfast.evaluate.classical import Marks, log_maxima, strongest, tophat_maxima
from mcfast.evaluate.froc import HIT_MM, Matched, match, sensitivity_at
from mcfast.phantom import Phantom, mammogram
from mcfast.train.patches import PHANTOM_WHITE, SPACING_MM, canonical

__all__ = ["FALSE_PER_IMAGE", "evaluate", "marks_of"]

FALSE_PER_IMAGE = (1, 2, 5, 10, 20)


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
    return {
        network.name: strongest(candidates.positions, classify(candidates, network, threads=threads)),
        "LoG": log_maxima(candidates),
        "top-hat": tophat_maxima(image, mask, PHANTOM_WHITE),
    }


def _phantom(seed: int, small: bool) -> Phantom:
    options: dict[str, Any] = {"view": ("CC", "MLO")[seed % 2], "laterality": ("L", "R")[seed // 2 % 2]}
    if small:
        options["shape"] = (1664, 1280)
    return mammogram(seed, **options)
