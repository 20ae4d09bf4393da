"""The pipeline on the CPU: every stage a call of an operation, in one page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import detect, nets, ops, runtimes
from mcfast.analysis import Analysis
from mcfast.canonical import at_canonical, findings_in_input, headroom, mask_in_input
from mcfast.clock import Clock
from mcfast.config import Config
from mcfast.dicom.grayscale import window
from mcfast.enhancement import dehazing
from mcfast.magnify import super_resolve
from mcfast.mammogram import Mammogram
from mcfast.regions import boxes_to_magnify
from mcfast.result import Calcification, Magnified
from mcfast.runtimes import Network

__all__ = ["CONTEXT", "DETECTORS", "MAGNIFIER", "HostPipeline"]

Image = NDArray[numpy.uint16]
Mask = NDArray[numpy.bool_]
DETECTORS, CONTEXT, MAGNIFIER = ("vgg12", "vgg24"), "context24", "fsrcnn"


class HostPipeline:
    """See `mcfast.analysis.Pipeline`; `begin` does all there is to do.

    Parameters
    ----------
    config
        Of the engine.
    threads
        Of operations and networks.
    load
        What makes all but the magnifier ready to run, called as `mcfast.runtimes.load`, which it is by default.
    """

    device = "cpu"

    def __init__(self, config: Config, threads: int, load: Callable[..., Network] = runtimes.load) -> None:
        self._config, self._threads = config, threads
        detectors = {name: load(nets.weights(name), threads=threads) for name in DETECTORS}
        self._detector = detect.Committee(list(detectors.values()))
        self._context = load(nets.weights(CONTEXT), threads=threads)
        # Through a general runtime, magnification runs several tiles at once, each on one thread.
        own = threads if config.magnifier == "native" else 1
        self._magnifier = runtimes.load(nets.weights(MAGNIFIER), runtime=config.magnifier, threads=own)
        self.runtime = " ".join(dict.fromkeys(f"{one.runtime} {one.runtime_version}" for one in detectors.values()))
        networks = {**detectors, CONTEXT: self._context, MAGNIFIER: self._magnifier}
        self.models = {name: network.sha256 for name, network in networks.items()}

    def begin(self, mammogram: Mammogram, clock: Clock) -> Analysis:
        """All stages."""
        config, threads = self._config, self._threads
        white = float((1 << mammogram.bits) - 1)
        with clock("window"):
            image = window(mammogram, threads=threads)
        with clock("enhance"):
            options = dehazing(config, mammogram.spacing_mm)
            enhanced: Image = ops.dehaze(image, max_value=white, threads=threads, **options)
        with clock("mask"):
            small, valid, scale = at_canonical(image, mammogram, config.canonical_mm, threads=threads)
            brightest = white * headroom(mammogram)
            small_mask = detect.breast_mask(small, config.canonical_mm, max_value=brightest, valid=valid)
        found = self._detect(small, small_mask, brightest, clock)
        calcifications, clusters = findings_in_input(found, scale, mammogram)
        mask = mask_in_input(small_mask, image.shape, scale)
        with clock("magnify"):
            magnified = self._magnify(image, mask, calcifications, mammogram.spacing_mm, white)
        return Analysis(found.image_score, calcifications, clusters, image, enhanced, mask, magnified)

    def finish(self, begun: Analysis) -> Analysis:
        """Nothing is left to do."""
        return begun

    def abandon(self, begun: Any) -> None:
        """Nothing is held."""

    def _detect(self, image: Image, mask: Mask, white: float, clock: Clock) -> detect.Detections:
        config, spacing, threads = self._config.detector, self._config.canonical_mm, self._threads
        options: dict[str, Any] = {"max_value": white, "spacing_mm": spacing, "threads": threads}
        with clock("propose"):
            candidates = detect.propose(image, mask, threshold=config.threshold, limit=config.limit, **options)
        with clock("classify"):
            scores = detect.classify(candidates, self._detector, threads=threads)
        with clock("cluster"):
            judged: dict[str, Any] = {"mask": mask, "config": config, "context": self._context}
            return detect.group(image, candidates, scores, spacing, max_value=white, **judged)

    def _magnify(
        self,
        image: Image,
        mask: Mask,
        calcifications: tuple[Calcification, ...],
        spacing_mm: tuple[float, float],
        white: float,
    ) -> tuple[Magnified, ...]:
        boxes = boxes_to_magnify(self._config, mask, calcifications, spacing_mm)
        if not boxes:
            return ()
        inside = mask if self._config.magnify == "breast" else None
        options: dict[str, Any] = {"network": self._magnifier, "threads": self._threads}
        crops = super_resolve(image, max_value=white, regions=boxes, mask=inside, **options)
        return tuple(Magnified(box, crop) for box, crop in zip(boxes, crops, strict=True))
