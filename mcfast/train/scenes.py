"""Images at 0.1 mm with the places that a patch classifier is asked about, and the patches there for any input.

As Bria et al. (2018) do, a positive is the patch centred on a calcification and a negative any other place of the
breast; no candidate stage comes between. The same places serve every input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from mcfast.canonical import at_canonical, headroom
from mcfast.detect.classify import candidate_patches
from mcfast.detect.mask import breast_mask
from mcfast.detect.noise_units import flattened, in_noise
from mcfast.detect.propose import NOISE_MM, SKIN_MM, Candidates
from mcfast.detect.residual import FLOOR, local_statistics
from mcfast.dicom.grayscale import window
from mcfast.evaluate.truth import ImageTruth, Mark
from mcfast.footprints import disk
from mcfast.mammogram import Mammogram
from mcfast.ops import erode, gather_patches
from mcfast.phantom import tile
from mcfast.train.inputs import CLAHE_TILE_PX, INPUTS

__all__ = ["UNITS", "Scene", "Units", "in_noise", "patches_at", "scene_of", "scene_of_tile"]

Units = Literal["intensity", "noise"]
UNITS: tuple[Units, ...] = ("intensity", "noise")
Places = NDArray[numpy.int32]
SPACING_MM = 0.1
SIDE = 12
APART_MM = 1.5  # a patch whose centre is nearer to a calcification may show part of it
WHITE = 65535.0


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """`image` (H, W) uint16 at 0.1 mm with its `white`; `mask` (H, W) bool, the breast; `positives` (P, 2) int32, the
    pixels of the calcifications; `others` (K, 2), what else is known to be there; `tile`, of CLAHE."""

    image: NDArray[numpy.uint16]
    mask: NDArray[numpy.bool_]
    white: float
    positives: Places
    others: NDArray[numpy.float64]
    tile: tuple[int, int] | None

    def negatives(self, stride: int = 1) -> Places:
        """(N, 2) places of the breast, every `stride`-th pixel of every `stride`-th row: below the skin, away from the
        image's border, and none within 1.5 mm of a calcification. O(N P)."""
        inner = erode(self.mask.view(numpy.uint8), disk(round(SKIN_MM / SPACING_MM))).view(bool)
        border = SIDE // 2
        inner[:border] = inner[-border:] = inner[:, :border] = inner[:, -border:] = False
        places = numpy.argwhere(inner[::stride, ::stride]).astype(numpy.int32) * stride
        for row, column in numpy.concatenate([self.positives, self.others]):
            distance = numpy.hypot(places[:, 0] - row, places[:, 1] - column)
            places = places[distance * SPACING_MM >= APART_MM]
        return numpy.ascontiguousarray(places, numpy.int32)


def scene_of_tile(rng: numpy.random.Generator, side: int) -> Scene:
    """A training tile of `mcfast.phantom.tile`."""
    drawn = tile(rng, side=side)
    marks = numpy.array([(one.row, one.column) for one in drawn.calcifications])
    return Scene(drawn.image, drawn.mask, WHITE, _pixels(marks, drawn.image), numpy.empty((0, 2)), CLAHE_TILE_PX)


def scene_of(mammogram: Mammogram, truth: ImageTruth, known: Sequence[Mark] = ()) -> Scene:
    """A whole mammogram; truth and `known` are in its own pixels."""
    image, valid, scale = at_canonical(window(mammogram), mammogram, SPACING_MM)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = breast_mask(image, SPACING_MM, max_value=white, valid=valid)
    marks, others = (_centres(some, scale) for some in (truth.calcifications, known))
    return Scene(image, mask, white, _pixels(marks, image), others, None)


def patches_at(scene: Scene, label: str, units: Units, places: Sequence[Places]) -> list[NDArray[Any]]:
    """(N, 1, 12, 12) patches around each of some lists of (N, 2) places, as the input of that label shows them.

    `"intensity"`: uint16 of 0 .. 65535 for black to white. `"noise"`: float32, the local mean taken off, in units of
    the noise around the place, as the shipped detector sees its candidates. O(pixels + N).
    """
    image = INPUTS[label](scene.image, scene.white, scene.tile)
    if units == "intensity":
        cut = [gather_patches(image, some, SIDE, std=scene.white / WHITE) for some in places]
        return [numpy.rint(numpy.clip(patches, 0, WHITE)).astype(numpy.uint16) for patches in cut]
    return _patches_in_noise(image, scene, places)


def _patches_in_noise(image: NDArray[numpy.uint16], scene: Scene, places: Sequence[Places]) -> list[NDArray[Any]]:
    residual = flattened(image, scene.mask, scene.white)
    if residual is None:
        return [numpy.zeros((len(some), 1, SIDE, SIDE), numpy.float32) for some in places]
    noise = local_statistics(residual.values, residual.inner, round(NOISE_MM / SPACING_MM))
    origin = numpy.array(residual.origin, numpy.int32)
    last = numpy.array(residual.values.shape, numpy.int32) - 1
    cut = []
    for some in places:
        # Calcifications in the skin lie outside of what is flattened.
        inside = numpy.clip(some - origin, 0, last)
        deviation = numpy.maximum(noise.at(inside)[1], numpy.float32(FLOOR))
        found = Candidates(inside + origin, deviation, deviation, residual)
        cut.append(candidate_patches(found, side=SIDE, scales=1))
    return cut


def _centres(marks: Sequence[Mark], scale: tuple[float, float]) -> NDArray[numpy.float64]:
    centres = numpy.array([mark.corners.mean(axis=0) for mark in marks], numpy.float64).reshape(-1, 2)
    moved: NDArray[numpy.float64] = (centres + 0.5) * numpy.array(scale) - 0.5
    return moved


def _pixels(centres: NDArray[Any], image: NDArray[Any]) -> Places:
    last = numpy.array(image.shape) - 1
    pixels: Places = numpy.clip(numpy.rint(centres.reshape(-1, 2)), 0, last).astype(numpy.int32)
    return pixels
