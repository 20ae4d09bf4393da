"""`Engine`: the eight stages, from a file to findings.

read -> window -> enhance -> mask -> propose -> classify -> cluster -> magnify; `mcfast.report.write_result` writes what
they found. Enhancement and magnification work at the image's own resolution, detection at 0.1 mm, so that one network
serves every detector.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import _core, detect, nets, ops, runtimes
from mcfast.boxes import Box, regions_around
from mcfast.canonical import at_canonical, findings_in_input, headroom, mask_in_input
from mcfast.clock import Clock
from mcfast.config import Config
from mcfast.dicom.grayscale import window
from mcfast.errors import DeviceError
from mcfast.magnify import super_resolve
from mcfast.mammogram import Mammogram
from mcfast.reading import read
from mcfast.result import Calcification, EngineRecord, Failure, Magnified, Result
from mcfast.stream import Stream

__all__ = ["Engine"]

Image = NDArray[numpy.uint16]
Mask = NDArray[numpy.bool_]
DETECTORS, MAGNIFIER = ("vgg12", "vgg24"), "fsrcnn"


class Engine:
    """Finds, enhances and magnifies microcalcifications. Research use only.

    An engine loads its networks once and may be called from several threads.

    Parameters
    ----------
    config
        `None` is `Config()`.
    device
        `"auto"` or `"cpu"`: this version computes on the CPU.
    threads
        Threads of the operations and networks; `None` is `MCFAST_THREADS`, else the processors this process may use.
        Findings do not depend on it.

    Raises
    ------
    DeviceError
        If the device is not there, or the networks' runtime is not installed.
    TypeError
        If `config` is no `Config`.
    ValueError
        If `threads` is not 1 to 256.
    """

    def __init__(self, config: Config | None = None, device: str = "auto", *, threads: int | None = None) -> None:
        if device not in ("auto", "cpu"):
            raise DeviceError(f"Engine(device): expected auto or cpu, got {device!r}; this version has no GPU path")
        if config is not None and not isinstance(config, Config):
            raise TypeError(f"Engine(config): expected a mcfast.Config or None, got {type(config).__name__}")
        if threads is not None and not (isinstance(threads, int) and 1 <= threads <= 256):
            raise ValueError(f"Engine(threads): expected None or a number from 1 to 256, got {threads!r}")
        self.config = config or Config()
        self.threads = _core.default_threads() if threads is None else threads
        detectors = {name: runtimes.load(nets.weights(name), threads=self.threads) for name in DETECTORS}
        self._detector = detect.Committee(list(detectors.values()))
        # Through a general runtime, magnification runs several tiles at once, each on one thread.
        own = self.threads if self.config.magnifier == "native" else 1
        self._magnifier = runtimes.load(nets.weights(MAGNIFIER), runtime=self.config.magnifier, threads=own)
        for name in ("imagecodecs", "pydicom", "scipy.ndimage", "scipy.spatial", "scipy.sparse.csgraph"):
            import_module(name)  # up to a second, better spent here than inside the first image
        self.record = EngineRecord(
            version=version("mcfast"),
            cpu_level=_core.cpu_level(),
            device="cpu",
            runtime=" ".join(dict.fromkeys(f"{one.runtime} {one.runtime_version}" for one in detectors.values())),
            models={name: network.sha256 for name, network in (*detectors.items(), (MAGNIFIER, self._magnifier))},
            configuration=self.config.as_dict(),
            configuration_hash=self.config.hash(),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles, as for a process pool, load their networks anew."""
        return partial(Engine, threads=self.threads), (self.config,)

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
        """
        clock = Clock()
        return self._analyse(self._read(item, clock), clock)

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

        def load(item: Any) -> tuple[Mammogram, Clock]:
            clock = Clock()
            return self._read(item, clock), clock

        return Stream(
            *(items, load, lambda loaded: self._analyse(*loaded), self.failed, in_flight, ordered),
            loaders=loaders,
            stages=lambda result: result.seconds,
        )

    def failed(self, item: Any, error: BaseException) -> Result:
        """The `Result` of an item that raised `error`."""
        stage = getattr(error, "stage", "read")
        message = str(error) or type(error).__name__
        return Result("failed", name_of(item), self.record, failure=Failure(type(error).__name__, message, stage))

    def _read(self, item: Any, clock: Clock) -> Mammogram:
        with clock("read"):
            if isinstance(item, Mammogram):
                return item
            mammogram = read(item, spacing_mm=self.config.spacing_mm, any_modality=self.config.any_modality)
        clock.seconds.update(mammogram.seconds)
        return mammogram

    def _analyse(self, mammogram: Mammogram, clock: Clock) -> Result:
        white = float((1 << mammogram.bits) - 1)
        with clock("window"):
            image = window(mammogram, threads=self.threads)
        with clock("enhance"):
            enhanced = self._enhance(image, mammogram.spacing_mm, white)
        with clock("mask"):
            small, valid, scale = at_canonical(image, mammogram, self.config.canonical_mm, threads=self.threads)
            brightest = white * headroom(mammogram)
            small_mask = detect.breast_mask(small, self.config.canonical_mm, max_value=brightest, valid=valid)
        found = self._detect(small, small_mask, brightest, clock)
        calcifications, clusters = findings_in_input(found, scale, mammogram)
        mask = mask_in_input(small_mask, image.shape, scale)
        with clock("magnify"):
            magnified = self._magnify(image, mask, calcifications, mammogram.spacing_mm, white)
        return Result(
            status="ok" if calcifications else "no findings",
            name=mammogram.source.name,
            engine=self.record,
            score=found.image_score,
            calcifications=calcifications,
            clusters=clusters,
            seconds=clock.finish(),
            mammogram=mammogram,
            image=image,
            enhanced=enhanced,
            mask=mask,
            magnified=magnified,
        )

    def _enhance(self, image: Image, spacing_mm: tuple[float, float], white: float) -> Image:
        config, mean_mm = self.config, sum(spacing_mm) / 2
        dehazed: Image = ops.dehaze(
            image,
            size=(_odd(config.dark_channel_mm / spacing_mm[0]), _odd(config.dark_channel_mm / spacing_mm[1])),
            radius=round(config.guided_radius_mm / mean_mm),
            omega=config.omega,
            eps=config.eps,
            t_min=config.t_min,
            max_value=white,
            threads=self.threads,
        )
        return dehazed

    def _detect(self, image: Image, mask: Mask, white: float, clock: Clock) -> detect.Detections:
        config = self.config.detector
        spacing = self.config.canonical_mm
        with clock("propose"):
            candidates = detect.propose(
                image,
                mask,
                threshold=config.threshold,
                limit=config.limit,
                max_value=white,
                spacing_mm=spacing,
                threads=self.threads,
            )
        with clock("classify"):
            scores = detect.classify(candidates, self._detector, threads=self.threads)
        with clock("cluster"):
            return detect.group(image, candidates, scores, spacing, max_value=white, mask=mask, config=config)

    def _magnify(
        self,
        image: Image,
        mask: Mask,
        calcifications: tuple[Calcification, ...],
        spacing_mm: tuple[float, float],
        white: float,
    ) -> tuple[Magnified, ...]:
        boxes = self._boxes(mask, calcifications, spacing_mm)
        if not boxes:
            return ()
        crops = super_resolve(
            image,
            max_value=white,
            regions=boxes,
            mask=mask if self.config.magnify == "breast" else None,
            network=self._magnifier,
            threads=self.threads,
        )
        return tuple(Magnified(box, crop) for box, crop in zip(boxes, crops, strict=True))

    def _boxes(
        self, mask: Mask, calcifications: tuple[Calcification, ...], spacing_mm: tuple[float, float]
    ) -> list[Box]:
        """What to magnify: around the clustered calcifications, around single ones if there are no clusters."""
        if self.config.magnify == "none" or not mask.any():
            return []
        if self.config.magnify == "breast":
            rows, columns = numpy.flatnonzero(mask.any(axis=1)), numpy.flatnonzero(mask.any(axis=0))
            return [Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)]
        chosen = [one for one in calcifications if one.cluster is not None] or list(calcifications)
        if not chosen:
            return []
        margin = (round(self.config.margin_mm / spacing_mm[0]), round(self.config.margin_mm / spacing_mm[1]))
        rows_columns = (mask.shape[0], mask.shape[1])
        boxes = regions_around(numpy.array([(one.row, one.col) for one in chosen]), margin, rows_columns)
        return sorted(boxes, key=lambda box: min(_rank(one) for one in chosen if _holds(box, one)))


def name_of(item: Any) -> str:
    """What to call an item in a result: its path, or its kind."""
    if isinstance(item, Mammogram):
        return item.source.name
    if isinstance(item, str | os.PathLike):
        try:
            return os.fsdecode(item)
        except Exception:  # a path of the caller's own making may fail in any way; its kind is name enough
            return f"<{type(item).__name__}>"
    if isinstance(item, bytes | bytearray | memoryview):
        return "<bytes>"
    if hasattr(item, "group_dataset"):  # a pydicom Dataset, as in `mcfast.read`
        return "<dataset>"
    return "<array>" if isinstance(item, numpy.ndarray) else f"<{type(item).__name__}>"


def _rank(one: Calcification) -> tuple[float, float]:
    """Clusters in the order of their ids, then single calcifications by their scores."""
    return (float("inf") if one.cluster is None else one.cluster, -one.score)


def _holds(box: Box, one: Calcification) -> bool:
    return box.row0 <= round(one.row) < box.row1 and box.column0 <= round(one.col) < box.column1


def _odd(pixels: float) -> int:
    """The odd number nearest to `pixels`, at least 1."""
    return max(1, 2 * round((pixels - 1) / 2) + 1)
