"""The noise-free image of a breast: fat and fibroglandular tissue, septa, vessels, muscle and skin, in 0 .. 1."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.phantom.outline import Outline
from mcfast.phantom.texture import bezier_curves, draw_points, enlarge, power_law, septa, smooth_noise, streaks

__all__ = ["add_specks", "breast_signal", "fibres"]

Field = NDArray[numpy.float32]
COARSE = 4  # structure that is wider than a millimetre is drawn on a grid this many times coarser


def breast_signal(
    shape: tuple[int, int], spacing_mm: float, outline: Outline, rng: numpy.random.Generator
) -> tuple[Field, Field]:
    """The signal of a left breast.

    Returns
    -------
    signal
        (H, W) float32, 0 in air; 0.1 to 0.2 in fat, 0.3 to 0.7 in dense tissue, up to 1 in the skin.
    depth
        (H, W) float32: distance to the skin in millimetres, positive inside.
    """
    small = (-(-shape[0] // COARSE), -(-shape[1] // COARSE))
    step = spacing_mm * COARSE
    rows = ((numpy.arange(small[0]) + 0.5) * step).astype(numpy.float32)
    columns = ((numpy.arange(small[1]) + 0.5) * step).astype(numpy.float32)
    depth_small = outline.depth(rows, columns)
    gland = _gland(rows, columns, depth_small, outline, step, rng)
    fat, dense = rng.uniform(0.1, 0.17), rng.uniform(0.45, 0.68)
    base = fat + (dense - fat) * gland
    base += _strands(small, step, rng) * rng.uniform(0.04, 0.09) * (0.5 + gland)
    muscle = outline.muscle(rows, columns)
    inside = 1 / (1 + numpy.exp(-numpy.clip(muscle / rng.uniform(0.5, 2.0), -30, 30)))
    base += inside * (rng.uniform(0.12, 0.28) * (1 - 0.6 * gland) + 0.02 * smooth_noise(small, 3 / step, rng))
    signal = _full(base.astype(numpy.float32), shape)
    depth = _full(depth_small, shape)
    activity = _full((0.35 + 0.65 * gland).astype(numpy.float32), shape)
    fine = power_law(shape, rng.uniform(2.7, 3.1), rng, longest=15 / spacing_mm)
    signal += fine * activity * numpy.float32(rng.uniform(0.07, 0.11))
    signal += fibres(shape, spacing_mm, rng, towards=outline.nipple, count=_fibre_count(shape, spacing_mm, rng))
    numpy.maximum(signal, numpy.float32(0.35 * fat), out=signal)
    return _skin(signal, depth, rng), depth


def _gland(
    rows: Field, columns: Field, depth: Field, outline: Outline, step: float, rng: numpy.random.Generator
) -> Field:
    """Share of fibroglandular tissue, 0 .. 1: a fan behind the nipple, broken up by fat, streaked towards it."""
    shape = (len(rows), len(columns))
    reach = max(1.0, float(depth.max()))
    down = (rows[:, None] - outline.nipple[0]) / (2.2 * reach)
    behind = (outline.nipple[1] - columns[None, :]) / max(outline.nipple[1], 1)
    fan = 1.2 - (2.2 * down) ** 2 - 1.6 * (behind - rng.uniform(0.35, 0.6)) ** 2 * 2
    fan = numpy.minimum(fan, (depth - rng.uniform(3, 9)) / 6)
    clumps = power_law(shape, 3.2, rng, longest=45 / step)
    radial = streaks(rows[:, None], columns[None, :], (outline.nipple[0], outline.nipple[1] + 15), 0.5, 3.0, rng)
    level = fan + 0.5 * clumps + 0.8 * radial - rng.uniform(-0.1, 1.0)
    gland = 1 / (1 + numpy.exp(-2.8 * numpy.clip(level, -8, 8)))
    lobules = 1 - rng.uniform(0.3, 0.7) * (smooth_noise(shape, rng.uniform(1, 2.5) / step, rng) > 0.9)
    broken: Field = (gland * _soften(lobules.astype(numpy.float32), 0.8 / step)).astype(numpy.float32)
    return broken


def _strands(shape: tuple[int, int], step: float, rng: numpy.random.Generator) -> Field:
    """Connective tissue: nets of three sizes of cells, each present in patches."""
    total = numpy.zeros(shape, numpy.float32)
    for cell_mm in (6.0, 15.0, 40.0):
        presence = numpy.clip(0.5 + 0.6 * smooth_noise(shape, 6 / step, rng), 0, 1.5)
        total += presence * septa(shape, cell_mm / step, rng.uniform(0.06, 0.16), rng)
    return total


def fibres(
    shape: tuple[int, int],
    spacing_mm: float,
    rng: numpy.random.Generator,
    *,
    count: int,
    towards: tuple[float, float] | None = None,
    strength: float = 1.0,
) -> Field:
    """Vessels, ducts and Cooper's ligaments as curves of four widths, (H, W) float32.

    `towards` is a point in millimetres that most of them run to or from; `count` their number over all widths.
    """
    total = numpy.zeros(shape, numpy.float32)
    for width_mm, share, peak in ((0.12, 0.4, 0.07), (0.22, 0.35, 0.08), (0.45, 0.18, 0.09), (0.9, 0.07, 0.1)):
        number = int(count * share)
        if number == 0:
            continue
        starts = rng.uniform(0, 1, (number, 2)) * shape
        directions = rng.uniform(0, 2 * numpy.pi, number)
        if towards is not None:
            back = numpy.asarray(towards) / spacing_mm - starts
            radial = numpy.arctan2(back[:, 0], back[:, 1]) + rng.normal(0, 0.35, number)
            directions = numpy.where(rng.random(number) < 0.7, radial, directions)
        lengths = numpy.exp(rng.uniform(numpy.log(4), numpy.log(45), number)) / spacing_mm
        curves = bezier_curves(starts, directions, lengths, rng.uniform(0.1, 0.25), rng)
        weights = [_beads(len(curve), peak * strength * rng.uniform(0.3, 1.3), rng) for curve in curves]
        total += draw_points(shape, numpy.concatenate(curves), numpy.concatenate(weights), width_mm / spacing_mm / 2)
    return total


def _fibre_count(shape: tuple[int, int], spacing_mm: float, rng: numpy.random.Generator) -> int:
    area_cm2 = shape[0] * shape[1] * spacing_mm**2 / 100
    return int(area_cm2 * rng.uniform(2.0, 5.0))


def _beads(points: int, peak: float, rng: numpy.random.Generator) -> NDArray[Any]:
    """Brightness along a curve: fades in and out at its ends, and varies on the way."""
    t = numpy.linspace(0, 1, points)
    ends = numpy.minimum(1, 6 * numpy.minimum(t, 1 - t))
    waves = 1 + 0.3 * numpy.sin(2 * numpy.pi * (rng.uniform(2, 8) * t + rng.random()))
    result: NDArray[Any] = peak * ends * waves
    return result


def add_specks(
    signal: Field,
    allowed: NDArray[numpy.bool_],
    spacing_mm: float,
    count: int,
    peak: float,
    rng: numpy.random.Generator,
) -> None:
    """Add soft round densities, wider and lower than calcifications, in place: the false friends of a detector."""
    rows, columns = numpy.nonzero(allowed)
    if len(rows) == 0:
        return
    for _ in range(count):
        sigma = rng.uniform(0.25, 0.55) / spacing_mm
        half = int(4 * sigma)
        pick = rng.integers(len(rows))
        row, column = int(rows[pick]), int(columns[pick])
        top, left = max(row - half, 0), max(column - half, 0)
        window = signal[top : row + half + 1, left : column + half + 1]
        down = numpy.arange(top, top + window.shape[0])[:, None] - row
        right = numpy.arange(left, left + window.shape[1])[None, :] - column
        window += (peak * rng.uniform(0.2, 1) * numpy.exp(-(down**2 + right**2) / (2 * sigma**2))).astype(numpy.float32)


def _skin(signal: Field, depth: Field, rng: numpy.random.Generator) -> Field:
    """Thinning towards the skin, partly equalised as vendors' processing does, then the bright skin line."""
    equalised = rng.uniform(0.4, 1.0)
    inside = numpy.maximum(depth, 0)
    thickness = 1 - numpy.exp(-inside / numpy.float32(rng.uniform(4, 15)))
    thinned = signal * (equalised + (1 - equalised) * thickness)
    line = rng.uniform(0.12, 0.5) * numpy.exp(-0.5 * ((inside - rng.uniform(0.7, 1.5)) / rng.uniform(0.25, 0.7)) ** 2)
    # Beyond the skin the signal falls to that of air within about a millimetre.
    faded: Field = (thinned + line) * (1 - numpy.exp(-inside / numpy.float32(rng.uniform(0.25, 0.6))))
    return faded.astype(numpy.float32, copy=False)


def _soften(field: Field, sigma: float) -> Field:
    from scipy import ndimage

    blurred: Field = ndimage.gaussian_filter(field, sigma)
    return blurred


def _full(field: Field, shape: tuple[int, int]) -> Field:
    return enlarge(field, (field.shape[0] * COARSE, field.shape[1] * COARSE))[: shape[0], : shape[1]]
