"""The same candidates for networks that are compared: images brought to the detector's grid once, and kept.

What networks of one window see does not depend on them, so of an image no more is kept than its candidates' patches,
their places, and the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.canonical import at_canonical, headroom
from mcfast.detect import DetectorConfig, breast_mask, propose
from mcfast.detect.classify import candidate_patches
from mcfast.detect.cluster import best_place
from mcfast.detect.suppression import suppress
from mcfast.dicom.grayscale import window
from mcfast.evaluate.cases import phantom_cases
from mcfast.evaluate.comparison import CANONICAL_MM, KNOWN_MM, breast_of
from mcfast.evaluate.distractors import DISTRACTORS, draw_distractors
from mcfast.evaluate.froc import HIT_MM, Matched, match
from mcfast.evaluate.insertion import insert
from mcfast.evaluate.looks import LOOKS, Look, exported, moved
from mcfast.evaluate.patch_files import LabelledFile, read_patch
from mcfast.evaluate.truth import Mark
from mcfast.mammogram import Mammogram
from mcfast.phantom.morphology import Shape
from mcfast.rasters import read_array

__all__ = [
    "FOUR_LOOKS",
    "PATCHES",
    "PHANTOMS",
    "SHAPES",
    "Exhibit",
    "exhibit",
    "image_score",
    "marks_on",
    "matched",
    "packed",
    "patch_exhibits",
    "phantom_exhibits",
    "seen_in_looks",
    "unpacked",
]

FOUR_LOOKS = tuple(
    one for one in LOOKS if one.name in ("0.11 mm", "0.14 mm, soft", "0.11 mm, hard window", "0.14 mm, dark fat")
)
PHANTOMS, PATCHES, SHAPES = "phantoms", "patches", "rods, branches and rims"
SIDE = 12
CLUSTERS, SINGLES = 4, 14
UNUSUAL: dict[Shape, float] = {"rod": 0.4, "branch": 0.2, "rim": 0.4}

Points = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Exhibit:
    """The candidates of one image.

    Attributes
    ----------
    group, patient
        What it is compared with, and whose it is.
    positive
        Whether there are calcifications.
    places, patches
        (N, 2) pixels at 0.1 mm, and (N, 1, 12, 12) float16 as `candidate_patches` gives them.
    counted
        (N,) bool: not on what is known to be there besides the truth.
    truth
        (T, 2) pixels at 0.1 mm: calcifications, or points on what should not be marked.
    """

    group: str
    patient: str
    positive: bool
    places: Points
    patches: NDArray[numpy.float16]
    counted: NDArray[numpy.bool_]
    truth: Points


def exhibit(
    mammogram: Mammogram,
    group: str,
    patient: str,
    truth: Sequence[Mark] = (),
    known: Sequence[Mark] = (),
    *,
    positive: bool = True,
) -> Exhibit:
    """Find the candidates as the engine does; marks are points in the mammogram's own pixels."""
    config = DetectorConfig()
    image, valid, scale = at_canonical(window(mammogram), mammogram, CANONICAL_MM)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = breast_mask(image, CANONICAL_MM, max_value=white, valid=valid)
    found = propose(image, mask, threshold=config.threshold, limit=config.limit, max_value=white)
    places = found.positions.astype(numpy.float64)
    wanted, others = (_centres(marks, scale) for marks in (truth, known))
    reach = KNOWN_MM / CANONICAL_MM
    counted = (_nearest(places, wanted) <= reach) | (_nearest(places, others) > reach)
    patches = candidate_patches(found, side=SIDE, scales=1).astype(numpy.float16)
    return Exhibit(group, patient, positive, places, patches, counted, wanted)


def _centres(marks: Sequence[Mark], scale: tuple[float, float]) -> Points:
    centres = numpy.array([mark.corners.mean(axis=0) for mark in marks], numpy.float64).reshape(-1, 2)
    there: Points = (centres + 0.5) * numpy.array(scale) - 0.5
    return there


def _nearest(places: Points, marks: Points) -> Points:
    apart = numpy.hypot(*(places[:, None] - marks[None]).transpose(2, 0, 1))
    nearest: Points = apart.min(axis=1, initial=numpy.inf)
    return nearest


def seen_in_looks(mammogram: Mammogram, patient: str, *, seed: int, known: Sequence[Mark] = ()) -> list[Exhibit]:
    """Draw calcifications into a mammogram and export it in four looks, as `mcfast.evaluate.robustness.see` does; and,
    in the first of these, rods, branches and rims alone, or each of `DISTRACTORS` instead."""
    image, mask = breast_of(mammogram)
    own_mm, name = sum(mammogram.spacing_mm) / 2, mammogram.source.name
    options: dict[str, Any] = {"max_value": float((1 << mammogram.bits) - 1), "seed": seed}
    drawing: dict[str, Any] = {**options, "name": name, "clusters": CLUSTERS, "singles": SINGLES}

    def seen(values: NDArray[numpy.uint16], look: Look, group: str, drawn: Sequence[Mark]) -> Exhibit:
        pixels = exported(values, mask, own_mm, look, seed=seed)
        marks, others = ([moved(one, own_mm, look) for one in some] for some in (drawn, known))
        return exhibit(read_array(pixels, name, spacing_mm=look.spacing_mm, bits=8), group, patient, marks, others)

    first = FOUR_LOOKS[0]
    drawn, truth = insert(image, mask, own_mm, **drawing)
    found = [seen(drawn, look, look.name, truth.calcifications) for look in FOUR_LOOKS]
    drawn, truth = insert(image, mask, own_mm, shapes=UNUSUAL, **drawing)
    found.append(seen(drawn, first, SHAPES, truth.calcifications))
    for one in DISTRACTORS:
        drawn, places = draw_distractors(one, image, mask, own_mm, **options)
        found.append(_near_truth(seen(drawn, first, one, places)))
    return found


def _near_truth(one: Exhibit) -> Exhibit:
    """Without the candidates that no mark on the truth depends on: most of them."""
    reach = 2 * max(HIT_MM, DetectorConfig().apart_mm) / CANONICAL_MM
    near = _nearest(one.places, one.truth) <= reach
    return replace(one, places=one.places[near], patches=one.patches[near], counted=one.counted[near])


def phantom_exhibits(count: int, progress: Callable[[int, int], None] | None = None) -> list[Exhibit]:
    """Phantoms of full size that no training has seen."""
    found = []
    for index, case in enumerate(phantom_cases(count)):
        mammogram, truth, _ = case.load()
        found.append(exhibit(mammogram, PHANTOMS, truth.patient, truth.calcifications))
        if progress is not None:
            progress(index + 1, count)
    return found


def patch_exhibits(files: Sequence[LabelledFile], spacing_mm: float | None) -> list[Exhibit]:
    """Pictures of labelled patches, each an image of its own."""
    return [exhibit(read_patch(one.file, spacing_mm), PATCHES, one.patient, positive=one.positive) for one in files]


def matched(one: Exhibit, scores: NDArray[Any]) -> Matched:
    """Hold the marks of (N,) scores against the truth: places of candidates, none within 0.4 mm of a better one."""
    kept = suppress(one.places, scores, DetectorConfig().apart_mm / CANONICAL_MM)
    kept = kept[one.counted[kept]]
    return match(one.places[kept], scores[kept], one.truth, HIT_MM / CANONICAL_MM)


def marks_on(one: Exhibit, scores: NDArray[Any], limit: float) -> int:
    """How many marks above a limit lie within 0.5 mm of the truth's points, all counted."""
    kept = suppress(one.places, scores, DetectorConfig().apart_mm / CANONICAL_MM)
    kept = kept[scores[kept] > limit]
    return int((_nearest(one.places[kept], one.truth) <= HIT_MM / CANONICAL_MM).sum())


def image_score(one: Exhibit, probabilities: NDArray[Any]) -> float:
    """The image's score as the engine has it: that of its best place, 0 .. 1."""
    config = DetectorConfig()
    kept = suppress(one.places, probabilities, config.apart_mm / CANONICAL_MM)
    return best_place(one.places[kept], probabilities[kept], config.link_mm / CANONICAL_MM)


def packed(exhibits: Sequence[Exhibit]) -> dict[str, NDArray[Any]]:
    """All as a few arrays, for a file."""
    return {
        "group": numpy.array([one.group for one in exhibits]),
        "patient": numpy.array([one.patient for one in exhibits]),
        "positive": numpy.array([one.positive for one in exhibits], bool),
        "lengths": numpy.array([(len(one.places), len(one.truth)) for one in exhibits]).reshape(-1, 2),
        **{
            name: numpy.concatenate([getattr(one, name) for one in exhibits])
            for name in ("places", "patches", "counted", "truth")
        },
    }


def unpacked(arrays: dict[str, NDArray[Any]]) -> list[Exhibit]:
    """What `packed` took."""
    candidates, calcifications = numpy.cumsum(arrays["lengths"], axis=0)[:-1].T
    columns = [
        arrays["group"].tolist(),
        arrays["patient"].tolist(),
        arrays["positive"].tolist(),
        *(numpy.split(arrays[name], candidates) for name in ("places", "patches", "counted")),
        numpy.split(arrays["truth"], calcifications),
    ]
    return [Exhibit(*row) for row in zip(*columns, strict=True)]
