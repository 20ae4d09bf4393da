"""Training tiles: small patches of tissue at the canonical 0.1 mm, more varied than whole phantoms are.

Whole phantoms look like one vendor's images. Tiles vary what vendors, processing and anatomy vary: level, noise and its
correlation, density of lines, skin ramps, muscle edges, markers, resampling and 8-bit storage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from mcfast.phantom.calcifications import scatter, speck
from mcfast.phantom.exposure import Exposure
from mcfast.phantom.record import Calcification
from mcfast.phantom.texture import enlarge, power_law, septa, smooth_noise
from mcfast.phantom.tissue import add_specks, fibres

__all__ = ["Tile", "tile"]

Field = NDArray[numpy.float32]
SPACING_MM = 0.1
BITS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A patch of synthetic tissue at 0.1 mm.

    `image` is (side, side) uint16, 0 .. 4095; `mask` (side, side) bool is tissue; `calcifications` are those drawn, as
    in `Phantom`.
    """

    image: NDArray[numpy.uint16]
    mask: NDArray[numpy.bool_]
    calcifications: tuple[Calcification, ...]


def tile(rng: numpy.random.Generator, *, side: int = 512) -> Tile:
    """Draw a tile of `side` x `side` pixels of 0.1 mm, 128 at least; the generator's state is all it depends on.

    Raises `ValueError` for a smaller side. About a quarter of a second for 512.
    """
    if side < 128:
        raise ValueError(f"tile(side): expected at least 128 pixels, got {side}")
    signal = _tissue(side, rng)
    noise = numpy.exp(rng.uniform(numpy.log(0.012), numpy.log(0.055)))
    exposure = Exposure(noise, rng.uniform(0.0, 0.1))
    if rng.random() < 0.15:
        signal += rng.uniform(0.05, 0.25) * _edge(side, rng.uniform(0.2, 1.0), rng)
    depth = numpy.full((side, side), 1e3, numpy.float32)
    if rng.random() < 0.35:
        signal, depth = _skin(signal, rng)
    mask = depth > 0
    add_specks(signal, depth > 2, SPACING_MM, int(rng.integers(0, 40)), 1.5 * noise, rng)
    if rng.random() < 0.08:
        _marker(signal, rng)
    truth = _calcify(signal, depth > 2.0, exposure, rng)
    image = exposure.counts(numpy.clip(signal, 0, 1), BITS, SPACING_MM, rng)
    return Tile(_as_exported(image, rng), mask, tuple(truth))


def _tissue(side: int, rng: numpy.random.Generator) -> Field:
    """Power-law tissue of any level, with lobules, septa and curves, 0.05 .. 0.9."""
    shape = (side, side)
    level, swing, beta = rng.uniform(0.15, 0.65), rng.uniform(0.03, 0.12), rng.uniform(2.6, 3.4)
    signal = level + swing * power_law(shape, beta, rng, longest=300)
    small = (-(-side // 4), -(-side // 4))
    coarse = numpy.zeros(small, numpy.float32)
    for cell in (15, 40, 100):
        presence = numpy.clip(0.5 + 0.6 * smooth_noise(small, 15, rng), 0, 1.5)
        coarse += rng.uniform(0, 0.08) * presence * septa(small, cell, rng.uniform(0.06, 0.16), rng)
    for _ in range(int(rng.integers(0, 4))):
        coarse += rng.uniform(0.02, 0.12) * _blob(small[0], rng)
    signal = signal + enlarge(coarse, (small[0] * 4, small[1] * 4))[:side, :side]
    area_cm2 = (side * SPACING_MM / 10) ** 2
    count = int(area_cm2 * numpy.exp(rng.uniform(numpy.log(0.5), numpy.log(8))))
    signal += fibres(shape, SPACING_MM, rng, count=count, strength=rng.uniform(0.4, 1.8))
    tissue: Field = numpy.clip(signal, 0.05, 0.9).astype(numpy.float32)
    return tissue


def _blob(side: int, rng: numpy.random.Generator) -> Field:
    """One soft ellipse of value 1: a lobule, a node, a mass."""
    row, column = rng.uniform(0, side, 2)
    down, right = numpy.mgrid[:side, :side] - numpy.array([row, column])[:, None, None]
    turn = rng.uniform(0, numpy.pi)
    along = (right * numpy.cos(turn) + down * numpy.sin(turn)) / rng.uniform(4, 20)
    across = (down * numpy.cos(turn) - right * numpy.sin(turn)) / rng.uniform(4, 20)
    softness = rng.uniform(0.05, 0.6)
    distance = numpy.hypot(along, across)
    blob: Field = (1 / (1 + numpy.exp(numpy.clip((distance - 1) / softness, -30, 30)))).astype(numpy.float32)
    return blob


def _skin(signal: Field, rng: numpy.random.Generator) -> tuple[Field, Field]:
    """Let the breast end within the tile: a ramp, a skin line, then air. Returns the signal and the depth in mm."""
    side = len(signal)
    depth = _distance(side, rng, rng.uniform(-0.1, 0.4) * side)
    inside = numpy.maximum(depth, 0)
    remaining = rng.uniform(0.3, 1.0)
    ramp = remaining + (1 - remaining) * (1 - numpy.exp(-inside / numpy.float32(rng.uniform(3, 15))))
    width, place = rng.uniform(0.25, 1.1), rng.uniform(0.6, 1.8)
    line = rng.uniform(0, 0.5) * numpy.exp(-0.5 * ((inside - place) / width) ** 2)
    for _ in range(int(rng.integers(0, 5))):
        line += _layer(inside, rng)
    fade = 1 - numpy.exp(-inside / numpy.float32(rng.uniform(0.2, 0.7)))
    return ((signal * ramp + line) * fade).astype(numpy.float32), depth


def _layer(depth: Field, rng: numpy.random.Generator) -> Field:
    """A thin mottled line along the skin, 1 to 6 mm below it: folds, pores, subcutaneous vessels."""
    shape = (depth.shape[0], depth.shape[1])
    wander = 0.4 * smooth_noise(shape, 30, rng)
    line = numpy.exp(-0.5 * ((depth - rng.uniform(1, 6) + wander) / rng.uniform(0.1, 0.35)) ** 2)
    mottle = numpy.clip(0.5 + rng.uniform(0.2, 0.8) * smooth_noise(shape, rng.uniform(2, 6), rng), 0, 2)
    layer: Field = (rng.uniform(0.02, 0.15) * line * mottle).astype(numpy.float32)
    return layer


def _edge(side: int, softness_mm: float, rng: numpy.random.Generator) -> Field:
    """A soft step across the tile, 0 .. 1: the border of the pectoral muscle."""
    depth = _distance(side, rng, rng.uniform(-0.3, 0.3) * side)
    edge: Field = 1 / (1 + numpy.exp(-numpy.clip(depth / numpy.float32(softness_mm), -30, 30)))
    return edge


def _distance(side: int, rng: numpy.random.Generator, offset: float) -> Field:
    """Signed distance in mm to a gently waved line through the tile, `offset` pixels off its middle."""
    down, right = (numpy.mgrid[:side, :side] - side / 2).astype(numpy.float32)
    turn = rng.uniform(0, 2 * numpy.pi)
    across = right * numpy.cos(turn) + down * numpy.sin(turn) + offset
    along = down * numpy.cos(turn) - right * numpy.sin(turn)
    waves = rng.uniform(0, 20) * numpy.sin(along / rng.uniform(80, 200) + rng.uniform(0, 6.3))
    distance: Field = ((across + waves) * SPACING_MM).astype(numpy.float32)
    return distance


def _marker(signal: Field, rng: numpy.random.Generator) -> None:
    """A ball of metal or plastic on the skin, in place: bright, round, sharp, and no calcification."""
    side = len(signal)
    row, column = rng.uniform(20, side - 20, 2)
    down, right = numpy.mgrid[:side, :side]
    radius = rng.uniform(12, 20)
    inside = numpy.clip(radius - numpy.hypot(down - row, right - column) + 0.5, 0, 1)
    numpy.maximum(signal, rng.uniform(0.7, 1.0) * inside, out=signal, casting="same_kind")


def _calcify(
    signal: Field, allowed: NDArray[numpy.bool_], exposure: Exposure, rng: numpy.random.Generator
) -> list[Calcification]:
    """Add clusters and single calcifications of all sizes and contrasts in place; return the truth."""
    truth = []
    clean = signal.copy()
    blur_mm = rng.uniform(0.04, 0.12)
    bright = {number for number in range(3) if rng.random() < 0.25}
    inner = allowed & _away_from_border(len(signal), 32)
    for row, column, cluster in scatter(inner, int(rng.integers(0, 4)), int(rng.integers(2, 14)), SPACING_MM, rng):
        coarse = cluster in bright if cluster is not None else rng.random() < 0.25
        smallest, largest = (0.14, 1.0) if not coarse else (0.8, 2.2) if cluster is None else (0.3, 1.0)
        diameter = float(numpy.exp(rng.uniform(numpy.log(smallest), numpy.log(largest))))
        drawn = speck(diameter, SPACING_MM, blur_mm, rng)
        half = drawn.profile.shape[0] // 2
        deviation = float(exposure.deviation(clean[row, column]))
        faintest, brightest = (70, 600) if coarse else (4.5 * (diameter / 0.15) ** 0.6, 110)
        detectability = float(numpy.exp(rng.uniform(numpy.log(faintest), numpy.log(brightest))))
        peak = min(drawn.peak(detectability) * deviation, 0.97 - float(clean[row, column]))
        signal[row - half : row + half + 1, column - half : column + half + 1] += peak * drawn.profile
        truth.append(
            Calcification(
                row + drawn.row_offset,
                column + drawn.column_offset,
                drawn.diameter_mm,
                peak * (2**BITS - 1),
                peak / deviation,
                cluster,
            )
        )
    return truth


def _away_from_border(side: int, margin: int) -> NDArray[numpy.bool_]:
    inner = numpy.zeros((side, side), bool)
    inner[margin : side - margin, margin : side - margin] = True
    return inner


def _as_exported(image: NDArray[numpy.uint16], rng: numpy.random.Generator) -> NDArray[numpy.uint16]:
    """What other vendors' exports do to an image: a coarser pixel grid in between, 8 bits."""
    from PIL import Image

    white = 2**BITS - 1
    values = image.astype(numpy.float32)
    coarser = float(rng.choice([1.0, 1.0, 1.14, 1.4, 2.0])) * rng.uniform(0.97, 1.05)
    if coarser > 1.05:
        side = len(image)
        small = round(side / coarser)
        kernel = Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.BICUBIC
        values = numpy.asarray(Image.fromarray(values).resize((small, small), kernel))
        values = numpy.asarray(Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC))
    if rng.random() < 0.4:
        values = numpy.rint(values / white * 255) * (white / 255)
    return numpy.clip(numpy.rint(values), 0, white).astype(numpy.uint16)
