"""Backgrounds side by side: medians and ranges over the images of each group, for tables and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from mcfast.evaluate.background import SPACING_MM, Background
from mcfast.evaluate.spectrum import BANDS

__all__ = ["STATISTICS", "compare_backgrounds", "statistics_of"]

NYQUIST = 0.5 / SPACING_MM

STATISTICS = {
    **{f"exponent_{low:g}_{high:g}": f"exponent, {low:g} to {high:g} per mm" for low, high in BANDS},
    "finest_percent": "finest deviation, % of the range",
    "finest_exponent": "its exponent against the signal",
    "correlation": "correlation at 0.1 mm",
    "half_width": "half-width of the blur, per mm",
}
"""Keys of the JSON and words for tables."""


def statistics_of(background: Background) -> dict[str, float | None]:
    """The numbers of one image by the keys of `STATISTICS`; `None` where there is none.

    A half-width of 5 per mm, Nyquist's frequency, says that no blur is seen.
    """
    numbers = (
        *background.exponents,
        background.noise_percent,
        background.noise_exponent,
        background.correlation,
        min(background.half_width, NYQUIST),
    )
    return {key: None if math.isnan(one) else float(one) for key, one in zip(STATISTICS, numbers, strict=True)}


def compare_backgrounds(groups: Mapping[str, Sequence[Background]]) -> dict[str, Any]:
    """For JSON: by group `"images"`, how many there are; `"statistics"` and `"spectrum"`, median, 10th and 90th
    percentile (`"median"`, `"low"`, `"high"`) over the images; and `"each"` of them.

    Raises `ValueError` for a group without images.
    """
    return {"spacing_mm": SPACING_MM, "groups": {name: _group(name, some) for name, some in groups.items()}}


def _group(name: str, backgrounds: Sequence[Background]) -> dict[str, Any]:
    if not backgrounds:
        raise ValueError(f"compare_backgrounds(groups): expected images in every group, got none in {name!r}")
    each = [
        {"name": one.name, "patches": one.patches, "statistics": statistics_of(one), "noise_by_level": _levels(one)}
        for one in backgrounds
    ]
    low, median, high = numpy.percentile([one.power for one in backgrounds], [10, 50, 90], axis=0).tolist()
    return {
        "images": len(backgrounds),
        "statistics": {key: _spread([statistics_of(one)[key] for one in backgrounds]) for key in STATISTICS},
        "spectrum": {
            "frequency_per_mm": backgrounds[0].frequency.tolist(),
            "median": median,
            "low": low,
            "high": high,
        },
        "each": each,
    }


def _levels(one: Background) -> list[dict[str, float]]:
    pairs = zip(one.levels, one.deviations, strict=True)
    return [{"signal": float(level), "deviation": float(deviation)} for level, deviation in pairs]


def _spread(values: Sequence[float | None]) -> dict[str, float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, median, high = numpy.percentile(known, [10, 50, 90]).tolist()
    return {"median": median, "low": low, "high": high}
