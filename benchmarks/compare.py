"""What changed between two saved runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import COPY, OURS, Entry, Report, Row, spread
from benchmarks.table import text

__all__ = ["Change", "changes", "print_changes"]

SMALLEST = 0.03  # changes below 3 % are never more than noise


@dataclass(frozen=True, slots=True)
class Change:
    """Seconds of B over seconds of A. `low` and `high` are the ratios of the quartiles farthest apart.

    `beyond_noise` is true if the two middle halves do not touch and the medians differ by more than 3 %.
    """

    name: str
    ratio: float
    low: float
    high: float
    beyond_noise: bool

    @property
    def words(self) -> str:
        if not self.beyond_noise:
            return "same"
        return f"{self.ratio:.2f}x SLOWER" if self.ratio > 1 else f"{1 / self.ratio:.2f}x faster"


def changes(a: Report, b: Report, libraries: Sequence[str] = (OURS,)) -> list[Change]:
    """One for every case, size and number of threads that both have; B against A."""
    before = {row.key: row for row in a.all_rows}
    found = []
    for row in b.all_rows:
        earlier = before.get(row.key)
        for library in libraries if earlier else ():
            one, two = earlier.entry(library), row.entry(library)
            if one is not None and two is not None and one.seconds and two.seconds:
                found.append(_change(row, library, one, two))
    return found


def _change(row: Row, library: str, one: Entry, two: Entry) -> Change:
    (low_a, high_a), (low_b, high_b) = spread(one.seconds), spread(two.seconds)
    ratio = two.median / one.median
    apart = low_b > high_a or high_b < low_a
    name = f"{row.case}, {row.rows} x {row.columns}, {row.threads} thr"
    return Change(
        name if library == OURS else f"{name}: {library}",
        ratio,
        low_b / high_a,
        high_b / low_a,
        apart and abs(ratio - 1) > SMALLEST,
    )


def print_changes(a: Report, b: Report) -> None:
    """The table of changes, and how the machine's own copy changed, by which to judge them."""
    if a.machine["processor"] != b.machine["processor"]:
        print(f"caution: A ran on {a.machine['processor']}, B on {b.machine['processor']}")
    found = changes(a, b)
    if not found:
        print("the two runs have no case in common")
        return
    lines = [["case", "B / A", "middle halves", ""]]
    lines += [[one.name, f"{one.ratio:.3f}", f"{one.low:.2f} .. {one.high:.2f}", one.words] for one in found]
    print(text(lines))
    copies = sorted(one.ratio for one in changes(a, b, (COPY,)))
    print(f"a plain copy took {copies[len(copies) // 2]:.2f} times as long in B as in A (median)")
