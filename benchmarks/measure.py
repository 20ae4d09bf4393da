"""One case at one size: check every peer's answer, then time those that agree, in the same rounds as ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy

from benchmarks import peers
from benchmarks.call import Call
from benchmarks.cases import Case
from benchmarks.inputs import Inputs
from benchmarks.results import ALONE, COPY, OURS, Entry, Row
from benchmarks.rounds import Pace, fresh_bytes, interleave, seconds_of

__all__ = ["check", "measure"]

CROP = (512, 512)


def check(case: Case, library: str, call: Call, ours: Any) -> Entry:
    """The peer's entry, not yet timed: `"timed"` if its answer agrees, else `"different"`, else `"failed"`."""
    try:
        answer = call.answer(call.run())
    except Exception as error:  # whatever a peer raises is its result, not ours
        return Entry(
            library, "failed", note=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        )
    difference = call.agreement.difference(ours, answer)
    agrees = difference <= call.agreement.tolerance
    return Entry(
        library,
        "timed" if agrees else "different",
        difference=difference if numpy.isfinite(difference) else None,
        agreement=str(call.agreement),
        note=call.note,
    )


def measure(
    case: Case,
    inputs: Inputs,
    threads: int,
    pace: Pace,
    libraries: Mapping[str, ModuleType] | None = None,
    with_error: bool = False,
) -> Row:
    """Check and time one case.

    Peers that know one thread only take part with one thread only. `libraries` are the peers' modules; by default
    those that are installed.
    """
    libraries = peers.available() if libraries is None else libraries
    call = case.ours(inputs, threads)
    answer = call.answer(call.run())
    rows, columns = inputs.image.shape
    row = Row(case.name, rows, columns, threads, case.moved(rows, columns), [])
    row.entries = [Entry(OURS, "timed", note=call.note), Entry(COPY, "timed")]
    if with_error and case.error is not None:
        row.error = case.error(inputs, answer, **case.parameters)
    entrants: dict[str, Callable[[], Any]] = {OURS: call.run, COPY: _copy(inputs)}
    if threads > 1:
        row.entries.append(Entry(ALONE, "timed"))
        entrants[ALONE] = case.ours(inputs, 1).run
    for name, library in libraries.items():
        if threads == 1 or library.MANY_THREADS:
            library.use_threads(threads)
            _enter(case, name, library, inputs, threads, pace, answer, row, entrants)
    for run in entrants.values():
        run()
    row.fresh = fresh_bytes(call.run)
    for name, seconds in interleave(entrants, pace).items():
        entry = row.entry(name)
        assert entry is not None
        entry.seconds = seconds
    return row


def _copy(inputs: Inputs) -> Callable[[], Any]:
    image, out = inputs.image, numpy.empty_like(inputs.image)
    return lambda: numpy.copyto(out, image)


def _enter(
    case: Case,
    name: str,
    library: ModuleType,
    inputs: Inputs,
    threads: int,
    pace: Pace,
    answer: Any,
    row: Row,
    entrants: dict[str, Callable[[], Any]],
) -> None:
    """Let a peer into the rounds if it has this case, agrees, and is not hopelessly slow."""
    predicted = _predict(case, name, library, inputs, threads, pace)
    if isinstance(predicted, Entry):
        row.entries.append(predicted)
        return
    call = case.prepare(library, inputs, threads)
    if call is None:
        return
    entry = check(case, name, call, answer)
    row.entries.append(entry)
    if entry.status == "timed":
        entrants[name] = call.run


def _predict(case: Case, name: str, library: ModuleType, inputs: Inputs, threads: int, pace: Pace) -> Entry | None:
    """The entry of a peer that is too slow for the whole image: checked on a crop, time in proportion to it."""
    rows, columns = (min(side, crop) for side, crop in zip(inputs.image.shape, CROP, strict=True))
    if rows * columns * 4 > inputs.image.size:
        return None
    top, left = inputs.image.shape[0] // 2 - rows // 2, 0
    crop = Inputs(numpy.ascontiguousarray(inputs.image[top : top + rows, left : left + columns]))
    call = case.prepare(library, crop, threads)
    if call is None:
        return None
    ours = case.ours(crop, threads)
    entry = check(case, name, call, ours.answer(ours.run()))
    if entry.status != "timed":
        return entry
    seconds = seconds_of(call.run) * inputs.image.size / crop.image.size
    if seconds <= pace.longest:
        return None
    entry.status, entry.seconds = "extrapolated", [seconds]
    return entry
