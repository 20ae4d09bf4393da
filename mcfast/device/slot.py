"""One image in flight: a stream, arrays and graphs of the last kinds of images, upload buffers of its own."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.views import View
from mcfast.boxes import Box
from mcfast.config import Config
from mcfast.device.frame import Frame
from mcfast.device.kept import KeptKind, KeptKinds
from mcfast.device.kind import FrameKind
from mcfast.device.networks import DeviceNetwork, Executor
from mcfast.device.pinned import PinnedPool
from mcfast.device.runtime import Event, Runtime

__all__ = ["LISTS", "SPANS", "Slot"]

Mark = Callable[[str], None]
Arrays = dict[str, NDArray[Any]]

SPANS = ("device_upload", "device_compute", "device_download")
MAGNIFYING = "magnifier"
STAGES = "MCFAST_DEVICE_STAGES"
"""1 in the environment: kernels are timed stage by stage, launch by launch, and nothing is captured."""
LISTS = ("box", "tone", "count", "places", "strength", "noise", "scores", "stays")


class Slot:
    """Works on one image at a time; several slots work side by side.

    The first image of a kind is put on the stream launch by launch, which sends tables and grows scratch memory; the
    second is captured in a graph, and from then on images of the kind are put there by launching it. Arrays and graphs
    of the last few kinds are kept (`mcfast.device.kept`), so that images of several sizes in turn find theirs again.

    Parameters
    ----------
    runtime, config, pool
        Of the engine.
    detectors, magnifier
        Networks; `magnifier=None` leaves magnification to the host.
    """

    def __init__(
        self,
        runtime: Runtime,
        config: Config,
        pool: PinnedPool,
        detectors: Mapping[str, DeviceNetwork],
        magnifier: DeviceNetwork | None,
    ) -> None:
        self._runtime, self._config, self._pool = runtime, config, pool
        self.stream = runtime.stream()
        # Scratch memory is kept by the device under the stream's handle, and must go before the stream does.
        weakref.finalize(self, runtime.kernels.scratches.pop, self.stream.handle, None).atexit = False
        self._begun, self._uploaded, self._computed, self._done = (runtime.event() for _ in range(4))
        self._detectors, self._magnifier = detectors, magnifier
        networks = [*detectors.values(), *(() if magnifier is None else (magnifier,))]
        self.captures = all(one.capturable for one in networks)
        self._shared: dict[str, Executor] = {}
        self._kinds = KeptKinds()
        self._current: KeptKind | None = None
        self._stamps: list[tuple[str, Event]] = []
        self.on_mark: Mark | None = self._stamp if os.environ.get(STAGES) == "1" else None
        """Called with `"begin"`, and after each stage has been put on the stream; nothing is captured then."""

    @property
    def frame(self) -> Frame:
        """The arrays of the image in work."""
        return self._kept.frame

    @property
    def _kept(self) -> KeptKind:
        assert self._current is not None
        return self._current

    def begin(self, kind: FrameKind, image: NDArray[numpy.uint16], valid: NDArray[numpy.bool_] | None) -> Arrays:
        """Put all work of an image on the stream, downloads included; `wait` before the arrays are read.

        `image` is copied at once; nothing is waited for.
        """
        try:
            return self._begin(kind, image, valid)
        except (RuntimeError, MemoryError):
            alone = not self._kinds.others(kind)
            self.reset()
            if alone:
                raise
        except BaseException:
            self.reset()
            raise
        # Other kinds were kept. They may have held the memory that was missing, so it is tried once without them.
        try:
            return self._begin(kind, image, valid)
        except BaseException:
            self.reset()
            raise

    def _begin(self, kind: FrameKind, image: NDArray[numpy.uint16], valid: NDArray[numpy.bool_] | None) -> Arrays:
        self._current = None  # so that nothing holds what is freed to make room
        self._current = self._kinds.take(kind, lambda: self._make(kind))
        self._mark("begin")
        self._begun.record(self.stream.handle)
        self._send("image", image)
        if valid is not None:
            self._send("valid", valid)
        self._uploaded.record(self.stream.handle)
        self._mark("upload")
        self._put()
        self._computed.record(self.stream.handle)
        names: tuple[str, ...] = ("enhanced", "inside", "small", "mask", *LISTS)
        if self._config.magnify == "breast" and "magnified" in self.frame.arrays:
            names = (*names, "magnified")
        results = {name: self._fetch(self.frame.arrays[name]) for name in names}
        self._mark("download")
        self._done.record(self.stream.handle)
        return results

    def wait(self) -> None:
        """Until everything that was begun is done."""
        self._done.synchronize()
        if not self._kept.compiled:
            self._kept.compiled = True
            for network in self._kept.networks:
                network.keep_compiled()

    def seconds(self) -> dict[str, float]:
        """How long upload, computing and downloads of the last image took on the GPU, once it has been waited for.

        From events that stand outside of the graph: they cost a few microseconds, and each part is as long as it is
        with the other slot's work beside it. What `magnified` fetches afterwards is not in it. With
        `MCFAST_DEVICE_STAGES=1` also every stage of computing.
        """
        points = self._begun, self._uploaded, self._computed, self._done
        spans = {
            name: later.since(earlier) / 1e3 for name, (earlier, later) in zip(SPANS, pairwise(points), strict=True)
        }
        stamps = {
            f"device_{stage}": later.since(earlier) / 1e3
            for (_, earlier), (stage, later) in pairwise(self._stamps)
            if stage not in ("upload", "download")
        }
        return spans | stamps

    def magnified(self, boxes: Sequence[Box]) -> list[NDArray[numpy.uint16]] | None:
        """Those boxes of the magnified frame; `None` if the host is to magnify. Waits once for all of their lines."""
        if "magnified" not in self.frame.arrays:
            return None
        lines = [self._fetch(self._lines(box)) for box in boxes]
        if lines:
            self.stream.synchronize()
        return [host[:, 2 * box.column0 : 2 * box.column1].copy() for host, box in zip(lines, boxes, strict=True)]

    def reset(self) -> None:
        """After an error: wait for what is on the stream, and begin anew with the next image."""
        with suppress(Exception):  # the error that brought us here is the one to tell
            self.stream.synchronize()
        self._current = None
        self._kinds.clear()

    def _make(self, kind: FrameKind) -> KeptKind:
        """Arrays and networks of a kind."""
        shape = (1, 1, *kind.shape)
        fits = self._config.magnify != "none" and self._magnifier is not None and self._magnifier.takes(shape)
        own = {name: (self._executor(name, one), _patch(one)) for name, one in self._detectors.items()}
        magnifier = None
        if fits and self._magnifier is not None:
            magnifier = self._executor(MAGNIFYING, self._magnifier), self._magnifier.phases
        frame = Frame(self._runtime, self.stream, kind, self._config, own, magnifier)
        uploads = ("image", *(("valid",) if kind.has_valid else ()))
        executors = [one for one, _ in own.values()] + ([] if magnifier is None else [magnifier[0]])
        return KeptKind(frame, {name: self._host(frame.arrays[name]) for name in uploads}, executors)

    def _executor(self, name: str, network: DeviceNetwork) -> Executor:
        """On this slot's stream: one for each kind where calls are captured, else one for all."""
        if self.captures:
            return network.on_stream(self.stream)
        if name not in self._shared:
            self._shared[name] = network.on_stream(self.stream)
        return self._shared[name]

    def _lines(self, box: Box) -> View:
        """The lines of the magnified frame that a box of the image is in."""
        whole = self.frame.arrays["magnified"]
        rows, width = 2 * (box.row1 - box.row0), whole.shape[1]
        first = whole.pointer + 2 * box.row0 * width * whole.dtype.itemsize
        return View(first, (rows, width), whole.strides, whole.dtype, whole.owner)

    def _host(self, view: View) -> NDArray[Any]:
        return self._pool.take(view.shape, view.dtype)

    def _send(self, name: str, values: NDArray[Any]) -> None:
        """Through this slot's own buffer, which the GPU may still read when the host goes on."""
        host = self._kept.upload[name]
        host[...] = values
        self._runtime.copy(self.frame.arrays[name].pointer, host.ctypes.data, host.nbytes, self.stream)

    def _fetch(self, view: View) -> NDArray[Any]:
        host = self._host(view)
        self._runtime.copy(host.ctypes.data, view.pointer, host.nbytes, self.stream)
        return host

    def _put(self) -> None:
        """All launches: one by one the first time, captured the second, by the graph from then on."""
        kept = self._kept
        if self.on_mark is not None or not self.captures or not kept.seen:
            kept.frame.record(self._mark)
            kept.seen = True
            return
        if kept.graph is None:
            kept.graph = self._runtime.capture(self.stream, lambda: kept.frame.record(_no_mark))
        kept.graph.launch(self.stream)

    def _stamp(self, stage: str) -> None:
        """An event after each stage; an image begins anew."""
        if stage == "begin":
            self._stamps.clear()
        event = self._runtime.event()
        event.record(self.stream.handle)
        self._stamps.append((stage, event))

    def _mark(self, stage: str) -> None:
        if self.on_mark is not None:
            self.on_mark(stage)


def _no_mark(_: str) -> None:
    pass


def _patch(network: DeviceNetwork) -> tuple[int, int]:
    """Scales and side of what a classifier looks at."""
    _, scales, side, _ = network.input_shape
    assert scales is not None and side is not None
    return scales, side
