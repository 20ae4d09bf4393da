"""All work of one image on the GPU, for images of one kind: where its arrays are, and what is put on the stream.

Every array has the size of the image or of a limit in the configuration, so the same launches serve every image of the
kind and can be captured in a graph: how much breast there is and how many candidates, only the device knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy

from mcfast.backends.gpu import candidates, magnify, noise, residual, selection, spots, suppression, tone
from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.mask import find_breast
from mcfast.backends.gpu.pixels import lookup
from mcfast.backends.gpu.resample import resample
from mcfast.backends.gpu.views import View
from mcfast.backends.gpu.windows import dehaze
from mcfast.config import Config
from mcfast.detect.classify import RANGE
from mcfast.detect.committee import DOUBT, SURE
from mcfast.detect.propose import APART_MM, BORDER_MM, FLAT, MEAN_MM, NOISE_MM, SIGMAS, SKIN_MM
from mcfast.detect.residual import FLOOR
from mcfast.device.kind import FrameKind
from mcfast.device.layout import Layout
from mcfast.device.networks import Executor
from mcfast.device.runtime import Runtime, Stream
from mcfast.enhancement import dehazing

__all__ = ["Frame"]

Mark = Callable[[str], None]


class Frame:
    """The arrays and launches of one kind of image on one stream.

    Parameters
    ----------
    runtime, stream
        Where.
    kind
        What the images have in common.
    config
        Of the engine.
    detectors
        The committee's networks on this stream, the first being the one that is asked first, and their input shapes.
    magnifier
        On this stream, and its `phases`; `None` leaves magnification to the host.
    """

    def __init__(
        self,
        runtime: Runtime,
        stream: Stream,
        kind: FrameKind,
        config: Config,
        detectors: Mapping[str, tuple[Executor, tuple[int, int]]],
        magnifier: tuple[Executor, int] | None,
    ) -> None:
        self.kind = kind
        self._runtime, self._stream, self._config = runtime, stream, config
        self._detectors = detectors
        self._magnifier = None if magnifier is None else magnifier[0]
        phases = None if magnifier is None else magnifier[1]
        sides = {name: sides for name, (_, sides) in detectors.items()}
        self.arrays = Layout(kind.arrays(config, sides, phases), runtime, stream)

    def record(self, mark: Mark) -> None:
        """Put everything on the stream, from the uploaded image to what is to be downloaded; waits for nothing.

        `mark` is called with the name of each stage after its last launch.
        """
        kind, at, config = self.kind, self.arrays, self._config
        with self._call() as call:
            dehaze(call, at["image"], max_value=kind.white, out=at["enhanced"], **dehazing(config, kind.spacing_mm))
            mark("enhance")
            wide = at["image"]
            if kind.bits < 16:
                wide = call.scratch(kind.shape, numpy.uint16)
                table = numpy.arange(1 << kind.bits, dtype=numpy.uint16) << numpy.uint16(16 - kind.bits)
                lookup(call, at["image"], table=call.constant(table), out=wide)
            resample(call, wide, kind.scale(config), out=at["small"])
            valid = at["valid"] if kind.has_valid else None
            white = kind.white_at_canonical
            find_breast(call, at["small"], config.canonical_mm, max_value=white, valid=valid, out=at["mask"])
            magnify.mask_in_input(call, at["mask"], kind.scale(config), at["inside"])
            mark("mask")
            part, chosen = self._propose(call)
            mark("propose")
            self._classify(call, part, chosen)
            mark("classify")
            self._suppress(call)
            mark("suppress")
            if self._magnifier is not None:
                self._magnify(call, self._magnifier)
                mark("magnify")

    def _propose(self, call: Call) -> tuple[residual.DevicePart, selection.Chosen]:
        at, config, white = self.arrays, self._config, self.kind.white_at_canonical

        def pixels(length_mm: float) -> int:
            return max(1, round(length_mm / config.canonical_mm))

        lengths = {"skin_px": pixels(SKIN_MM), "border_px": pixels(BORDER_MM), "window_px": pixels(MEAN_MM)}
        even = tone.find_tone(call, at["small"], at["mask"], max_value=white)
        part = residual.flatten(call, at["small"], at["mask"], max_value=white, tone=even, **lengths)
        inside = replace(part.inside, dtype=numpy.dtype(numpy.bool_))
        response = spots.spot_response(call, part, SIGMAS, floor=FLOOR / 4)
        found = candidates.find_maxima(call, response, pixels(APART_MM), threshold=0.0, mask=inside)
        around = noise.local_noise(call, response, inside, pixels(NOISE_MM))
        strength = noise.zscores(call, found, around, floor=FLAT)
        around = noise.local_noise(call, part.values, inside, pixels(NOISE_MM))
        limits = config.detector
        chosen = selection.strongest(
            call, found, strength, around, threshold=limits.threshold, limit=limits.limit, floor=FLOOR
        )
        for name in ("places", "strength", "noise", "count"):
            self._keep(getattr(chosen, name), name)
        self._keep(part.box, "box")
        self._keep(even.curve, "tone")
        return part, chosen

    def _classify(self, call: Call, part: residual.DevicePart, chosen: selection.Chosen) -> None:
        """Patches straight into each network's input; what it says straight into its row of the committee's."""
        said, limit = self.arrays["said"], self._config.detector.limit
        for row, (name, (network, _)) in enumerate(self._detectors.items()):
            batch = self.arrays[f"input {name}"]
            count = batch.shape[0]
            for begin in range(0, limit, count):
                first = min(begin, limit - count)  # the last batch begins earlier, so that all have one shape
                selection.candidate_patches(call, part, chosen, RANGE, batch, first=first)
                network.enqueue(batch.pointer, said.pointer + 4 * (row * limit + first), batch.shape)
        self._keep(selection.committee(call, said, chosen, doubt=DOUBT, sure=SURE), "scores")

    def _suppress(self, call: Call) -> None:
        at, apart = self.arrays, self._config.detector.apart_mm / self._config.canonical_mm
        suppression.suppress(call, at["places"], at["scores"], at["count"], apart, out=at["stays"])

    def _magnify(self, call: Call, network: Executor) -> None:
        at, white = self.arrays, self.kind.white
        magnify.scaled(call, at["image"], white, at["unit"])
        network.enqueue(at["unit"].pointer, at["large"].pointer, at["unit"].shape)
        around: dict[str, View] = {}
        if self._config.magnify == "breast":
            around = {"mask": at["inside"], "interpolated": call.scratch(at["magnified"].shape, numpy.uint16)}
            resample(call, at["image"], (2.0, 2.0), out=around["interpolated"])
        magnify.magnified(call, at["large"], white, at["magnified"], **around)

    def _keep(self, view: View, name: str) -> None:
        target = self.arrays[name]
        size = int(numpy.prod(target.shape)) * target.dtype.itemsize
        self._runtime.copy(target.pointer, view.pointer, size, self._stream)

    def _call(self) -> Call:
        return _ScratchCall(self._runtime.kernels, self._stream.handle, None)


class _ScratchCall(Call):
    """A call whose results lie in scratch memory too: nothing may be allocated while a graph is captured."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> View:
        return self.scratch(shape, dtype)
