"""Cases and libraries as parameters of the pytest-benchmark files, and the one test body that they share."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from benchmarks import ours, peers
from benchmarks.cases import CASES, Case
from benchmarks.inputs import Inputs
from benchmarks.measure import check
from benchmarks.results import OURS

__all__ = ["of_noun", "run"]


def of_noun(noun: str) -> Any:
    """Parametrises a test by (case, library): ours and every peer that offers the case."""
    libraries = {OURS: ours, **{name: peers.load(name) for name in peers.PEERS}}
    return pytest.mark.parametrize(
        ("case", "name", "library"),
        [
            pytest.param(case, name, library, id=f"{case.name}-{name}")
            for case in CASES
            if case.noun == noun
            for name, library in libraries.items()
            if isinstance(library, str) or hasattr(library, case.operation)
        ],
    )


def run(benchmark: Any, case: Case, name: str, library: ModuleType | str, data: Inputs, threads: int) -> None:
    """Check the library's answer against ours, then time it."""
    if isinstance(library, str):
        pytest.skip(library)
    if name != OURS:
        if threads > 1 and not library.MANY_THREADS:
            pytest.skip(f"{name} knows one thread only")
        library.use_threads(threads)
    call = case.prepare(library, data, threads)
    assert call is not None
    mine = case.ours(data, threads)
    entry = check(case, name, call, mine.answer(mine.run()))
    assert entry.status == "timed", f"{name}: {entry.status}, {entry.difference}, {entry.note}"
    benchmark.group = f"{case.name}, {data.image.shape[0]} x {data.image.shape[1]}, {threads} threads"
    benchmark(call.run)
