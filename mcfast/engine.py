"""`Engine`: from a file to findings, on the CPU or on a GPU.

read -> window -> enhance -> mask -> propose -> classify -> cluster -> magnify; `mcfast.report.write_result` writes what
they found. Enhancement and magnification work at the image's own resolution, detection at 0.1 mm, so that one network
serves every detector. `mcfast.host` is these stages on the CPU, `mcfast.device` on a GPU.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from mcfast import _core
from mcfast.analysis import Analysis, Pipeline
from mcfast.clock import Clock
from mcfast.config import Config
from mcfast.errors import ConfigError, DeviceError
from mcfast.host import CONTEXT, DETECTORS, HostPipeline
from mcfast.mammogram import Mammogram
from mcfast.naming import name_of
from mcfast.reading import read
from mcfast.result import EngineRecord, Failure, Result
from mcfast.stream import Stream
from mcfast.version import version

__all__ = ["CONTEXT", "DETECTORS", "DEVICES", "Engine"]

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """A pipeline, and what results say of it."""

    pipeline: Pipeline
    record: EngineRecord


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """An image that is loaded, and its times."""

    mammogram: Mammogram
    clock: Clock


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """An image on its way; `state` is what the pipeline has made of it so far."""

    item: _Item
    way: _Way
    state: Any


class Engine:
    """Finds, enhances and magnifies microcalcifications. Research use only.

    An engine loads its networks once and may be called from several threads.

    Parameters
    ----------
    config
        `None` is `Config()`.
    device
        `"cpu"`; `"cuda"`, an NVIDIA GPU, with the same findings (docs/gpu.md says where that has been tried); or
        `"auto"`, a GPU if one can be used, else the CPU: `record.device_reason` then says why, and so does
        `mcfast.info()`. If the GPU fails later, as where its memory does not suffice for an image, `"auto"` computes
        that image and all that follow on the CPU, and `record` says so; `"cuda"` raises.
    threads
        Threads of the operations and networks; `None` is `MCFAST_THREADS`, else the processors this process may use.
        Findings do not depend on it.

    Raises
    ------
    DeviceError
        If the device cannot be used, or the networks' runtime is not installed; the message says why.
    TypeError
        If `config` is no `Config`.
    ValueError
        If `threads` is not 1 to 256.
    """

    def __init__(self, config: Config | None = None, device: str = "cpu", *, threads: int | None = None) -> None:
        if device not in DEVICES:
            raise DeviceError(f"Engine(device): expected one of {', '.join(DEVICES)}, got {device!r}")
        if config is not None and not isinstance(config, Config):
            raise TypeError(f"Engine(config): expected a mcfast.Config or None, got {type(config).__name__}")
        if threads is not None and not (isinstance(threads, int) and 1 <= threads <= 256):
            raise ValueError(f"Engine(threads): expected None or a number from 1 to 256, got {threads!r}")
        self.config, self.device = config or Config(), device
        self.threads = _core.default_threads() if threads is None else threads
        pipeline, reason = _pipeline(device, self.config, self.threads)
        # Up to a second, better spent here than inside the first image.
        for name in ("scipy.ndimage", "scipy.spatial", "scipy.sparse.csgraph"):
            import_module(name)
        for name in ("imagecodecs", "pydicom"):
            with suppress(ImportError):  # arrays need neither; of a file that does, `read` says so
                import_module(name)
        self._way = self._way_by(pipeline, reason)
        self._turning = threading.Lock()

    @property
    def record(self) -> EngineRecord:
        """Version, configuration, networks and device of what is computed from now on."""
        return self._way.record

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles, as for a process pool, load their networks anew."""
        return partial(Engine, threads=self.threads), (self.config, self.device)

    def __call__(self, item: Any) -> Result:
        """Everything about one image.

        Parameters
        ----------
        item
            A path, bytes, a pydicom `Dataset`, a 2-D array, or a `Mammogram`; see `mcfast.read`.

        Returns
        -------
        `Result` with status `"ok"` or `"no findings"`.

        Raises
        ------
        InputError
            If the image cannot be read or used; one of its subclasses says why.
        DeviceError
            If the GPU fails, and the engine's device is `"cuda"`; the message names the bytes that it does not give.
        """
        return self._finish(self._begin(self._load(item)))

    def stream(
        self, items: Iterable[Any], in_flight: int = 3, ordered: bool = True, *, loaders: int | None = None
    ) -> Stream[Result]:
        """Results of many images; decoding the next ones, computing this one and using the last one overlap.

        Parameters
        ----------
        items
            As for a call; may be endless. At most `in_flight` of them are taken ahead.
        in_flight
            Most images held at a time, >= 1, from taking the item until the next result is asked for. 1 overlaps
            nothing; more than 3 help where decoding takes longer than computing.
        ordered
            `True` yields in the order of the items, `False` in the order in which they are decoded.
        loaders
            Threads that read and decode; `None` is `in_flight`.

        Returns
        -------
        `Stream`, an iterator of `Result`; of a bad item one with status `"failed"`, and the stream goes on. `close()`
        or a `with` block stops it, `cancel()` from any thread, and `counters()` tells latency and throughput.

        Raises
        ------
        TypeError
            If `items` is a single path or bytes: `engine(item)` takes those.
        ValueError
            If `in_flight` or `loaders` is below 1.
        """
        if isinstance(items, str | bytes | bytearray | os.PathLike):
            raise TypeError(f"Engine.stream(items): expected several items, got {items!r}; give a list")

        return Stream(
            *(items, self._load, self._begin, self.failed, in_flight, ordered),
            loaders=loaders,
            stages=lambda result: result.seconds,
            finish=self._finish,
            abandon=lambda begun: begun.way.pipeline.abandon(begun.state),
        )

    def failed(self, item: Any, error: BaseException) -> Result:
        """The `Result` of an item that raised `error`."""
        stage = getattr(error, "stage", "read")
        message = str(error) or type(error).__name__
        return Result("failed", name_of(item), self.record, failure=Failure(type(error).__name__, message, stage))

    def _load(self, item: Any) -> _Item:
        clock = Clock()
        with clock("read"):
            if isinstance(item, Mammogram):
                return _Item(item, clock)
            mammogram = read(item, spacing_mm=self.config.spacing_mm, any_modality=self.config.any_modality)
        clock.seconds.update(mammogram.seconds)
        return _Item(mammogram, clock)

    def _begin(self, item: _Item) -> _Begun:
        way = self._way
        while True:
            try:
                return _Begun(item, way, way.pipeline.begin(item.mammogram, item.clock))
            except (RuntimeError, ConfigError) as error:
                way = self._way_after(way, error)

    def _finish(self, begun: _Begun) -> Result:
        while True:
            try:
                found = begun.way.pipeline.finish(begun.state)
                break
            except (RuntimeError, ConfigError) as error:
                self._way_after(begun.way, error)
                begun = self._begin(begun.item)
        return self._result(begun, found)

    def _way_by(self, pipeline: Pipeline, reason: str) -> _Way:
        return _Way(
            pipeline,
            EngineRecord(
                version=version(),
                cpu_level=_core.cpu_level(),
                device=pipeline.device,
                runtime=pipeline.runtime,
                models=dict(pipeline.models),
                configuration=self.config.as_dict(),
                configuration_hash=self.config.hash(),
                device_reason=reason,
            ),
        )

    def _way_after(self, failed: _Way, error: Exception) -> _Way:
        """The CPU's, if the GPU has failed and the device is to be chosen here; raises `error` otherwise.

        What a GPU raises, memory that it does not give first of all, is a `RuntimeError`, whoever's library it is; and
        a `ConfigError` where an engine that an image needs cannot be kept. Images that are bad raise others.
        """
        if self.device != "auto" or isinstance(failed.pipeline, HostPipeline):
            raise error
        with self._turning:
            if self._way is failed:
                self._way = self._way_by(HostPipeline(self.config, self.threads), f"no cuda any more: {error}")
            return self._way

    def _result(self, begun: _Begun, found: Analysis) -> Result:
        item = begun.item
        return Result(
            status="ok" if found.calcifications else "no findings",
            name=item.mammogram.source.name,
            engine=begun.way.record,
            score=found.score,
            calcifications=found.calcifications,
            clusters=found.clusters,
            seconds=item.clock.finish(),
            mammogram=item.mammogram,
            image=found.image,
            enhanced=found.enhanced,
            mask=found.mask,
            magnified=found.magnified,
        )


def _pipeline(device: str, config: Config, threads: int) -> tuple[Pipeline, str]:
    """The pipeline for a device, and why it is not a better one; `""` if there is none or none was asked for."""
    if device == "cpu":
        return HostPipeline(config, threads), ""
    from mcfast.device.pipeline import DevicePipeline

    try:
        pipeline = DevicePipeline(config, threads)
    except (DeviceError, ConfigError) as error:
        if device == "cuda":
            raise DeviceError(
                f"Engine(device): cuda cannot be used here ({error}); device='cpu' computes without"
            ) from error
        return HostPipeline(config, threads), f"no cuda: {error}"
    return pipeline, "; ".join(pipeline.reasons)
