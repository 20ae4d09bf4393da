"""`Call`: one library's way to do one case, ready for the clock. `Agreement`: how its answer must match ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

__all__ = ["EQUAL", "Agreement", "Call"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two answers agree if they differ by at most `tolerance` everywhere but in `border` pixels along the edges."""

    tolerance: float = 0.0
    border: int = 0
    why: str = ""

    def difference(self, ours: Any, theirs: Any) -> float:
        """The largest absolute difference that counts; infinite for another shape, for NaN, or if no pixel counts."""
        a, b = numpy.asarray(ours), numpy.asarray(theirs)
        if a.shape != b.shape:
            return float("inf")
        if self.border:
            inside = (slice(self.border, -self.border),) * 2
            a, b = a[inside], b[inside]
            if a.size == 0:
                return float("inf")
        if numpy.array_equal(a, b):
            return 0.0
        largest = float(numpy.abs(a.astype(numpy.float64) - b.astype(numpy.float64)).max(initial=0.0))
        return float("inf") if numpy.isnan(largest) else largest

    def __str__(self) -> str:
        rule = "equal" if self.tolerance == 0 else f"within {self.tolerance:g}"
        where = f" {self.border} px from the border" if self.border else ""
        return f"{rule}{where}" + (f" ({self.why})" if self.why else "")


EQUAL = Agreement()


@dataclass(frozen=True, slots=True)
class Call:
    """`run` is what the clock sees; everything else of this class happens outside.

    Attributes
    ----------
    run
        Does the work, with outputs that were allocated beforehand where the library can write to them.
    agreement
        How the answer must match ours.
    note
        What was done outside the clock, or what the call cannot avoid inside.
    answer
        Turns what `run` returned into what ours returns.
    """

    run: Callable[[], Any]
    agreement: Agreement = EQUAL
    note: str = ""
    answer: Callable[[Any], Any] = lambda result: result
