"""Contrast-to-noise of known calcifications, in an image and in its magnifications.

Contrast is the mean over a calcification's own disk less the mean of a ring around it, noise the standard deviation in
that ring. Magnification smooths noise, so its ratios say how a calcification stands out, not how much is known of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.sr import METHODS, interpolate
from mcfast.magnify import super_resolve

if TYPE_CHECKING:
    from mcfast.phantom import Phantom

__all__ = ["contrast_to_noise", "magnified_contrast"]

Array = NDArray[Any]

INNER_MM, OUTER_MM = 0.3, 1.0
"""The ring: from the calcification's radius and 0.3 mm on, one millimetre wide."""


def contrast_to_noise(
    image: Array, places: Sequence[tuple[float, float]], diameters_mm: Sequence[float], spacing_mm: float
) -> list[float]:
    """One value for each calcification; `nan` where its ring leaves the image or does not vary.

    Parameters
    ----------
    image
        (H, W) of any real dtype.
    places
        Centres (row, column) in pixels, pixel centres at whole numbers.
    diameters_mm
        Of the calcifications. The disk holds at least the pixel nearest to the centre.
    spacing_mm
        Distance of pixel centres.
    """
    others = numpy.array(places, float).reshape(-1, 2)
    found = []
    for (row, column), diameter in zip(places, diameters_mm, strict=True):
        reach = int(numpy.ceil((diameter / 2 + INNER_MM + OUTER_MM) / spacing_mm))
        top, left = round(row) - reach, round(column) - reach
        if min(top, left) < 0 or top + 2 * reach >= image.shape[0] or left + 2 * reach >= image.shape[1]:
            found.append(float("nan"))
            continue
        window = image[top : top + 2 * reach + 1, left : left + 2 * reach + 1].astype(numpy.float64)
        rows, columns = numpy.mgrid[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
        distance = numpy.hypot(rows - row, columns - column) * spacing_mm
        disk = (distance <= diameter / 2) | (distance == distance.min())
        ring = (distance > diameter / 2 + INNER_MM) & (distance <= diameter / 2 + INNER_MM + OUTER_MM)
        for other_row, other_column in others[numpy.abs(others - (row, column)).max(axis=1) < 2 * reach]:
            ring &= numpy.hypot(rows - other_row, columns - other_column) * spacing_mm > diameter / 2 + INNER_MM
        noise = window[ring].std() if ring.any() else 0.0
        found.append(float((window[disk].mean() - window[ring].mean()) / noise) if noise > 0 else float("nan"))
    return found


def magnified_contrast(phantoms: Sequence[Phantom]) -> dict[str, float]:
    """Median contrast-to-noise over all calcifications of the phantoms: as drawn, and magnified by each method.

    Returns
    -------
    `{"original": ..., "fsrcnn": ..., <each of METHODS>: ..., "calcifications": how many}`.
    """
    collected: dict[str, list[list[float]]] = {}
    for phantom in phantoms:
        white = float((1 << phantom.bits) - 1)
        places = [(one.row, one.column) for one in phantom.calcifications]
        diameters = [one.diameter_mm for one in phantom.calcifications]
        collected.setdefault("original", []).append(
            contrast_to_noise(phantom.image, places, diameters, phantom.spacing_mm)
        )
        doubled = [(2 * row + 0.5, 2 * column + 0.5) for row, column in places]
        for name, magnify in _magnifiers(white).items():
            values = contrast_to_noise(magnify(phantom.image), doubled, diameters, phantom.spacing_mm / 2)
            collected.setdefault(name, []).append(values)
    together = {name: [value for values in parts for value in values] for name, parts in collected.items()}
    whole = [all(numpy.isfinite(row)) for row in zip(*together.values(), strict=True)]
    result = {
        name: float(median(value for value, ok in zip(values, whole, strict=True) if ok))
        for name, values in together.items()
    }
    return {**result, "calcifications": float(sum(whole))}


def _magnifiers(white: float) -> Mapping[str, Callable[[Array], Array]]:
    def ours(image: Array) -> Array:
        magnified: Array = super_resolve(image, max_value=white)
        return magnified

    def by(method: str) -> Callable[[Array], Array]:
        return lambda image: interpolate(image, method)

    return {"fsrcnn": ours, **{method: by(method) for method in METHODS}}
