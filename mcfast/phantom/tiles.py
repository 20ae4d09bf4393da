"""Training tiles: small patches of tissue at the canonical 0.1 mm, more varied than whole phantoms are.

Whole phantoms look like one vendor's images. Tiles vary what vendors, processing and anatomy vary: level, noise and its
correlation, density of lines, skin ramps, muscle edges, metal, film marks, processing, resampling, 8-bit storage.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from mcfast.phantom.calcifications import Speck
from mcfast.phantom.distractors import add_crossings, add_film_marks, add_hot_pixels, add_metal
from mcfast.phantom.distribution import distribute
from mcfast.phantom.export import as_exported
from mcfast.phantom.exposure import Exposure
from mcfast.phantom.kinds import Kind
from mcfast.phantom.mixture import MIXTURES, Mixture, MixtureName
from mcfast.phantom.morphology import calcification
from mcfast.phantom.record import Calcification
from mcfast.phantom.texture import enlarge, power_law, septa, smooth_noise
from mcfast.phantom.tissue import add_specks, fibres

__all__ = ["INGREDIENTS", "Tile", "soft_edge", "tile"]

Field = NDArray[numpy.float32]
SPACING_MM = 0.1
WHITE = 65535
SHALLOW_MM = 7.0
MARGIN = 16  # pixels at the tile's border without calcifications

INGREDIENTS = (
    "line crossings",
    "vascular calcification",
    "metal",
    "soft specks",
    "film marks",
    "skin",
    "pectoral edge",
    "exports",
    "hard windows",
    "shapes",
)
"""What `tile` can leave out, to see what it is worth."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A patch of synthetic tissue at 0.1 mm.

    `image` is (side, side) uint16, 0 .. 65535; `mask` (side, side) bool is tissue; `calcifications` are those drawn, as
    in `Phantom`; `arteries` (side, side) bool is where calcified walls add a deviation of the noise or more.
    """

    image: NDArray[numpy.uint16]
    mask: NDArray[numpy.bool_]
    calcifications: tuple[Calcification, ...]
    arteries: NDArray[numpy.bool_]


def tile(
    rng: numpy.random.Generator, *, side: int = 512, mixture: MixtureName = "usual", without: Collection[str] = ()
) -> Tile:
    """Draw a tile of `side` x `side` pixels of 0.1 mm, 128 at least; the generator's state is all else it depends on.

    `mixture` is one of `mcfast.phantom.mixture`. `without` names what is left out, some of `INGREDIENTS`: the tile is
    otherwise the same one, its calcifications in the same places. Without `"film marks"` there are no hot pixels
    either; without `"exports"` nothing is done to the exposed image but rounding to 16 bits; without `"hard windows"`
    no tissue becomes black; without `"shapes"` all calcifications are irregular; without `"skin"` tissue fills the
    tile, and what would be air holds no calcification.

    Raises `ValueError` for a smaller side, another mixture, or what is no ingredient. About a quarter of a second for
    512.
    """
    if side < 128:
        raise ValueError(f"tile(side): expected at least 128 pixels, got {side}")
    if mixture not in MIXTURES:
        raise ValueError(f"tile(mixture): expected one of {', '.join(MIXTURES)}, got {mixture!r}")
    for name in without:
        if name not in INGREDIENTS:
            raise ValueError(f"tile(without): expected some of {', '.join(INGREDIENTS)}, got {name!r}")
    mixed = MIXTURES[mixture]
    signal = _tissue(side, rng)
    noise = float(numpy.exp(rng.uniform(numpy.log(0.012), numpy.log(0.06))))
    exposure = Exposure(noise, rng.uniform(0.0, 0.1))
    if rng.random() < 0.15:
        edge = rng.uniform(0.05, 0.25) * soft_edge(side, rng.uniform(0.2, 1.0), rng)
        signal = signal if "pectoral edge" in without else signal + edge
    depth = numpy.full((side, side), 1e3, numpy.float32)
    mask_depth = depth
    if rng.random() < mixed.skin:
        ending, depth = _skin(signal, rng)
        signal, mask_depth = (signal, mask_depth) if "skin" in without else (ending, depth)
    arteries = _distract(signal, depth, noise, mixed, rng, without)
    allowed = depth > 0.8
    if mixed.shallow and rng.random() < mixed.shallow and (depth < SHALLOW_MM).any():
        # Calcifications near the skin are few in patients, and what is around them is like nowhere else.
        allowed &= depth < SHALLOW_MM
    truth = _calcify(signal, allowed, exposure, mixed, rng, "shapes" not in without)
    image = exposure.noisy(numpy.clip(signal, 0, 1), SPACING_MM, rng)
    _mark_film(image, noise * _middling(signal), rng, without)
    stored = as_exported(image, rng, windows="hard windows" not in without)
    if "exports" in without:
        stored = numpy.rint(numpy.clip(image, 0, 1) * WHITE).astype(numpy.uint16)
    # The mask found in an image is not exact to the pixel either.
    return Tile(stored, mask_depth > rng.uniform(-0.3, 0.4), tuple(truth), arteries)


def _middling(signal: Field) -> float:
    """What a pixel's noise is multiplied by at the median signal."""
    return float(numpy.sqrt(max(float(numpy.median(signal)), 0.05)))


def _target(image: Field, ingredient: str, without: Collection[str]) -> Field:
    """Where an ingredient is drawn: on a copy if it is left out, for its random numbers are drawn all the same."""
    return image.copy() if ingredient in without else image


def _distract(
    signal: Field,
    depth: Field,
    noise: float,
    mixed: Mixture,
    rng: numpy.random.Generator,
    without: Collection[str],
) -> NDArray[numpy.bool_]:
    """Add what is no calcification to report, in place; heights follow the noise at a middling signal. Returns where
    arteries are."""
    typical = noise * _middling(signal)
    specks = _target(signal, "soft specks", without)
    add_specks(specks, depth > 2, SPACING_MM, int(rng.integers(0, 30)), 2.5 * typical, rng)
    if rng.random() < mixed.crossings:
        peak = typical * float(numpy.exp(rng.uniform(numpy.log(0.7), numpy.log(6))))
        add_crossings(_target(signal, "line crossings", without), SPACING_MM, peak, rng)
    plain = signal.copy()
    if rng.random() < mixed.vascular:
        arteries = _target(signal, "vascular calcification", without)
        for _ in range(int(rng.integers(1, mixed.vessels + 1))):
            peak = typical * float(numpy.exp(rng.uniform(numpy.log(2), numpy.log(mixed.vessel_snr))))
            mixed.vessel(arteries, SPACING_MM, peak, rng)
    calcified: NDArray[numpy.bool_] = signal - plain >= typical
    if "skin" not in without:
        signal[depth <= 0] = 0
    if rng.random() < 0.3:
        metal = _target(signal, "metal", without)
        for _ in range(int(rng.integers(1, 4))):
            add_metal(metal, depth, SPACING_MM, rng)
    return calcified


def _mark_film(image: Field, deviation: float, rng: numpy.random.Generator, without: Collection[str]) -> None:
    """Add what never went through the breast, in place."""
    film = _target(image, "film marks", without)
    if rng.random() < 0.08:
        add_hot_pixels(film, deviation, rng)
    if rng.random() < 0.08:
        add_film_marks(film, deviation, rng)


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


def soft_edge(side: int, softness_mm: float, rng: numpy.random.Generator) -> Field:
    """A soft step across a tile of `side` x `side` pixels of 0.1 mm, 0 .. 1: the border of the pectoral muscle."""
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


def _calcify(
    signal: Field,
    allowed: NDArray[numpy.bool_],
    exposure: Exposure,
    mixed: Mixture,
    rng: numpy.random.Generator,
    shapes: bool,
) -> list[Calcification]:
    """Add clusters and single calcifications of all shapes, sizes and contrasts in place; return the truth."""
    truth = []
    clean = signal.copy()
    blur_mm = rng.uniform(0.04, 0.12)
    inner = allowed & _away_from_border(len(signal), MARGIN)
    typical: dict[int | None, Kind] = {}
    for row, column, cluster in distribute(inner, int(rng.integers(0, 4)), int(rng.integers(2, 14)), SPACING_MM, rng):
        if cluster is None or cluster not in typical:
            typical[cluster] = mixed.kinds.draw(cluster is not None, rng)
        kind = typical[cluster]
        diameter = float(numpy.clip(kind.diameter_mm * numpy.exp(rng.normal(0, 0.3)), 0.12, 2.4))
        before = None if shapes or kind.shape == "irregular" else deepcopy(rng)
        drawn = calcification(kind.shape, diameter, SPACING_MM, blur_mm, rng)
        if not _fits(drawn, row, column, len(signal)):
            continue
        detectability = kind.detectability * float(numpy.exp(rng.normal(0, 0.3)))
        if before is not None:  # the random numbers that follow are those of the kind
            drawn = calcification("irregular", diameter, SPACING_MM, blur_mm, before)
            if not _fits(drawn, row, column, len(signal)):
                continue
        half = drawn.profile.shape[0] // 2
        deviation = float(exposure.deviation(clean[row, column]))
        peak = drawn.peak(detectability) * deviation
        peak = min(peak, max(0.97 - float(clean[row, column]), 0.02))
        signal[row - half : row + half + 1, column - half : column + half + 1] += peak * drawn.profile
        truth.append(
            Calcification(
                row + drawn.row_offset,
                column + drawn.column_offset,
                drawn.diameter_mm,
                peak * WHITE,
                peak / max(deviation, 1e-6),
                cluster,
            )
        )
    return truth


def _fits(drawn: Speck, row: int, column: int, side: int) -> bool:
    half = drawn.profile.shape[0] // 2
    return bool(min(row, column) >= half and max(row, column) + half < side)


def _away_from_border(side: int, margin: int) -> NDArray[numpy.bool_]:
    inner = numpy.zeros((side, side), bool)
    inner[margin : side - margin, margin : side - margin] = True
    return inner
