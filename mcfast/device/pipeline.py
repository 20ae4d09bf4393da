"""The pipeline on a GPU: two images in flight, each in a slot of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import detect, nets
from mcfast.analysis import Analysis
from mcfast.boxes import Box
from mcfast.canonical import findings_in_input, valid_at_canonical
from mcfast.clock import Clock
from mcfast.config import Config
from mcfast.detect.tone import Tone
from mcfast.device.kind import FrameKind
from mcfast.device.networks import choose_networks, load_on_host
from mcfast.device.pinned import PinnedPool
from mcfast.device.runtime import find_runtime
from mcfast.device.slot import Slot
from mcfast.dicom.grayscale import window
from mcfast.host import CONTEXT, DETECTORS, MAGNIFIER
from mcfast.magnify import super_resolve
from mcfast.mammogram import Mammogram
from mcfast.regions import boxes_to_magnify
from mcfast.result import Calcification, Magnified

__all__ = ["SLOTS", "DevicePipeline"]

SLOTS = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """An image on its way over the GPU. The arrays are not to be read before the slot has been waited for."""

    slot: Slot
    mammogram: Mammogram
    kind: FrameKind
    image: NDArray[numpy.uint16]
    arrays: dict[str, Any]
    clock: Clock


class DevicePipeline:
    """See `mcfast.analysis.Pipeline`. `begin` waits while both slots are taken.

    Parameters
    ----------
    config
        Of the engine.
    threads
        Of what the host does.
    number
        Of the GPU.

    Raises
    ------
    DeviceError
        If there is no GPU, or no runtime for networks on it; the message says why.
    """

    def __init__(self, config: Config, threads: int, number: int = 0) -> None:
        runtime = self.gpu = find_runtime(number)
        names = (*DETECTORS, *(() if config.magnify == "none" else (MAGNIFIER,)))
        networks, self.reasons = choose_networks(runtime, {name: nets.weights(name) for name in names})
        self._config, self._threads = config, threads
        self.device = f"cuda: {runtime.name}"
        own = list(dict.fromkeys(f"{one.runtime} {one.runtime_version}" for one in networks.values()))
        self.runtime = " ".join(own)
        # It looks at a few hundred marks that are on the host already: there and back would take longer.
        self._context = load_on_host(nets.weights(CONTEXT), threads)
        self.models = {name: network.sha256 for name, network in networks.items()}
        self.models[CONTEXT] = self._context.sha256
        detectors, pool = {name: networks[name] for name in DETECTORS}, PinnedPool(runtime)
        self.slots = tuple(Slot(runtime, config, pool, detectors, networks.get(MAGNIFIER)) for _ in range(SLOTS))
        self._idle: SimpleQueue[Slot] = SimpleQueue()
        for slot in self.slots:
            self._idle.put(slot)

    def begin(self, mammogram: Mammogram, clock: Clock) -> _Begun:
        """Put an image on the GPU."""
        kind = FrameKind.of(mammogram)
        with clock("window"):
            image = window(mammogram, threads=self._threads)
            valid = valid_at_canonical(mammogram, kind.scale(self._config), threads=self._threads)
        slot = self._idle.get()
        try:
            with clock("submit"):
                arrays = slot.begin(kind, image, valid)
        except BaseException:
            self._idle.put(slot)
            raise
        return _Begun(slot, mammogram, kind, image, arrays, clock)

    def finish(self, begun: _Begun) -> Analysis:
        """Wait for the GPU; measure what it leaves, cluster, and fetch what is magnified."""
        clock, arrays = begun.clock, begun.arrays
        try:
            with clock("device"):
                begun.slot.wait()
            clock.seconds.update(begun.slot.seconds())  # parts of the times around them, so not of the total
            with clock("cluster"):
                found = self._group(begun)
                scale = begun.kind.scale(self._config)
                calcifications, clusters = findings_in_input(found, scale, begun.mammogram)
            with clock("magnify"):
                magnified = self._magnified(begun, calcifications)
        except BaseException:
            begun.slot.reset()
            raise
        finally:
            self._idle.put(begun.slot)
        findings = found.image_score, calcifications, clusters
        return Analysis(*findings, begun.image, arrays["enhanced"], arrays["inside"], magnified)

    def abandon(self, begun: _Begun) -> None:
        """Free the slot, once the GPU is done with it."""
        begun.slot.reset()
        self._idle.put(begun.slot)

    def _group(self, begun: _Begun) -> detect.Detections:
        arrays, config = begun.arrays, self._config
        count, tone = int(arrays["count"][0]), Tone(*arrays["tone"].tolist())
        strength, noise = arrays["strength"][:count], arrays["noise"][:count]
        candidates = detect.Candidates(arrays["places"][:count] + arrays["box"][:2], strength, noise, None, tone)
        scores, white = arrays["scores"][:count], begun.kind.white_at_canonical
        kept = numpy.flatnonzero(arrays["stays"][:count])
        kept = kept[numpy.argsort(-scores[kept], kind="stable")]
        options: dict[str, Any] = {"mask": arrays["mask"], "config": config.detector, "context": self._context}
        return detect.group(
            arrays["small"], candidates, scores, config.canonical_mm, max_value=white, kept=kept, **options
        )

    def _magnified(self, begun: _Begun, calcifications: tuple[Calcification, ...]) -> tuple[Magnified, ...]:
        mask = begun.arrays["inside"]
        boxes = boxes_to_magnify(self._config, mask, calcifications, begun.mammogram.spacing_mm)
        return tuple(Magnified(box, crop) for box, crop in zip(boxes, self._crops(begun, boxes), strict=True))

    def _crops(self, begun: _Begun, boxes: Sequence[Box]) -> Sequence[NDArray[numpy.uint16]]:
        whole = begun.arrays.get("magnified")
        if whole is not None:
            return [whole[2 * box.row0 : 2 * box.row1, 2 * box.column0 : 2 * box.column1] for box in boxes]
        crops = begun.slot.magnified(boxes) if boxes else []
        if crops is not None:
            return crops
        # Larger than any engine takes.
        mask = begun.arrays["inside"] if self._config.magnify == "breast" else None
        options: dict[str, Any] = {"max_value": begun.kind.white, "mask": mask, "threads": self._threads}
        return super_resolve(begun.image, regions=boxes, **options)  # type: ignore[no-any-return]
