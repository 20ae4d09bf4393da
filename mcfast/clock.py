"""`Clock`: wall-clock seconds of the stages of one image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

__all__ = ["Clock"]


class Clock:
    """Times named stages. An error that leaves a stage carries its name in the attribute `stage`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stages: list[str] = []

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the block as `stage`."""
        begin = perf_counter()
        try:
            yield
        except Exception as error:
            error.stage = stage  # type: ignore[attr-defined]
            raise
        finally:
            self.seconds[stage] = perf_counter() - begin
            self._stages.append(stage)

    def finish(self) -> dict[str, float]:
        """All seconds, with the stages' sum as `"total"`; waiting between stages, as in a stream, is not in it."""
        return self.seconds | {"total": sum(self.seconds[stage] for stage in self._stages)}
