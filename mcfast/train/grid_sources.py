"""Where patches of a grid come from: phantoms, mammograms with marks, or patches that were cut and labelled before."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy

from mcfast.canonical import at_canonical, headroom
from mcfast.dicom.grayscale import window
from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate.comparison import phantom_truth
from mcfast.evaluate.sr_report import read_image
from mcfast.evaluate.truth import ImageTruth
from mcfast.mammogram import Mammogram
from mcfast.rasters import read_array
from mcfast.reading import read
from mcfast.train.draw import mapped
from mcfast.train.grid_patches import GridPatches, cut_patches, join_patches
from mcfast.train.own_images import marked
from mcfast.train.patches import small_phantom
from mcfast.train.scenes import SPACING_MM, in_noise

__all__ = ["from_marked", "from_phantoms", "from_table"]

FIRST_PHANTOM = 4_000_000  # other trainings and the evaluation draw phantoms of other seeds
POSITIVE, NEGATIVE = ("1", "true", "yes"), ("0", "false", "no")
SMALLEST = 16  # pixels: a cluster of calcifications is wider

Progress = Callable[[int, int], None]
Row = tuple[Path, bool, str]


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
        A CSV file with a header and a line for each patch: `image` (a path, from the file's folder), `label` (1 with
        calcifications, 0 without) and, if there is, `patient`; or a folder with pictures in folders called 0 and 1.
    spacing_mm
        Of their pixels; `None` takes them as they are, for pixels of 0.1 mm.

    Raises
    ------
    InputError
        If there is no such table, a line is malformed, or a picture cannot be read, is not square or of another size.
    """
    rows = _rows(Path(path))
    parts: list[GridPatches] = []
    for file, positive, patient in rows:
        seen = _seen(_picture(file, spacing_mm))
        if parts and seen.shape != parts[0].pixels.shape[2:]:
            raise InputError(
                f"{file}: expected patches of one size, got {seen.shape} after {parts[0].pixels.shape[2:]} pixels of "
                "0.1 mm; make them one size"
            )
        if seen.shape[0] != seen.shape[1] or seen.shape[0] < SMALLEST:
            raise InputError(
                f"{file}: expected a square patch of at least {SMALLEST} pixels of 0.1 mm, got {seen.shape}; cut it so"
            )
        parts.append(GridPatches(seen[None, None], numpy.array([positive]), numpy.array([patient])))
        if progress is not None:
            progress(len(parts), len(rows))
    return join_patches(parts)


def _of_phantom(task: tuple[int, int]) -> GridPatches:
    number, side = task
    drawn = small_phantom(number)
    image = read_array(drawn.image, f"phantom {number}", spacing_mm=drawn.spacing_mm, bits=drawn.bits)
    return cut_patches(image, phantom_truth(drawn), side)


def _rows(path: Path) -> list[Row]:
    try:
        rows = _rows_of_folder(path) if path.is_dir() else _rows_of_csv(path)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read ({error.strerror}); give a table of patches") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{path}: is no CSV file in UTF-8 ({error}); give a table of patches") from error
    if not rows:
        raise InputError(f"{path}: no patch there; give a CSV file, or a folder of pictures in folders called 0 and 1")
    return rows


def _rows_of_folder(path: Path) -> list[Row]:
    files = sorted(file for file in path.rglob("*") if file.parent.name in ("0", "1") and file.is_file())
    shown = [file for file in files if not file.name.startswith(".")]
    return [(file, file.parent.name == "1", str(file.relative_to(path))) for file in shown]


def _rows_of_csv(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        lines = list(reader)
    if not {"image", "label"} <= set(reader.fieldnames or ()):
        raise InputError(f"{path}: expected columns image and label, got {', '.join(reader.fieldnames or ())}")
    rows = []
    for number, line in enumerate(lines, start=2):
        image, label = (line["image"] or "").strip(), (line["label"] or "").strip().lower()
        if not image or label not in POSITIVE + NEGATIVE:
            raise InputError(
                f"{path}: line {number}: expected an image and a label of 0 or 1, got {image!r}, {label!r}"
            )
        rows.append((path.parent / image, label in POSITIVE, line.get("patient") or image))
    return rows


def _picture(file: Path, spacing_mm: float | None) -> Mammogram:
    spacing = SPACING_MM if spacing_mm is None else spacing_mm
    if file.suffix.lower() != ".pgm":
        return read(file, spacing_mm=spacing, any_modality=True)
    try:
        image, _ = read_image(file)
    except FileNotFoundError as error:
        raise UnreadableError(f"{file}: cannot be read ({error.strerror}); mend the table") from error
    return read_array(image, str(file), spacing_mm=spacing)


def _seen(mammogram: Mammogram) -> numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float16]]:
    """A picture that is all breast, as networks see it."""
    image, valid, _ = at_canonical(window(mammogram), mammogram, SPACING_MM)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = numpy.ones(image.shape, bool) if valid is None else valid
    return in_noise(image, mask, white).astype(numpy.float16)
