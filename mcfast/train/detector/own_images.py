"""Training patches from images and marks of one's own: for a detector that knows one's own detector and archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy
from numpy.typing import NDArray

from mcfast.canonical import at_canonical, headroom
from mcfast.detect import breast_mask, propose
from mcfast.dicom.grayscale import window
from mcfast.errors import InputError
from mcfast.evaluate.pairing import paired
from mcfast.evaluate.truth import ImageTruth, Mark, distance_to
from mcfast.phantom import Calcification
from mcfast.reading import read
from mcfast.train.patches import SPACING_MM, Patches, chosen, join

__all__ = ["DIAMETER_MM", "OUTLINE_MM", "from_images", "marked"]

DIAMETER_MM = 0.5  # of a mark whose outline is not known
OUTLINE_MM = 1.0  # around a cluster's outline: what is so near may be one of its calcifications


def from_images(
    files: Sequence[Path],
    truth: Sequence[ImageTruth],
    *,
    negatives: int = 500,
    spacing_mm: float | None = None,
    seed: int = 0,
) -> Patches:
    """Candidates of images, those on marked calcifications as positives.

    Parameters
    ----------
    files
        Mammograms as `mcfast.read` takes them; those without truth of their name are left out.
    truth
        Of `mcfast.evaluate.truth_files.read_truth`. Every calcification should be marked: what is not counts as none,
        but in the outline of a cluster and within 1 mm of it, where nothing is known of what has no mark of its own.
    negatives
        Candidates taken from each image besides its calcifications, half of them the strongest.
    spacing_mm
        For files whose header tells none.
    seed
        Decides which of the others.

    Raises
    ------
    InputError
        If a file cannot be read, none has truth, or no candidate lies on a marked calcification: an outline says that
        there are some, but not which.
    """
    found = marked(files, truth)
    patches = join(
        [
            _patches(file, marks, negatives, spacing_mm, numpy.random.default_rng([seed, index]))
            for index, file, marks in found
        ]
    )
    if not patches.positive.any():
        single = sum(len(marks.calcifications) for _, _, marks in found)
        outlines = sum(len(marks.outlined) for _, _, marks in found)
        raise InputError(
            f"from_images(truth): expected a candidate on a marked calcification, got none in {len(found)} images with "
            f"{single} marks and {outlines} outlines of clusters; mark single calcifications in the images' own pixels"
        )
    return patches


def marked(files: Sequence[Path], truth: Sequence[ImageTruth]) -> list[tuple[int, Path, ImageTruth]]:
    """The files that have truth (`mcfast.evaluate.pairing`), numbered as given, with it.

    Raises `InputError` if none has, or it is not clear which.
    """
    pairs = paired(truth, [file.stem for file in files])
    marks = {name: image for image, name in pairs if name is not None}
    found = [(index, file, marks[file.stem]) for index, file in enumerate(files) if file.stem in marks]
    if not found:
        raise InputError(f"from_images(truth): none of {len(files)} images has marks; name them like the files")
    return found


def _patches(
    file: Path, truth: ImageTruth, negatives: int, spacing_mm: float | None, rng: numpy.random.Generator
) -> Patches:
    mammogram = read(file, spacing_mm=spacing_mm)
    small, valid, scale = at_canonical(window(mammogram), mammogram, SPACING_MM)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = breast_mask(small, SPACING_MM, max_value=white, valid=valid)
    candidates = propose(small, mask, threshold=1.5, limit=4000, max_value=white)
    calcifications = []
    for mark in truth.calcifications:
        row, column = ((mark.corners.mean(axis=0) + 0.5) * scale - 0.5).tolist()
        across = numpy.ptp(mark.corners, axis=0) * scale * SPACING_MM
        diameter = DIAMETER_MM if mark.is_point else max(float(across.mean()), 0.1)
        calcifications.append(Calcification(row, column, diameter, 0.0, 0.0, mark.cluster))
    return chosen(candidates, calcifications, negatives, rng, _outlined(candidates.positions, truth.outlined, scale))


def _outlined(
    positions: NDArray[numpy.int32], outlines: Sequence[Mark], scale: tuple[float, float]
) -> NDArray[numpy.bool_]:
    """(N,) whether pixels at 0.1 mm lie in outlines, in the image's own pixels, or within 1 mm of them."""
    near = numpy.zeros(len(positions), bool)
    for outline in outlines:
        corners = (outline.corners + 0.5) * numpy.array(scale) - 0.5
        reach = OUTLINE_MM / SPACING_MM
        # An overlay's outline has thousands of corners, and most candidates are far from it.
        inside_box = (positions >= corners.min(axis=0) - reach) & (positions <= corners.max(axis=0) + reach)
        some = numpy.flatnonzero(inside_box.all(axis=1) & ~near)
        distance = distance_to(Mark(corners), positions[some], (SPACING_MM, SPACING_MM))
        near[some[distance <= OUTLINE_MM]] = True
    return near
