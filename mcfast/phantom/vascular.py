"""Calcified arteries: tracks along a vessel's walls, which are no finding and look like one piece by piece."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.phantom.texture import bezier_curves, draw_points

__all__ = ["add_artery", "add_tracks"]

Field = NDArray[numpy.float32]
Points = NDArray[numpy.float64]


def add_tracks(signal: Field, spacing_mm: float, peak: float, rng: numpy.random.Generator) -> None:
    """Calcified walls of an artery, in place: two parallel broken tracks, 0.7 to 2.5 mm apart; `peak` their height."""
    side = signal.shape[0]
    start = rng.uniform(0, 1, (1, 2)) * signal.shape
    length = numpy.exp(rng.uniform(numpy.log(10), numpy.log(50))) / spacing_mm
    (curve,) = bezier_curves(start, rng.uniform(0, 2 * numpy.pi, 1), numpy.array([length]), 0.2, rng)
    tangent = numpy.gradient(curve, axis=0)
    normal = numpy.column_stack([tangent[:, 1], -tangent[:, 0]])
    normal /= numpy.maximum(numpy.hypot(*normal.T), 1e-6)[:, None]
    apart = rng.uniform(0.7, 2.5) / spacing_mm
    millimetres = numpy.arange(len(curve)) / 3 * spacing_mm
    lumen = draw_points(signal.shape, curve, numpy.full(len(curve), 0.35 * peak), apart / 2.5)
    signal += lumen
    for wall in (-0.5, 0.5):
        points = curve + wall * apart * normal + rng.normal(0, 0.2, (1, 2))
        weights = peak * _plaques(millimetres, rng)
        signal += draw_points((side, signal.shape[1]), points, weights, rng.uniform(0.06, 0.14) / spacing_mm)


def _plaques(along_mm: NDArray[Any], rng: numpy.random.Generator) -> NDArray[Any]:
    """Plaques along a wall: runs of 0.2 to 4 mm with gaps, uneven inside."""
    weights = numpy.zeros(len(along_mm))
    place = 0.0
    while place < (along_mm[-1] if len(along_mm) else 0):
        run = numpy.exp(rng.uniform(numpy.log(0.2), numpy.log(4)))
        inside = (along_mm >= place) & (along_mm < place + run)
        weights[inside] = rng.uniform(0.3, 1.0) * (1 + 0.4 * rng.standard_normal(int(inside.sum()))).clip(0.2, 2)
        place += run + numpy.exp(rng.uniform(numpy.log(0.15), numpy.log(3)))
    return weights


def add_artery(signal: Field, spacing_mm: float, peak: float, rng: numpy.random.Generator) -> None:
    """Calcified walls of an artery, in place: two broken tracks, or one, along a winding vessel; `peak` their height.

    The walls are 0.7 to 4 mm apart and 0.12 to 0.5 mm wide, dotted to solid; some vessels are plated from wall to wall
    in places, and the blood between shows as a faint band.
    """
    curve = _winding(signal.shape, spacing_mm, rng)
    tangent = numpy.gradient(curve, axis=0)
    normal = numpy.column_stack([tangent[:, 1], -tangent[:, 0]])
    normal /= numpy.maximum(numpy.hypot(*normal.T), 1e-6)[:, None]
    apart = _between(0.7, 4.0, rng) / spacing_mm
    along_mm = numpy.arange(len(curve)) / 3 * spacing_mm
    ends = numpy.minimum(1, 6 * numpy.minimum(*(numpy.linspace(*way, len(curve)) for way in ((0, 1), (1, 0)))))
    lumen = rng.uniform(0.0, 0.4) * peak * ends
    signal += draw_points(signal.shape, curve, lumen, apart / 2.5)
    runs_mm = _between(0.3, 4.0, rng)
    walls = [-0.5, 0.5] if rng.random() < 0.8 else [0.5]
    for wall in walls:
        points = curve + wall * apart * normal + rng.normal(0, 0.2, (1, 2))
        weights = peak * _deposits(along_mm, runs_mm, rng)
        signal += draw_points(signal.shape, points, weights, _between(0.06, 0.25, rng) / spacing_mm)
    if rng.random() < 0.2 and apart * spacing_mm < 2.5:
        _plate(signal, curve, apart * normal, spacing_mm, peak, rng)


def _winding(shape: tuple[int, ...], spacing_mm: float, rng: numpy.random.Generator) -> Points:
    """A vessel's middle, 12 to 60 mm long through some place of the image, as points about 1/3 pixel apart; half of
    them wind."""
    place, angle = rng.uniform(0, 1, (1, 2)) * shape, rng.uniform(0, 2 * numpy.pi, 1)
    length = _between(12, 60, rng) / spacing_mm
    (curve,) = bezier_curves(numpy.zeros((1, 2)), angle, numpy.array([length]), _between(0.05, 0.4, rng), rng)
    if rng.random() < 0.5:
        aside = numpy.array([numpy.cos(angle[0]), -numpy.sin(angle[0])])
        wavelength = rng.uniform(6, 20) / spacing_mm
        phase = numpy.arange(len(curve)) / 3 / wavelength * 2 * numpy.pi + rng.uniform(0, 6.3)
        curve = curve + (rng.uniform(0.02, 0.1) * wavelength * numpy.sin(phase))[:, None] * aside
    moved: Points = curve - curve[int(rng.uniform(0.2, 0.8) * len(curve))] + place
    return moved


def _deposits(along_mm: NDArray[Any], longest_mm: float, rng: numpy.random.Generator) -> NDArray[Any]:
    """Plaques along a wall: runs of 0.1 mm up to `longest_mm`, with gaps, uneven inside."""
    weights = numpy.zeros(len(along_mm))
    place = 0.0
    while place < (along_mm[-1] if len(along_mm) else 0):
        run = _between(0.1, longest_mm, rng)
        inside = (along_mm >= place) & (along_mm < place + run)
        weights[inside] = rng.uniform(0.3, 1.0) * (1 + 0.4 * rng.standard_normal(int(inside.sum()))).clip(0.2, 2)
        place += run + _between(0.1, 1.0 + 0.5 * longest_mm, rng)
    return weights


def _plate(
    signal: Field, curve: Points, across: Points, spacing_mm: float, peak: float, rng: numpy.random.Generator
) -> None:
    """A few plaques over the whole width of the vessel, mottled, 0.5 to 3 mm long."""
    width = float(numpy.hypot(*across[0]))
    for _ in range(int(rng.integers(1, 5))):
        first = int(rng.integers(len(curve)))
        part = slice(first, first + max(2, int(3 * rng.uniform(0.5, 3.0) / spacing_mm)))
        # As many points per pixel of the plaque's area as a line has along it, so that `peak` keeps its meaning.
        times = max(2, int(width / 2))
        share = rng.uniform(-0.5, 0.5, (times, len(curve[part]), 1))
        points = (curve[part][None] + share * across[part][None]).reshape(-1, 2)
        weights = peak * rng.uniform(0.2, 0.7) * rng.random(len(points)) * 2
        signal += draw_points(signal.shape, points, weights, rng.uniform(0.08, 0.2) / spacing_mm)


def _between(low: float, high: float, rng: numpy.random.Generator) -> float:
    """Log-uniform."""
    return float(numpy.exp(rng.uniform(numpy.log(low), numpy.log(high))))
