"""Where patches of a grid come from: phantoms, mammograms with marks, or patches that were cut and labelled before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy

from mcfast.canonical import at_canonical, headroom
from mcfast.dicom.grayscale import window
from mcfast.errors import InputError
from mcfast.evaluate.comparison import phantom_truth
from mcfast.evaluate.patch_files import patch_files, read_patch
from mcfast.evaluate.truth import ImageTruth
from mcfast.mammogram import Mammogram
from mcfast.rasters import read_array
from mcfast.reading import read
from mcfast.train.classifier.patches import GridPatches, cut_patches, join_patches
from mcfast.train.detector.draw import mapped
from mcfast.train.detector.own_images import marked
from mcfast.train.patches import small_phantom
from mcfast.train.scenes import SPACING_MM, in_noise

__all__ = ["from_marked", "from_phantoms", "from_table"]

FIRST_PHANTOM = 4_000_000  # other trainings and the evaluation draw phantoms of other seeds
SMALLEST = 16  # pixels: a cluster of calcifications is wider

Progress = Callable[[int, int], None]


def from_phantoms(
    seed: int, count: int, side: int, *, workers: int = 1, progress: Progress | None = None
) -> GridPatches:
    """Patches of phantoms of half the usual field; the same for any number of worker processes."""
    first = FIRST_PHANTOM + 1000 * seed
    parts = []
    for part in mapped(_of_phantom, [(number, side) for number in range(first, first + count)], workers):
        parts.append(part)
        if progress is not None:
            progress(len(parts), count)
    return join_patches(parts)


def from_marked(
    files: Sequence[Path],
    truth: Sequence[ImageTruth],
    side: int,
    *,
    spacing_mm: float | None = None,
    progress: Progress | None = None,
) -> GridPatches:
    """Patches of mammograms as `mcfast.read` takes them; those without truth of the same name are left out.

    Every calcification should be marked: a patch without a mark counts as free of them. Raises `InputError` if a file
    cannot be read, none has truth, or there is no breast of a patch's size in any.
    """
    found = marked(files, truth)
    parts = []
    for _, file, marks in found:
        parts.append(cut_patches(read(file, spacing_mm=spacing_mm), marks, side))
        if progress is not None:
            progress(len(parts), len(found))
    patches = join_patches(parts)
    if len(patches.positive) == 0:
        raise InputError(
            f"from_marked(files): no patch of {side} x {side} pixels of 0.1 mm in {len(found)} images; give larger "
            "images, or a smaller side"
        )
    return patches


def from_table(path: str | Path, *, spacing_mm: float | None = None, progress: Progress | None = None) -> GridPatches:
    """Patches that are pictures of their own: square, all of one size, PNG, TIFF, PGM or DICOM.

    Parameters
    ----------
    path
        A table or folder of `mcfast.evaluate.patch_files`.
    spacing_mm
        Of their pixels; `None` takes them as they are, for pixels of 0.1 mm.

    Raises
    ------
    InputError
        If there is no such table, a line is malformed, or a picture cannot be read, is not square or of another size.
    """
    rows = patch_files(path)
    parts: list[GridPatches] = []
    for one in rows:
        file = one.file
        seen = _seen(read_patch(file, SPACING_MM if spacing_mm is None else spacing_mm))
        if parts and seen.shape != parts[0].pixels.shape[2:]:
            raise InputError(
                f"{file}: expected patches of one size, got {seen.shape} after {parts[0].pixels.shape[2:]} pixels of "
                "0.1 mm; make them one size"
            )
        if seen.shape[0] != seen.shape[1] or seen.shape[0] < SMALLEST:
            raise InputError(
                f"{file}: expected a square patch of at least {SMALLEST} pixels of 0.1 mm, got {seen.shape}; cut it so"
            )
        parts.append(GridPatches(seen[None, None], numpy.array([one.positive]), numpy.array([one.patient])))
        if progress is not None:
            progress(len(parts), len(rows))
    return join_patches(parts)


def _of_phantom(task: tuple[int, int]) -> GridPatches:
    number, side = task
    drawn = small_phantom(number)
    image = read_array(drawn.image, f"phantom {number}", spacing_mm=drawn.spacing_mm, bits=drawn.bits)
    return cut_patches(image, phantom_truth(drawn), side)


def _seen(mammogram: Mammogram) -> numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float16]]:
    """A picture that is all breast, as networks see it."""
    image, valid, _ = at_canonical(window(mammogram), mammogram, SPACING_MM)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = numpy.ones(image.shape, bool) if valid is None else valid
    return in_noise(image, mask, white).astype(numpy.float16)
