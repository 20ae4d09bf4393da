"""Calcifications by shape: irregular, rim, rod, branch, soft; what radiologists tell apart by morphology."""

from __future__ import annotations

from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from mcfast.phantom.calcifications import FINE, Speck, speck

__all__ = ["Shape", "calcification"]

Field = NDArray[numpy.float32]
Shape = Literal["irregular", "rim", "rod", "branch", "soft"]


def calcification(
    shape: Shape, diameter_mm: float, spacing_mm: float, blur_mm: float, rng: numpy.random.Generator
) -> Speck:
    """One calcification through the detector.

    Parameters
    ----------
    shape
        `"irregular"`: lobed specks, round to elongated. `"rim"`: bright outline of a coarse calcification.
        `"rod"`, `"branch"`: fine linear and branching casts of a duct, as long as the diameter. `"soft"`: amorphous,
        with an edge wider than the detector's blur.
    diameter_mm
        Of the disk of its area; of rods and branches, the length.
    spacing_mm, blur_mm
        Distance of pixels, and standard deviation of the detector's Gaussian response.

    Returns
    -------
    `Speck`, whose diameter is that of the disk of the drawn area.
    """
    if shape == "soft":
        return speck(diameter_mm, spacing_mm, float(numpy.hypot(blur_mm, rng.uniform(0.12, 0.24) * diameter_mm)), rng)
    if shape == "irregular":
        return speck(diameter_mm, spacing_mm, blur_mm, rng)
    half = int(numpy.ceil((0.75 * diameter_mm + 3 * blur_mm) / spacing_mm)) + 2
    axis = (numpy.arange((2 * half + 1) * FINE) - ((2 * half + 1) * FINE - 1) / 2) * (spacing_mm / FINE)
    drawn = _rim(axis, diameter_mm, rng) if shape == "rim" else _cast(axis, diameter_mm, shape == "branch", rng)
    return _through_detector(drawn, half, spacing_mm, blur_mm)


def _through_detector(thickness: Field, half: int, spacing_mm: float, blur_mm: float) -> Speck:
    from scipy import ndimage

    area = numpy.count_nonzero(thickness > 0.2) * (spacing_mm / FINE) ** 2
    blurred = ndimage.gaussian_filter(thickness, blur_mm / (spacing_mm / FINE), mode="constant", truncate=3.0)
    side = 2 * half + 1
    profile = blurred.reshape(side, FINE, side, FINE).mean(axis=(1, 3))
    profile /= max(float(profile.max()), 1e-6)
    rows, columns = profile.sum(axis=1), profile.sum(axis=0)
    place = numpy.arange(side) - half
    return Speck(
        profile.astype(numpy.float32),
        float((rows * place).sum() / rows.sum()),
        float((columns * place).sum() / columns.sum()),
        2 * float(numpy.sqrt(max(area, 1e-6) / numpy.pi)),
    )


def _rim(axis: NDArray[Any], diameter_mm: float, rng: numpy.random.Generator) -> Field:
    """An egg-shell: a ring with a paler inside, broken in places."""
    turn, flat = rng.uniform(0, numpy.pi), rng.uniform(0.6, 1.0)
    along = axis[None, :] * numpy.cos(turn) + axis[:, None] * numpy.sin(turn)
    across = (axis[:, None] * numpy.cos(turn) - axis[None, :] * numpy.sin(turn)) / flat
    radius = numpy.hypot(along, across)
    angle = numpy.arctan2(across, along)
    outer = diameter_mm / 2 * (1 + 0.06 * numpy.sin(3 * angle + rng.uniform(0, 6.3)))
    width = max(0.08, diameter_mm * rng.uniform(0.08, 0.2))
    ring = numpy.exp(-0.5 * ((radius - outer + width) / (width / 2)) ** 2)
    broken = 1 - rng.uniform(0, 0.6) * (0.5 + 0.5 * numpy.sin(angle + rng.uniform(0, 6.3)))
    filled = rng.uniform(0.05, 0.5) * (radius < outer - width)
    rim: Field = numpy.maximum(ring * broken, filled).astype(numpy.float32)
    return rim


def _cast(axis: NDArray[Any], length_mm: float, branching: bool, rng: numpy.random.Generator) -> Field:
    """A bent rod of uneven thickness, 0.08 to 0.22 mm wide; with a second arm if branching."""
    width = rng.uniform(0.08, 0.22)
    turn = rng.uniform(0, 2 * numpy.pi)
    drawn = numpy.zeros((len(axis), len(axis)), numpy.float32)
    arms = [(turn, 0.5), (turn + numpy.pi, 0.5)]
    if branching:
        arms.append((turn + rng.uniform(0.5, 1.2) * rng.choice([-1, 1]), 0.45))
    for direction, share in arms:
        bend = rng.normal(0, 0.25)
        for part in numpy.linspace(0, 1, max(4, int(12 * length_mm))):
            reach = share * length_mm * part
            heading = direction + bend * part
            down, right = reach * numpy.sin(heading), reach * numpy.cos(heading)
            thick = width / 2 * rng.uniform(0.7, 1.2)
            inside = (axis[:, None] - down) ** 2 + (axis[None, :] - right) ** 2
            numpy.maximum(drawn, numpy.sqrt(numpy.maximum(1 - inside / thick**2, 0)), out=drawn, casting="same_kind")
    return drawn
