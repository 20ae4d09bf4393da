"""What the detector's networks mark on tiles with calcified arteries, as `mcfast.detect.context` sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from mcfast import runtimes
from mcfast.detect.classify import classify
from mcfast.detect.committee import Committee
from mcfast.detect.context import constellations
from mcfast.detect.detector_config import DetectorConfig
from mcfast.detect.propose import propose
from mcfast.detect.suppression import suppress
from mcfast.phantom import tile
from mcfast.train.detector.draw import mapped
from mcfast.train.patches import SPACING_MM, WHITE, labels_of

__all__ = ["ARTERY", "CALCIFICATION", "Arrays", "draw_marks"]

MARKED = 0.05  # lowest score of a mark that is taken
PER_CM2 = (12.0, 45.0)  # candidates: the limit for a whole image leaves so many, as large as its breast is
NEAR_MM = 0.2  # a mark so far from a calcified wall is on it
CALCIFICATION, ARTERY = 1, 2
Arrays = dict[str, NDArray[Any]]


def draw_marks(
    stream: Sequence[int],
    tiles: int,
    side: int,
    networks: Sequence[Path],
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Arrays:
    """Marks of so many tiles of the mixture `"arteries"`.

    Parameters
    ----------
    stream
        Numbers that decide the tiles; the workers do not.
    tiles, side
        How many, and their side in pixels of 0.1 mm.
    networks
        ONNX files of those that score candidates, the quickest first.
    progress
        Called with how many tiles are done and to do.

    Returns
    -------
    `"pixels"` (N, 2, 24, 24) float16, `"scores"` (N,) float32, and `"kinds"` (N,) uint8: `CALCIFICATION`, `ARTERY`, or
    0 for something else.
    """
    tasks = [((*stream, index), side, tuple(map(str, networks))) for index in range(tiles)]
    parts: list[Arrays] = []
    for part in mapped(_marks_of_tile, tasks, workers):
        parts.append(part)
        if progress is not None:
            progress(len(parts), tiles)
    return {name: numpy.concatenate([part[name] for part in parts]) for name in parts[0]}


def _marks_of_tile(task: tuple[tuple[int, ...], int, tuple[str, ...]]) -> Arrays:
    seeds, side, files = task
    rng = numpy.random.default_rng(seeds)
    drawn = tile(rng, side=side, mixture="arteries")
    per_cm2 = numpy.exp(rng.uniform(*numpy.log(PER_CM2)))
    limit = max(50, int(per_cm2 * numpy.count_nonzero(drawn.mask) * (SPACING_MM / 10) ** 2))
    candidates = propose(drawn.image, drawn.mask, threshold=1.5, limit=limit, max_value=WHITE, threads=1)
    scores = classify(candidates, _committee(files), threads=1)
    kept = suppress(candidates.positions.astype(float), scores, DetectorConfig().apart_mm / SPACING_MM)
    marks = kept[scores[kept] > MARKED]
    places = candidates.positions[marks].astype(numpy.float64)
    on = labels_of(candidates, drawn.calcifications)[marks] != 0
    walls = maximum_filter(drawn.arteries, round(2 * NEAR_MM / SPACING_MM) + 1)
    near = walls[tuple(candidates.positions[marks].T)]
    return {
        "pixels": constellations(candidates, scores, places, SPACING_MM).astype(numpy.float16),
        "kinds": numpy.where(on, CALCIFICATION, ARTERY * near).astype(numpy.uint8),
        "scores": scores[marks],
    }


@cache
def _committee(files: tuple[str, ...]) -> Committee:
    return Committee([runtimes.load(file, threads=1) for file in files])
