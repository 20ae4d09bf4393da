"""Where calcifications lie: the distributions of BI-RADS (grouped, linear, segmental, regional, diffuse) and alone."""

from __future__ import annotations

from typing import Any, Literal

import numpy
from numpy.typing import NDArray

__all__ = ["DISTRIBUTIONS", "Distribution", "distribute"]

Distribution = Literal["grouped", "linear", "segmental", "regional", "diffuse"]
DISTRIBUTIONS: tuple[Distribution, ...] = ("grouped", "linear", "segmental", "regional", "diffuse")
_SHARES = (0.55, 0.15, 0.1, 0.1, 0.1)

Place = tuple[float, float]


def distribute(
    allowed: NDArray[numpy.bool_],
    clusters: int,
    singles: int,
    spacing_mm: float,
    rng: numpy.random.Generator,
    *,
    apart_mm: float = 0.3,
) -> list[tuple[int, int, int | None]]:
    """Places for calcifications as (row, column, cluster or `None`), all in the (H, W) `allowed`.

    Clusters are of a distribution drawn for each, 3 to 25 members, none closer than `apart_mm` to another; a cluster
    that finds room for fewer than 3 is left out. Singles keep 5 mm from everything.
    """
    rows, columns = numpy.nonzero(allowed)
    if len(rows) == 0:
        return []
    taken: list[tuple[int, int, int | None]] = []
    number = 0
    for _ in range(clusters):
        pick = rng.integers(len(rows))
        kind = DISTRIBUTIONS[int(rng.choice(len(DISTRIBUTIONS), p=_SHARES))]
        wanted = int(numpy.exp(rng.uniform(numpy.log(3), numpy.log(26))))
        offsets = _offsets(kind, 6 * wanted, rng) / spacing_mm
        members: list[tuple[int, int, int | None]] = []
        for down, right in offsets:
            place = (int(rows[pick] + down), int(columns[pick] + right))
            if len(members) < wanted and _free(place, allowed, taken + members, apart_mm / spacing_mm):
                members.append((*place, number))
        if len(members) >= 3:
            taken += members
            number += 1
    for _ in range(singles):
        pick = rng.integers(len(rows))
        place = (int(rows[pick]), int(columns[pick]))
        if _free(place, allowed, taken, 5 / spacing_mm):
            taken.append((*place, None))
    return taken


def _offsets(kind: Distribution, count: int, rng: numpy.random.Generator) -> NDArray[Any]:
    """(count, 2) offsets from a cluster's middle in millimetres."""
    turn = rng.uniform(0, 2 * numpy.pi)
    ahead = numpy.array([numpy.sin(turn), numpy.cos(turn)])
    aside = numpy.array([ahead[1], -ahead[0]])
    if kind == "linear":
        along, across = rng.uniform(-0.5, 0.5, count) * rng.uniform(5, 25), rng.normal(0, rng.uniform(0.1, 0.6), count)
    elif kind == "segmental":  # a wedge that widens away from the nipple
        along = rng.uniform(20, 35) * numpy.sqrt(rng.random(count))
        across = along * rng.uniform(0.1, 0.35) * rng.uniform(-1, 1, count)
    else:
        across_mm = {"grouped": rng.uniform(2, 15), "regional": rng.uniform(20, 40), "diffuse": 80.0}[kind]
        radius, angle = across_mm / 2 * numpy.sqrt(rng.random(count)), rng.uniform(0, 2 * numpy.pi, count)
        along, across = radius * numpy.cos(angle), radius * numpy.sin(angle) * rng.uniform(0.4, 1)
    offsets: NDArray[Any] = along[:, None] * ahead + across[:, None] * aside
    return offsets


def _free(
    place: tuple[int, int],
    allowed: NDArray[numpy.bool_],
    taken: list[tuple[int, int, int | None]],
    distance: float,
) -> bool:
    row, column = place
    if not (0 <= row < allowed.shape[0] and 0 <= column < allowed.shape[1] and allowed[row, column]):
        return False
    if not taken:
        return True
    others = numpy.array([one[:2] for one in taken])
    return bool((numpy.hypot(others[:, 0] - row, others[:, 1] - column) >= distance).all())
