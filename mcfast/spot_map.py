"""The map of spots in the HTML report: what the detector says everywhere, not only where it reports.

The detector's networks know patches with a bright spot in the middle, so a map from a regular grid of patches would be
low on calcifications that lie between the grid's points. Instead each cell of 0.8 mm has the probability of the
strongest bright spot in it, whatever its strength, where the detector itself looks at the strongest few thousand only,
with what lies around taken in and what the image's restlessness takes off; or the score of a finding in it, if that is
higher.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy
from numpy.typing import NDArray

from mcfast import _core, detect, nets, runtimes
from mcfast.canonical import at_canonical, headroom
from mcfast.detect.clutter import discount, discounted
from mcfast.detect.context import believed, reconsidered, said_around
from mcfast.result import Result

__all__ = ["CELL_MM", "DETECTORS", "SpotMap", "spot_map", "strongest_in_cells"]

CELL_MM = 0.8
"""Side of a cell. The cost grows with their number: cells of 0.4 mm would take four times as long."""
DETECTORS, CONTEXT = ("vgg12", "vgg24"), "context24"
LIKELY = 0.02  # what is less probable is as dark with what lies around it as without


@dataclass(frozen=True, slots=True, eq=False)
class SpotMap:
    """Probabilities of cells.

    Attributes
    ----------
    cells
        (h, w) float32, 0 .. 1, and NaN where there is no bright spot or no breast.
    pixels
        (rows, columns) of the input image that a cell is high and wide; the first begins at its upper left corner.
    """

    cells: NDArray[numpy.float32]
    pixels: tuple[float, float]


def spot_map(result: Result, *, threads: int | None = None) -> SpotMap | None:
    """The map of a result that did not fail.

    Parameters
    ----------
    result
        Of an engine, with its image.
    threads
        `None` is `MCFAST_THREADS`, else the processors of this process.

    Returns
    -------
    `None` if the result was made by other networks than those that are installed. O(area of the breast).
    """
    mammogram, image, canonical_mm = result.mammogram, result.image, result.engine.configuration["canonical_mm"]
    assert mammogram is not None
    assert image is not None
    threads = _core.default_threads() if threads is None else threads
    committee, context, hashes = _networks(threads)
    if any(result.engine.models.get(name) != sha256 for name, sha256 in hashes.items()):
        return None
    small, valid, scale = at_canonical(image, mammogram, canonical_mm, threads=threads)
    white = ((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = detect.breast_mask(small, canonical_mm, max_value=white, valid=valid)
    spots = detect.propose(
        *(small, mask),
        threshold=-numpy.inf,
        limit=small.size,
        max_value=white,
        spacing_mm=canonical_mm,
        threads=threads,
    )
    config = detect.DetectorConfig(**result.engine.configuration["detector"])
    strong = slice(0, min(config.limit, numpy.count_nonzero(spots.response >= config.threshold)))
    looked = detect.Candidates(spots.positions[strong], spots.response[strong], spots.noise[strong], spots.residual)
    looked_scores = detect.classify(looked, committee, threads=threads)
    side = round(CELL_MM / canonical_mm)
    spots = strongest_in_cells(spots, side)
    cells = numpy.full(tuple(-(-length // side) for length in small.shape), numpy.nan, numpy.float32)
    rows, columns = (spots.positions // side).T
    scores = detect.classify(spots, committee, threads=threads)
    likely = numpy.flatnonzero(scores >= LIKELY)
    said = said_around(looked, looked_scores, spots.positions[likely].astype(float), context, canonical_mm)
    scores[likely] = believed(scores[likely], said, config.context)
    area_cm2 = numpy.count_nonzero(mask) * (canonical_mm / 10) ** 2
    loss = _loss(looked, looked_scores, context, area_cm2, canonical_mm, config)
    cells[rows, columns] = discounted(scores, loss)
    pixels = (side / scale[0], side / scale[1])
    for one in result.calcifications:
        place = int((one.row + 0.5) / pixels[0]), int((one.col + 0.5) / pixels[1])
        cells[place] = numpy.fmax(cells[place], numpy.float32(one.score))
    return SpotMap(cells, pixels)


def strongest_in_cells(spots: detect.Candidates, side: int) -> detect.Candidates:
    """Of candidates, strongest first, the strongest in each cell of `side` x `side` pixels."""
    cells = spots.positions // side
    _, first = numpy.unique(cells, axis=0, return_index=True)
    first.sort()
    return detect.Candidates(spots.positions[first], spots.response[first], spots.noise[first], spots.residual)


def _loss(
    looked: detect.Candidates,
    scores: NDArray[numpy.float32],
    context: runtimes.Network,
    area_cm2: float,
    spacing_mm: float,
    config: detect.DetectorConfig,
) -> float:
    """What the detector took off all scores of the image: it looked at these spots."""
    kept = detect.suppress(looked.positions.astype(float), scores, config.apart_mm / spacing_mm)
    scores, kept = reconsidered(looked, scores, kept, context, spacing_mm, share=config.context)
    marked = scores[kept], looked.positions[kept]
    return discount(*marked, area_cm2, spacing_mm=spacing_mm, share=config.clutter)


@cache
def _networks(threads: int) -> tuple[detect.Committee, runtimes.Network, dict[str, str]]:
    loaded = {name: runtimes.load(nets.weights(name), threads=threads) for name in (*DETECTORS, CONTEXT)}
    committee = detect.Committee([loaded[name] for name in DETECTORS])
    return committee, loaded[CONTEXT], {name: one.sha256 for name, one in loaded.items()}
