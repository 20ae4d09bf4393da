"""One image in flight: a stream, the arrays and the graph of the last kind of image, an upload buffer of its own."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.views import View
from mcfast.boxes import Box
from mcfast.config import Config
from mcfast.device.frame import Frame
from mcfast.device.kind import FrameKind
from mcfast.device.networks import DeviceNetwork
from mcfast.device.pinned import PinnedPool
from mcfast.device.runtime import Graph, Runtime

__all__ = ["LISTS", "SPANS", "Slot"]

Mark = Callable[[str], None]
Arrays = dict[str, NDArray[Any]]

SPANS = ("device_upload", "device_compute", "device_download")
LISTS = ("box", "tone", "count", "places", "strength", "noise", "scores", "stays")


class Slot:
    """Works on one image at a time; several slots work side by side.

    The first image of a kind is put on the stream launch by launch, which sends tables and grows scratch memory; the
    second is captured in a graph, and from then on images of the kind are put there by launching it. Another kind of
    image begins anew: arrays and graph of one kind are kept.

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
        self._detectors = {name: (one.on_stream(self.stream), _patch(one)) for name, one in detectors.items()}
        self._magnifier = magnifier
        self._magnifying = None if magnifier is None else (magnifier.on_stream(self.stream), magnifier.phases)
        networks = [*detectors.values(), *(() if magnifier is None else (magnifier,))]
        self.captures = all(one.capturable for one in networks)
        self._networks = [one for one, _ in self._detectors.values()]
        self._networks += [] if self._magnifying is None else [self._magnifying[0]]
        self._kept = False  # whether what was compiled for the current kind of image is
        self._frame: Frame | None = None
        self._upload: dict[str, NDArray[Any]] = {}
        self._graph: Graph | None = None
        self._seen = False  # whether an image of the kind has been put on the stream
        self.on_mark: Mark | None = None
        """Called with `"begin"`, and after each stage has been put on the stream; nothing is captured then."""

    @property
    def frame(self) -> Frame:
        """The arrays of the image in work."""
        assert self._frame is not None
        return self._frame

    def begin(self, kind: FrameKind, image: NDArray[numpy.uint16], valid: NDArray[numpy.bool_] | None) -> Arrays:
        """Put all work of an image on the stream, downloads included; `wait` before the arrays are read.

        `image` is copied at once; nothing is waited for.
        """
        try:
            self._prepare(kind)
            self._mark("begin")
            self._begun.record(self.stream.handle)
            self._send("image", image)
            if valid is not None:
                self._send("valid", valid)
            self._mark("upload")
            self._uploaded.record(self.stream.handle)
            self._put()
            self._computed.record(self.stream.handle)
            names: tuple[str, ...] = ("enhanced", "inside", "small", "mask", *LISTS)
            if self._config.magnify == "breast" and "magnified" in self.frame.arrays:
                names = (*names, "magnified")
            results = {name: self._fetch(self.frame.arrays[name]) for name in names}
            self._mark("download")
            self._done.record(self.stream.handle)
        except BaseException:
            self.reset()
            raise
        return results

    def wait(self) -> None:
        """Until everything that was begun is done."""
        self._done.synchronize()
        if not self._kept:
            self._kept = True
            for network in self._networks:
                network.keep_compiled()

    def seconds(self) -> dict[str, float]:
        """How long upload, computing and downloads of the last image took on the GPU, once it has been waited for.

        From events that stand outside of the graph: they cost a few microseconds, and each part is as long as it is
        with the other slot's work beside it. What `magnified` fetches afterwards is not in it.
        """
        points = self._begun, self._uploaded, self._computed, self._done
        return {
            name: later.since(earlier) / 1e3 for name, (earlier, later) in zip(SPANS, pairwise(points), strict=True)
        }

    def magnified(self, box: Box) -> NDArray[numpy.uint16] | None:
        """That box of the magnified frame, downloaded; `None` if the host is to magnify."""
        if "magnified" not in self.frame.arrays:
            return None
        whole = self.frame.arrays["magnified"]
        rows, width = 2 * (box.row1 - box.row0), whole.shape[1]
        first = whole.pointer + 2 * box.row0 * width * whole.dtype.itemsize
        lines = View(first, (rows, width), whole.strides, whole.dtype, whole.owner)
        host = self._fetch(lines)
        self.stream.synchronize()
        crop: NDArray[numpy.uint16] = host[:, 2 * box.column0 : 2 * box.column1].copy()
        return crop

    def reset(self) -> None:
        """After an error: wait for what is on the stream, and begin anew with the next image."""
        with suppress(Exception):  # the error that brought us here is the one to tell
            self.stream.synchronize()
        self._frame = None

    def _prepare(self, kind: FrameKind) -> None:
        if self._frame is not None and self._frame.kind == kind:
            return
        # The last kind's memory is freed before the new one's is taken.
        self._frame, self._graph, self._seen, self._kept = None, None, False, False
        shape = (1, 1, *kind.shape)
        fits = self._config.magnify != "none" and self._magnifier is not None and self._magnifier.takes(shape)
        magnifier = self._magnifying if fits else None
        self._frame = Frame(self._runtime, self.stream, kind, self._config, self._detectors, magnifier)
        uploads = ("image", *(("valid",) if kind.has_valid else ()))
        self._upload = {name: self._host(self._frame.arrays[name]) for name in uploads}

    def _host(self, view: View) -> NDArray[Any]:
        return self._pool.take(view.shape, view.dtype)

    def _send(self, name: str, values: NDArray[Any]) -> None:
        """Through this slot's own buffer, which the GPU may still read when the host goes on."""
        host = self._upload[name]
        host[...] = values
        self._runtime.copy(self.frame.arrays[name].pointer, host.ctypes.data, host.nbytes, self.stream)

    def _fetch(self, view: View) -> NDArray[Any]:
        host = self._host(view)
        self._runtime.copy(host.ctypes.data, view.pointer, host.nbytes, self.stream)
        return host

    def _put(self) -> None:
        """All launches: one by one the first time, captured the second, by the graph from then on."""
        if self.on_mark is not None or not self.captures or not self._seen:
            self.frame.record(self._mark)
            self._seen = True
            return
        if self._graph is None:
            self._graph = self._runtime.capture(self.stream, lambda: self.frame.record(_no_mark))
        self._graph.launch(self.stream)

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
