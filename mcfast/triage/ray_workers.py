"""What runs in the actors of a Ray cluster: whole shards on a processor, or decoders that feed a finder on a GPU.

An actor that dies is started again by Ray, and so is what it was doing. `Ledger` remembers what was begun, so that a
file that kills its process is given up instead of killing processes for ever.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from mcfast.config import Config
from mcfast.errors import ConfigError
from mcfast.triage.manifest import Manifest
from mcfast.triage.shard import died, process_shard
from mcfast.triage.tables import Rows, rows_of

__all__ = ["Decoder", "Finder", "Ledger", "ShardWorker", "WorkerDied"]

Batch = dict[str, Any]
"""Columns of equal length; what is no number is pickled."""
Decoded = tuple[str, Any, float]
"""A path, its `Mammogram` or the error that there is instead, seconds of reading."""
Output = TypeVar("Output")


class WorkerDied(Exception):
    """The process that worked on a file alone died."""


class Ledger:
    """How often each piece of work was begun and not finished. One actor for a run."""

    def __init__(self) -> None:
        self._begun: Counter[Any] = Counter()

    def begin(self, piece: Any) -> int:
        """How often the piece has been begun now, this time included."""
        self._begun[piece] += 1
        return self._begun[piece]

    def finish(self, piece: Any) -> None:
        """The piece is done; should its result be lost, it may be done again."""
        self._begun.pop(piece, None)


class _Worker:
    """What all have: the list of files, the ledger."""

    def __init__(self, results: Path, config: Config, record: Any, ledger: Any, device: str = "cpu") -> None:
        self.manifest = Manifest(results / "manifest.parquet")
        self.config, self.record = config, record
        self._ledger, self._device = ledger, device

    def begin(self, *piece: Any) -> int:
        import ray

        return int(ray.get(self._ledger.begin.remote((type(self).__name__, *piece))))

    def finish(self, *piece: Any) -> None:
        import ray

        ray.get(self._ledger.finish.remote((type(self).__name__, *piece)))

    def each(
        self, piece: tuple[int, ...], items: Sequence[Any], one: Callable[[Any], Output], lost: Callable[[Any], Output]
    ) -> Iterator[Output]:
        """`one` of each item of a piece whose process died before; `lost` of an item that it dies of again."""
        for number, item in enumerate(items):
            if self.begin(*piece, number) > 1:
                yield lost(item)
            else:
                yield one(item)
                self.finish(*piece, number)

    @cached_property
    def engine(self) -> Any:
        """An engine as everywhere else in the run. Made at work: errors of a constructor Ray tries again and again."""
        from mcfast.engine import Engine

        engine = Engine(self.config, device=self._device, threads=1)
        for part in ("version", "models", "configuration_hash"):
            mine, expected = getattr(engine.record, part), getattr(self.record, part)
            if mine != expected:
                raise ConfigError(f"a machine of the Ray cluster has {part} {mine}, expected {expected}; install alike")
        return engine


class ShardWorker(_Worker):
    """Whole shards in one process on one processor."""

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """Shards -> their rows, all of a shard in one."""
        for shard in batch["shard"].tolist():
            paths = self.manifest.shard(shard)
            if self.begin(shard) == 1:
                rows = process_shard(self.engine, paths)
            else:
                rows = list(self.each((shard,), paths, self._one, lambda path: died(self.record, path)))
            self.finish(shard)
            yield {"shard": [shard], "place": [0], "rows": [pickle.dumps(rows)]}

    def _one(self, path: str) -> Rows:
        return process_shard(self.engine, [path])[0]


class Decoder(_Worker):
    """Reads and decodes for the finders, image by image, on one processor."""

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """Shards -> their images, or why they cannot be read."""
        for shard in batch["shard"].tolist():
            paths = self.manifest.shard(shard)
            again = self.begin(shard) > 1
            items = self.each((shard,), paths, self._read, self._lost) if again else map(self._read, paths)
            for place, item in enumerate(items):
                yield {"shard": [shard], "place": [place], "item": [pickle.dumps(item, protocol=5)]}
            self.finish(shard)

    def _read(self, path: str) -> Decoded:
        from mcfast.reading import read

        begin = perf_counter()
        try:
            item: Any = read(path, spacing_mm=self.config.spacing_mm, any_modality=self.config.any_modality)
        except Exception as error:  # becomes a row of a failed image, as in the engine's own stream
            item = error
        return path, item, perf_counter() - begin

    def _lost(self, path: str) -> Decoded:
        return path, WorkerDied(), 0.0


class Finder(_Worker):
    """Findings in decoded images; has a GPU for itself if there is one."""

    def __call__(self, batch: Batch) -> Batch:
        """Images -> their rows."""
        shards, places = batch["shard"].tolist(), batch["place"].tolist()
        items = [pickle.loads(packed) for packed in batch["item"]]
        piece = (shards[0], places[0])
        if self.begin(*piece) == 1:
            rows = self._found(items)
        else:
            rows = list(self.each(piece, items, lambda item: self._found([item])[0], self._lost))
        self.finish(*piece)
        return {"shard": shards, "place": places, "rows": [pickle.dumps([one]) for one in rows]}

    def _found(self, items: Sequence[Decoded]) -> list[Rows]:
        """The rows of decoded images, and of those that could not be."""
        found = iter(process_shard(self.engine, [item for _, item, _ in items if not isinstance(item, Exception)]))
        rows = []
        for path, item, seconds in items:
            if isinstance(item, WorkerDied):
                rows.append(died(self.record, path))
            elif isinstance(item, Exception):
                rows.append(rows_of(self.engine.failed(path, item)))
            else:
                rows.append(next(found))
                times = {"seconds_read": seconds, "seconds_decode": item.seconds.get("decode", 0.0)}
                rows[-1]["images"][0] |= {name: round(value, 6) for name, value in times.items()}
        return rows

    def _lost(self, item: Decoded) -> Rows:
        return died(self.record, item[0])
