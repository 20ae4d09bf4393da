"""What mcfast promises: ratios to named peers, shares of a copy, errors. Each is judged on the rows of one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.results import Row

__all__ = ["TARGETS", "Target", "verdicts"]

FOUR_MEGAPIXELS = 4_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """`measure` of a row of `case` with `threads` must be at least `bound`, or at most, if `at_most`."""

    case: str
    threads: int
    words: str
    measure: Callable[[Row], float | None]
    bound: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound


def _opencv(row: Row) -> float | None:
    return row.ratio("opencv")


def _over_copy(row: Row) -> float:
    return row.ours.median / row.copy.median


def _faster(case: str, bound: float, threads: int = 1) -> Target:
    return Target(case, threads, f"{case}: at least {bound:g}x OpenCV", _opencv, bound)


def _near_copy(case: str) -> Target:
    return Target(case, 1, f"{case}: at most 1.6x a plain copy", _over_copy, 1.6, at_most=True)


def _exact(case: str) -> Target:
    return Target(case, 1, f"{case}: error at most 1.5e-4", lambda row: row.error, 1.5e-4, at_most=True)


GUIDED = tuple(f"guided_filter r={r} eps=25" for r in (4, 16, 60))

TARGETS: tuple[Target, ...] = (
    _faster("erode_rectangle k=3", 1),
    _faster("erode_rectangle k=51", 3),
    _faster("erode_rectangle k=101", 6),
    *(_near_copy(f"erode_rectangle k={k}") for k in (3, 15, 51, 101)),
    _faster("erode_disk d=15", 5),
    _faster("erode_disk d=31", 10),
    _faster("erode_disk d=51", 18),
    _faster("tophat_disk d=15", 6),
    *(_faster(case, 15, threads=2) for case in GUIDED),
    *(_exact(case) for case in GUIDED),
    _faster("dehaze", 10),
    _faster("dehaze", 10, threads=2),
)


def verdicts(rows: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """(target, size and threads, measured, "met" or "missed") for every target that was measured."""
    found = []
    for target in TARGETS:
        for row in rows:
            if (row.case, row.threads) != (target.case, target.threads) or row.pixels < FOUR_MEGAPIXELS:
                continue
            value = target.measure(row)
            if value is not None:
                shown = f"{value:.2g}" if target.at_most else f"{value:.1f}x"
                verdict = "met" if target.met(value) else "missed"
                found.append((target.words, f"{row.rows} x {row.columns}, {row.threads} thr", shown, verdict))
    return found + _threads(rows)


def _threads(rows: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """Two threads at least 1.6 times as fast as one in the same rounds, on images over 4 megapixels."""
    found = []
    for row in rows:
        gathers = row.case.startswith("gather_patches")  # its work does not grow with the image
        if row.threads == 2 and row.gain is not None and row.pixels >= FOUR_MEGAPIXELS and not gathers:
            verdict = "met" if row.gain >= 1.6 else "missed"
            words = f"{row.case}: two threads 1.6x one"
            found.append((words, f"{row.rows} x {row.columns}", f"{row.gain:.2f}x", verdict))
    return found
