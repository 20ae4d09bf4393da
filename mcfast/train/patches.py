"""Training patches: what the candidate stage finds in tiles and phantoms, labelled by the truth."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.classify import candidate_patches
from mcfast.detect.mask import breast_mask
from mcfast.detect.propose import Candidates, propose
from mcfast.ops import resample
from mcfast.phantom import Calcification, Phantom, mammogram, tile
from mcfast.phantom.mixture import MixtureName
from mcfast.phantom.record import Laterality, View
from mcfast.phantom.tiles import INGREDIENTS, Tile

__all__ = [
    "Patches",
    "canonical",
    "chosen",
    "every_negative",
    "from_phantom",
    "from_tile",
    "join",
    "labels_of",
    "small_phantom",
]

SPACING_MM = 0.1
WHITE = 65535.0  # of tiles
PHANTOM_WHITE = 4095.0


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """`pixels` (N, 2, 24, 24) float16 as networks see them (their own sides may be smaller), `positive` (N,) bool.

    `target` (N,) float32 is the probability to learn where that is not simply the truth.
    """

    pixels: NDArray[numpy.float16]
    positive: NDArray[numpy.bool_]
    target: NDArray[numpy.float32] | None = None

    def view(self, scales: int, side: int) -> Patches:
        """The part that a network of so many scales and so large a side looks at."""
        begin = self.pixels.shape[2] // 2 - side // 2
        inner = slice(begin, begin + side)
        return Patches(self.pixels[:, :scales, inner, inner], self.positive, self.target)

    def aims(self) -> NDArray[numpy.float32]:
        """(N,) what to learn: the target, else 0 and 1 by the truth."""
        return self.positive.astype(numpy.float32) if self.target is None else self.target


def join(parts: Sequence[Patches]) -> Patches:
    """All parts as one."""
    aimed = any(part.target is not None for part in parts)
    return Patches(
        numpy.concatenate([part.pixels for part in parts]),
        numpy.concatenate([part.positive for part in parts]),
        numpy.concatenate([part.aims() for part in parts]) if aimed else None,
    )


def from_tile(
    rng: numpy.random.Generator,
    *,
    side: int,
    negatives: int,
    mixture: MixtureName = "usual",
    without: Collection[str] = (),
) -> Patches:
    """Draw a tile and take its calcifications and `negatives` other candidates, half of them the strongest.

    `without` is the recipe's `drawn_without`.
    """
    drawn = _tile(rng, side, mixture, without)
    candidates = propose(
        drawn.image, drawn.mask, threshold=1.5, limit=side * side // 100, max_value=WHITE, even_tone=False
    )
    return chosen(candidates, drawn.calcifications, negatives, rng, hardest="hardest negatives" not in without)


def from_phantom(
    phantom: Phantom, rng: numpy.random.Generator, *, negatives: int, without: Collection[str] = ()
) -> Patches:
    """The same for a whole phantom, with the mask that detection would use."""
    image, calcifications = canonical(phantom)
    mask = breast_mask(image, SPACING_MM, max_value=PHANTOM_WHITE)
    candidates = propose(image, mask, threshold=1.5, limit=4000, max_value=PHANTOM_WHITE, even_tone=False)
    return chosen(candidates, calcifications, negatives, rng, hardest="hardest negatives" not in without)


def small_phantom(seed: int) -> Phantom:
    """A phantom of half the usual field, of a random view and spacing; the same for one seed."""
    rng = numpy.random.default_rng([seed, 0xDE7])
    spacing = float(rng.choice([0.05, 0.07, 0.085, 0.1]))
    view: View = "CC" if rng.random() < 0.5 else "MLO"
    side: Laterality = "L" if rng.random() < 0.5 else "R"
    shape = (round(160 / spacing), round(110 / spacing))
    return mammogram(seed, shape=shape, spacing_mm=spacing, view=view, laterality=side)


def canonical(phantom: Phantom) -> tuple[NDArray[numpy.uint16], tuple[Calcification, ...]]:
    """A phantom's image at 0.1 mm, and its calcifications in pixels of that image."""
    scale = phantom.spacing_mm / SPACING_MM
    image: NDArray[numpy.uint16] = resample(phantom.image, scale) if scale != 1 else phantom.image
    moved = tuple(
        Calcification(
            (one.row + 0.5) * scale - 0.5,
            (one.column + 0.5) * scale - 0.5,
            one.diameter_mm,
            one.contrast,
            one.contrast_to_noise,
            one.cluster,
        )
        for one in phantom.calcifications
    )
    return image, moved


def every_negative(
    rng: numpy.random.Generator, *, side: int, mixture: MixtureName = "usual", without: Collection[str] = ()
) -> Patches:
    """All candidates of a tile that are no calcification, strongest first: what hard ones are picked from."""
    drawn = _tile(rng, side, mixture, without)
    candidates = propose(
        drawn.image, drawn.mask, threshold=1.5, limit=side * side // 100, max_value=WHITE, even_tone=False
    )
    return _patches(candidates, numpy.flatnonzero(labels_of(candidates, drawn.calcifications) == 0), False)


def _tile(rng: numpy.random.Generator, side: int, mixture: MixtureName, without: Collection[str]) -> Tile:
    return tile(rng, side=side, mixture=mixture, without=[name for name in without if name in INGREDIENTS])


def chosen(
    candidates: Candidates,
    truth: Sequence[Calcification],
    negatives: int,
    rng: numpy.random.Generator,
    unknown: NDArray[numpy.bool_] | None = None,
    *,
    hardest: bool = True,
) -> Patches:
    """Every candidate on a calcification, and `negatives` others, none `unknown` (N,); half of them are the strongest
    unless not `hardest`."""
    labels = labels_of(candidates, truth)
    if unknown is not None:
        labels[unknown & (labels == 0)] = -1
    positive, negative = numpy.flatnonzero(labels == 1), numpy.flatnonzero(labels == 0)
    half = negatives // 2 if hardest else 0
    strongest, others = negative[:half], negative[half:]  # candidates come strongest first
    others = rng.permutation(others)[: negatives - len(strongest)]
    return join([_patches(candidates, positive, True), _patches(candidates, numpy.r_[strongest, others], False)])


def _patches(candidates: Candidates, some: NDArray[Any], positive: bool) -> Patches:
    picked = Candidates(
        candidates.positions[some], candidates.response[some], candidates.noise[some], candidates.residual
    )
    return Patches(candidate_patches(picked).astype(numpy.float16), numpy.full(len(some), positive))


def labels_of(candidates: Candidates, truth: Sequence[Calcification]) -> NDArray[Any]:
    """1 for the strongest candidate on each calcification, -1 for others near one, 0 for the rest."""
    labels = numpy.zeros(len(candidates), numpy.int8)
    best: list[int] = []
    for one in truth:
        distance = numpy.hypot(candidates.positions[:, 0] - one.row, candidates.positions[:, 1] - one.column)
        radius = one.diameter_mm / SPACING_MM / 2
        labels[distance < max(6.0, 1.7 * radius)] = -1
        on = numpy.flatnonzero(distance <= max(2.5, radius))
        best.extend(on[:1].tolist())
    labels[best] = 1
    return labels
