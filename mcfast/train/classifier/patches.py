"""Patches of a grid that do not overlap, and whether each holds a calcification: patch-level marks.

Kahnouei et al. (2022): a mammogram is divided into patches of fixed size, and one with calcifications in it is a
positive. Here at 0.1 mm and in units of the local noise, as the detector sees; the grid covers the breast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.truth import ImageTruth, Mark, distance_to
from mcfast.mammogram import Mammogram
from mcfast.train.detector.own_images import DIAMETER_MM
from mcfast.train.scenes import SPACING_MM, in_noise, scene_of

__all__ = ["BREAST", "GridPatches", "cut_patches", "deal", "grid", "join_patches", "patch_labels"]

BREAST = 0.25
"""The least share of a patch that is breast: one with less says little about it."""

Boxes = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class GridPatches:
    """`pixels` (N, 1, side, side) float16 as networks see them, `positive` (N,) bool, `patients` (N,) str."""

    pixels: NDArray[numpy.float16]
    positive: NDArray[numpy.bool_]
    patients: NDArray[numpy.str_]

    def part(self, some: NDArray[Any]) -> GridPatches:
        """Some of them, by index or as (N,) bool."""
        return GridPatches(self.pixels[some], self.positive[some], self.patients[some])


def join_patches(parts: Sequence[GridPatches]) -> GridPatches:
    """All parts as one."""
    return GridPatches(
        numpy.concatenate([part.pixels for part in parts]),
        numpy.concatenate([part.positive for part in parts]),
        numpy.concatenate([part.patients for part in parts]),
    )


def deal(patches: GridPatches, seed: int) -> NDArray[numpy.int8]:
    """(N,) part that each patch belongs to: 0 to train on, 1 to calibrate by, 2 to test; a patient's are in one part.

    Of ten patients with a positive seven, one and two, and of those without as well; fewer than three are trained on.
    """
    rng = numpy.random.default_rng([seed, 0xDEA1])
    _, owner = numpy.unique(patches.patients, return_inverse=True)
    holds = numpy.bincount(owner, patches.positive) > 0
    part = numpy.zeros(len(holds), numpy.int8)
    for kind in (True, False):
        order = rng.permutation(numpy.flatnonzero(holds == kind))
        if len(order) >= 3:
            asked, tested = max(1, len(order) // 10), max(1, len(order) // 5)
            part[order[:asked]] = 1
            part[order[asked : asked + tested]] = 2
    dealt: NDArray[numpy.int8] = part[owner]
    return dealt


def cut_patches(mammogram: Mammogram, truth: ImageTruth, side: int) -> GridPatches:
    """The patches of a mammogram's breast, without those of which the marks do not tell what they hold.

    `truth` is in the mammogram's own pixels; an outlined cluster in which no calcification is marked counts as one at
    its middle. `side` is in pixels of 0.1 mm. No patch where the image is smaller than one, or shows no breast.
    O(pixels).
    """
    scene = scene_of(mammogram, truth)
    origins = grid(scene.mask, side)
    scale = numpy.array(mammogram.spacing_mm) / SPACING_MM
    labels = patch_labels(origins, side, _boxes((*truth.calcifications, *_bare(truth)), scale))
    origins, labels = origins[labels >= 0], labels[labels >= 0]
    seen = in_noise(scene.image, scene.mask, scene.white).astype(numpy.float16)
    pixels = numpy.empty((len(origins), 1, side, side), numpy.float16)
    for patch, (row, column) in zip(pixels, origins, strict=True):
        patch[0] = seen[row : row + side, column : column + side]
    return GridPatches(pixels, labels == 1, numpy.full(len(origins), truth.patient or truth.name))


def grid(mask: NDArray[numpy.bool_], side: int) -> NDArray[numpy.int64]:
    """(N, 2) first rows and columns of patches of side x side pixels that tile the breast.

    As many as cover the (H, W) mask's bounding box, centred on it, but inside the image and without overlap, so that at
    an image's border less than a patch may be left out. Patches with less than a quarter of breast are dropped.
    """
    starts = []
    for axis in (0, 1):
        filled = numpy.flatnonzero(mask.any(axis=1 - axis))
        if len(filled) == 0:
            return numpy.empty((0, 2), numpy.int64)
        first, last = int(filled[0]), int(filled[-1]) + 1
        count = min(-(-(last - first) // side), mask.shape[axis] // side)
        begin = min(max((first + last - count * side) // 2, 0), mask.shape[axis] - count * side)
        starts.append(begin + side * numpy.arange(count))
    places = numpy.stack(numpy.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
    share = numpy.array([mask[row : row + side, column : column + side].mean() for row, column in places])
    kept: NDArray[numpy.int64] = places[share >= BREAST]
    return kept


def patch_labels(origins: NDArray[Any], side: int, boxes: Boxes) -> NDArray[numpy.int8]:
    """(N,) labels of patches: 1 with a mark's centre in it, -1 with only some of a mark, else 0.

    Parameters
    ----------
    origins
        (N, 2) first rows and columns.
    side
        Of the patches, in pixels.
    boxes
        (M, 3, 2): of each mark the centre, the first and the last row and column, in pixels whose centres are integers.

    O(N M).
    """
    low = numpy.asarray(origins, numpy.float64).reshape(-1, 1, 2) - 0.5
    high = low + side
    centre, first, last = boxes[None, :, 0], boxes[None, :, 1], boxes[None, :, 2]
    holds = numpy.any(((centre >= low) & (centre < high)).all(axis=2), axis=1)
    touches = numpy.any(((last >= low) & (first < high)).all(axis=2), axis=1)
    return numpy.where(holds, 1, numpy.where(touches, -1, 0)).astype(numpy.int8)


def _bare(truth: ImageTruth) -> list[Mark]:
    """Outlines of clusters without a marked calcification in them: all that is known of those."""
    if not truth.calcifications:
        return list(truth.outlined)
    centres = numpy.array([mark.corners.mean(axis=0) for mark in truth.calcifications])
    return [mark for mark in truth.outlined if (distance_to(mark, centres, (1.0, 1.0)) > 0).all()]


def _boxes(marks: Sequence[Mark], scale: NDArray[numpy.float64]) -> Boxes:
    """Of marks in an image's own pixels, at 0.1 mm; a point has the usual diameter of one."""
    boxes = numpy.empty((len(marks), 3, 2))
    for box, mark in zip(boxes, marks, strict=True):
        corners = (mark.corners + 0.5) * scale - 0.5
        around = DIAMETER_MM / SPACING_MM / 2 if mark.is_point else 0.0
        box[:] = corners.mean(axis=0), corners.min(axis=0) - around, corners.max(axis=0) + around
    return boxes
