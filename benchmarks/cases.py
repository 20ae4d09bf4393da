"""The registry: every operation that is timed, with its parameters. All runners and the tests read this list."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy

from benchmarks import ours
from benchmarks.call import Call
from benchmarks.inputs import PATCHES, Inputs
from benchmarks.reference import guided_error

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One operation with its parameters.

    Attributes
    ----------
    noun
        The file `bench_<noun>.py` that times it under pytest-benchmark.
    operation
        Name of the function that `ours` has, and every peer that offers the same work.
    parameters
        Keyword arguments of that function.
    moved
        Bytes that must cross the memory bus for (rows, columns): one read of the input, one write of the output.
    error
        Optional: error of our answer against a float64 reference.
    """

    noun: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    moved: Callable[[int, int], int] = lambda rows, columns: 4 * rows * columns
    error: Callable[..., float] | None = None

    @property
    def name(self) -> str:
        words = [f"{key}={value:g}" for key, value in self.parameters.items()]
        return " ".join([self.operation, *words])

    def prepare(self, library: Any, inputs: Inputs, threads: int) -> Call | None:
        """That library's call, or `None` if it offers none."""
        function = getattr(library, self.operation, None)
        return None if function is None else function(inputs, threads, **self.parameters)

    def ours(self, inputs: Inputs, threads: int) -> Call:
        call = self.prepare(ours, inputs, threads)
        assert call is not None
        return call


def _to_float(rows: int, columns: int) -> int:
    return 6 * rows * columns


def _maxima(rows: int, columns: int) -> int:
    return 4 * rows * columns  # float32 is read; the few positions do not count


def _gathered(rows: int, columns: int) -> int:
    return PATCHES * 12 * 12 * (numpy.dtype("uint16").itemsize + numpy.dtype("float32").itemsize)


def _resampled(rows: int, columns: int) -> int:
    return 2 * rows * columns + 2 * math.floor(0.7 * rows + 0.5) * math.floor(0.7 * columns + 0.5)


CASES: tuple[Case, ...] = (
    *(Case("morphology", "erode_rectangle", {"k": k}) for k in (3, 15, 51, 101)),
    *(Case("morphology", "erode_disk", {"d": d}) for d in (15, 31, 51)),
    Case("morphology", "tophat_rectangle", {"k": 15}),
    Case("morphology", "tophat_disk", {"d": 15}),
    *(Case("guided", "guided_filter", {"r": r, "eps": 25.0}, _to_float, guided_error) for r in (4, 16, 60)),
    Case("dehaze", "dehaze"),
    Case("blur", "box_mean", {"r": 12}, _to_float),
    Case("blur", "gaussian", {"sigma": 1.6}, _to_float),
    Case("resample", "resample", {"scale": 0.7}, _resampled),
    Case("candidates", "local_maxima", {"r": 2, "threshold": 5.0}, _maxima),
    Case("patches", "gather_patches", {"size": 12}, _gathered),
    Case("lookup", "lookup"),
)
