"""What lies around a mark: calcifications lie in groups or alone, a calcified artery's specks in a winding row.

The networks that score candidates look at 1.2 to 4.8 mm. Seen so closely a broken track is a cluster, and one fine line
of many looks like a calcification where it ends. So a further small network looks at where the other candidates lie
within 7.8 mm of a mark, how strong they are and how probable, and its word is added to the mark's log-odds. It sees no
pixels: it costs little, and is the same for every processing of the image.
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.classify import Network
from mcfast.detect.propose import Candidates

__all__ = ["ASKED", "CELL_MM", "SIDE", "constellations", "reconsidered", "said_around"]

Field = NDArray[numpy.float32]
CELL_MM, SIDE = 0.65, 24  # 15.6 mm around a mark: wider than most clusters, narrower than what arteries cross
ASKED = 250  # best marks of an image that the network looks at: in most, the next one has less than 0.05
BATCH = 64  # constellations whose activations stay in the cache
SURE = 1e-5  # probabilities closer than this to 0 and 1 count as this far from them
GAIN, LOSS = 2.0, 6.0  # the most log-odds for and against a mark that are believed
TYPICAL = 0.5  # log-odds that change nothing: so 2.8 marks a phantom are false at 0.5, as without context
RESPONSE = (2.0, 10.0)  # responses outside count as the nearer end
ODDS = (-6.0, 4.0)  # log-odds likewise


def constellations(
    candidates: Candidates, scores: NDArray[Any], places: NDArray[Any], spacing_mm: float
) -> NDArray[numpy.float32]:
    """The network's input: the candidates around each place, in cells of 0.65 mm.

    Parameters
    ----------
    candidates
        Of `propose`, all of the image.
    scores
        (N,) probability of each, 0 .. 1.
    places
        (M, 2) rows and columns in pixels.
    spacing_mm
        Distance of pixel centres.

    Returns
    -------
    (M, 2, 24, 24) float32: the strongest response in each cell, 0 .. 2 for 2 to 10 deviations, and the highest log-odds
    in it, 0 .. 2 for -6 to 4; 0 where no candidate lies. The place is the corner where the four middle cells meet.
    O(N log N + pairs).
    """
    from scipy.spatial import cKDTree

    fields = numpy.zeros((len(places), 2, SIDE, SIDE), numpy.float32)
    if len(places) == 0 or len(candidates) == 0:
        return fields
    cell = CELL_MM / spacing_mm
    positions = candidates.positions.astype(numpy.float64)
    near = cKDTree(positions).query_ball_point(places, SIDE / 2 * cell, p=numpy.inf)
    mark = numpy.repeat(numpy.arange(len(places)), [len(some) for some in near])
    other = numpy.concatenate([numpy.asarray(some, numpy.int64) for some in near])
    row, column = numpy.floor((positions[other] - places[mark]) / cell + SIDE / 2).astype(numpy.int64).T
    inside = (row >= 0) & (column >= 0) & (row < SIDE) & (column < SIDE)
    mark, other, row, column = (values[inside] for values in (mark, other, row, column))
    strength = _unit(candidates.response[other], RESPONSE)
    numpy.maximum.at(fields, (mark, 0, row, column), strength)
    numpy.maximum.at(fields, (mark, 1, row, column), _unit(log_odds(scores[other]), ODDS))
    return fields


def said_around(
    candidates: Candidates, scores: NDArray[Any], places: NDArray[Any], network: Network, spacing_mm: float
) -> NDArray[numpy.float64]:
    """(M,) log-odds that a calcification lies at each place, by what lies around; arguments as of `constellations`."""
    fields = constellations(candidates, scores, places, spacing_mm)
    parts = [network.run(fields[begin : begin + BATCH]).ravel() for begin in range(0, len(fields), BATCH)]
    return log_odds(numpy.concatenate([numpy.empty(0, numpy.float32), *parts]))


def reconsidered(
    candidates: Candidates,
    scores: NDArray[numpy.float32],
    kept: NDArray[numpy.int64],
    network: Network,
    spacing_mm: float,
    *,
    share: float,
) -> tuple[NDArray[numpy.float32], NDArray[numpy.int64]]:
    """Take into the scores of an image's best marks what lies around them.

    Parameters
    ----------
    candidates, scores, spacing_mm
        As of `constellations`.
    kept
        Indices of the candidates that non-maximum suppression leaves, best first.
    network
        (n, 2, 24, 24) -> (n, 1) probabilities, for example `context24`.
    share
        Of its log-odds that are added, 0 .. 1; before, these are limited to -6 .. 2, and 0.5 is taken off.

    Returns
    -------
    (N,) scores, changed for the best 250 marks only, and `kept` in their order. O(N log N) and 250 patches.
    """
    if share == 0 or len(kept) == 0:
        return scores, kept
    asked = kept[:ASKED]
    said = said_around(candidates, scores, candidates.positions[asked].astype(numpy.float64), network, spacing_mm)
    changed = scores.copy()
    changed[asked] = believed(scores[asked], said, share)
    return changed, kept[numpy.argsort(-changed[kept], kind="stable")]


def believed(scores: NDArray[Any], said: NDArray[Any], share: float) -> NDArray[numpy.float32]:
    """(M,) probabilities with so large a share of what is said around added to their log-odds."""
    p = numpy.asarray(scores, numpy.float64)
    factor = numpy.exp(share * (numpy.clip(said, -LOSS, GAIN) - TYPICAL))
    more: NDArray[numpy.float32] = (p * factor / (p * factor + 1 - p)).astype(numpy.float32)
    return more


def log_odds(scores: NDArray[Any]) -> NDArray[numpy.float64]:
    """Of (N,) probabilities, finite."""
    p = numpy.clip(numpy.asarray(scores, numpy.float64), SURE, 1 - SURE)
    odds: NDArray[numpy.float64] = numpy.log(p / (1 - p))
    return odds


def _unit(values: NDArray[Any], ends: tuple[float, float]) -> NDArray[numpy.float32]:
    """0 .. 2 between the ends."""
    scaled: NDArray[numpy.float32] = (2 * (numpy.clip(values, *ends) - ends[0]) / (ends[1] - ends[0])).astype(
        numpy.float32
    )
    return scaled
