"""Calcifications: irregular specks of calcium, alone and in clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Speck", "scatter", "speck"]

Field = NDArray[numpy.float32]
FINE = 4  # the shape is drawn on a grid this many times finer than the pixels


@dataclass(frozen=True, slots=True)
class Speck:
    """A drawn calcification: `profile` (side, side) float32 of peak 1, its centre of gravity relative to the middle
    pixel in pixels, and the diameter of the disk of its area in mm, before blur."""

    profile: Field
    row_offset: float
    column_offset: float
    diameter_mm: float

    def peak(self, detectability: float) -> float:
        """The contrast, in deviations of white noise, at which a matched filter's signal-to-noise ratio is as given."""
        return detectability / float(numpy.sqrt(numpy.sum(self.profile**2)))


def speck(diameter_mm: float, spacing_mm: float, blur_mm: float, rng: numpy.random.Generator) -> Speck:
    """One irregular calcification through the detector.

    One to four lobes, each the projection of an ellipsoid whose outline undulates, merged by their maximum; some
    large ones are hollow. Gaussian blur of `blur_mm` (standard deviation) stands for the detector's response.
    """
    from scipy import ndimage

    half = int(numpy.ceil((0.9 * diameter_mm + 3 * blur_mm) / spacing_mm)) + 2
    side = 2 * half + 1
    axis = (numpy.arange(side * FINE) - (side * FINE - 1) / 2) * (spacing_mm / FINE)
    shift = rng.uniform(-0.5, 0.5, 2) * spacing_mm
    thickness = numpy.zeros((side * FINE, side * FINE), numpy.float32)
    lobes = 1 if rng.random() < 0.45 else int(rng.integers(2, 5))
    for lobe in range(lobes):
        size = diameter_mm / 2 * (1 if lobes == 1 else rng.uniform(0.45, 0.8))
        wander = rng.normal(0, 0.25, 2) * diameter_mm * (lobe > 0)
        numpy.maximum(thickness, _lobe(axis, size, shift + wander, rng), out=thickness)
    area = numpy.count_nonzero(thickness) * (spacing_mm / FINE) ** 2
    if diameter_mm > 0.6 and rng.random() < 0.25:
        core = ndimage.gaussian_filter(thickness, 0.12 * diameter_mm / (spacing_mm / FINE))
        thickness = numpy.maximum(thickness - 0.8 * core, 0.05 * thickness)
    thickness = ndimage.gaussian_filter(thickness, blur_mm / (spacing_mm / FINE), mode="constant")
    profile = thickness.reshape(side, FINE, side, FINE).mean(axis=(1, 3))
    profile /= profile.max()
    centre = ndimage.center_of_mass(profile)
    return Speck(profile, float(centre[0]) - half, float(centre[1]) - half, 2 * float(numpy.sqrt(area / numpy.pi)))


def _lobe(axis: NDArray[Any], radius: float, centre: NDArray[Any], rng: numpy.random.Generator) -> Field:
    """Thickness (relative to the radius) of an ellipsoid with an undulating outline."""
    flatness = rng.uniform(0.55, 1) if rng.random() < (0.8 if radius < 0.4 else 0.5) else rng.uniform(0.25, 0.55)
    turn = rng.uniform(0, numpy.pi)
    down, right = axis[:, None] - centre[0], axis[None, :] - centre[1]
    along = right * numpy.cos(turn) + down * numpy.sin(turn)
    across = (down * numpy.cos(turn) - right * numpy.sin(turn)) / flatness
    angle = numpy.arctan2(across, along)
    waves = ((2, 0.12), (3, 0.15), (5, 0.08))
    outline = radius * (1 + sum(a * rng.random() * numpy.sin(n * angle + rng.uniform(0, 6.3)) for n, a in waves))
    inside = 1 - (along**2 + across**2) / outline**2
    # A sphere thins out towards its edge, a plate does not.
    profile = numpy.sqrt(numpy.maximum(inside, 0)) if rng.random() < 0.7 else inside > 0
    result: Field = profile.astype(numpy.float32)
    return result


def scatter(
    allowed: NDArray[numpy.bool_], clusters: int, singles: int, spacing_mm: float, rng: numpy.random.Generator
) -> list[tuple[int, int, int | None]]:
    """Places for calcifications: (row, column, cluster or None), all in `allowed`, at least 0.7 mm apart.

    A cluster has 3 to 20 members whose positions scatter within an ellipse of 5 to 20 mm across. One that finds room
    for fewer than 3 becomes a place for none.
    """
    rows, columns = numpy.nonzero(allowed)
    if len(rows) == 0:
        return []
    taken: list[tuple[int, int, int | None]] = []
    number = 0
    for _ in range(clusters):
        pick = rng.integers(len(rows))
        across = rng.uniform(5, 20) / spacing_mm
        flat, turn = rng.uniform(0.4, 1), rng.uniform(0, numpy.pi)
        axes = numpy.array([[numpy.cos(turn), -numpy.sin(turn)], [numpy.sin(turn), numpy.cos(turn)]]) * [1, flat]
        members: list[tuple[int, int, int | None]] = []
        wanted = int(rng.integers(3, 21))
        for _ in range(8 * wanted):
            if len(members) == wanted:
                break
            radius = across / 2 * numpy.sqrt(rng.random())
            step = axes @ (radius * _unit(rng))
            row, column = int(rows[pick] + step[0]), int(columns[pick] + step[1])
            if _free(row, column, allowed, taken + members, 0.7 / spacing_mm):
                members.append((row, column, number))
        if len(members) >= 3:
            taken += members
            number += 1
    for _ in range(singles):
        pick = rng.integers(len(rows))
        row, column = int(rows[pick]), int(columns[pick])
        # Far from the others, or it would belong to a cluster.
        if _free(row, column, allowed, taken, 8 / spacing_mm):
            taken.append((row, column, None))
    return taken


def _unit(rng: numpy.random.Generator) -> NDArray[numpy.float64]:
    angle = rng.uniform(0, 2 * numpy.pi)
    return numpy.array([numpy.sin(angle), numpy.cos(angle)])


def _free(
    row: int, column: int, allowed: NDArray[numpy.bool_], taken: list[tuple[int, int, int | None]], distance: float
) -> bool:
    if not (0 <= row < allowed.shape[0] and 0 <= column < allowed.shape[1] and allowed[row, column]):
        return False
    return all(numpy.hypot(row - r, column - c) >= distance for r, c, _ in taken)
