"""Where calcifications are lost on their way to a mark: which stage to mend, and which are too faint for any."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.froc import Froc, Matched

__all__ = ["BANDS", "STAGES", "limit_at", "losses", "stage_of"]

BANDS = (0.0, 3.0, 5.0, 10.0, float("inf"))
"""Contrasts, in deviations of the noise finer than 0.2 mm, between which calcifications are told apart."""

STAGES = ("found", "no candidate", "no mark", "ranked too low")
"""What can become of a calcification, in the order of the detector's stages; see `stage_of`."""


def limit_at(images: Sequence[Matched], false_per_image: float) -> float:
    """The lowest score limit with at most so many false marks per image on average; infinite if none is low enough.

    Raises `ValueError` if there is no image.
    """
    curve = Froc(images)
    allowed = int(numpy.searchsorted(curve.false_per_image, false_per_image + 1e-9, side="right"))
    return float(curve.thresholds[allowed - 1]) if allowed else float("inf")


def stage_of(found: NDArray[Any], passed: NDArray[Any], limit: float) -> NDArray[numpy.int64]:
    """The index into `STAGES` of what became of each calcification: (T,).

    Parameters
    ----------
    found
        (T,) score of the mark that hit each; NaN where none did.
    passed
        (T,) bool, whether a candidate was near enough to hit it. Without one, the mask, the skin's margin, the
        candidates' threshold or their number lost it.
    limit
        Score limit: a mark below it is ranked too low. Where a candidate but no mark is, it was merged with a
        neighbour, moved away, or not reported at all.
    """
    marked = ~numpy.isnan(found)
    hit = marked & (numpy.nan_to_num(found, nan=-numpy.inf) >= limit)
    stage: NDArray[numpy.int64] = numpy.select([hit, marked, passed], [0, 3, 2], default=1).astype(numpy.int64)
    return stage


def losses(
    matched: Sequence[Matched],
    passed: Sequence[NDArray[Any]],
    contrast: Sequence[NDArray[Any]],
    rates: Sequence[float],
) -> list[dict[str, Any]]:
    """What became of the calcifications of many images, by false marks per image and by contrast. For JSON.

    Parameters
    ----------
    matched, passed, contrast
        Of each image; the latter two (T,) as in `stage_of` and `BANDS`.
    rates
        False marks per image, all images at one limit.

    Returns
    -------
    For each rate an entry for each band and one for all: `"false_per_image"`, `"low"` and `"high"` (`None` without an
    end), `"calcifications"`, and `"shares"`, those of `STAGES` (`None` without calcifications).
    """
    found = numpy.concatenate([one.found for one in matched])
    let_through, contrasts = numpy.concatenate(list(passed)).astype(bool), numpy.concatenate(list(contrast))
    entries = []
    for rate in rates:
        stages = stage_of(found, let_through, limit_at(matched, rate))
        for low, high in [*pairwise(BANDS), (BANDS[0], BANDS[-1])]:
            some = stages[(contrasts >= low) & (contrasts < high)]
            shares = (numpy.bincount(some, minlength=len(STAGES)) / len(some)).tolist() if len(some) else None
            entries.append(
                {
                    "false_per_image": rate,
                    "low": low,
                    "high": None if numpy.isinf(high) else high,
                    "calcifications": len(some),
                    "shares": None if shares is None else dict(zip(STAGES, shares, strict=True)),
                }
            )
    return entries
