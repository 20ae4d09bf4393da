"""The whole chain on exports of many looks: what the candidates let through, and what is found in the end.

Calcifications are drawn into mammograms, the same ones for every look, and the exports go through `Engine` as files do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.canonical import at_canonical, headroom
from mcfast.detect import breast_mask, propose
from mcfast.dicom.grayscale import window
from mcfast.engine import Engine
from mcfast.evaluate.bootstrap import DRAWS, bootstrap
from mcfast.evaluate.classical import log_maxima
from mcfast.evaluate.comparison import CANONICAL_MM, OURS, breast_of, match_found
from mcfast.evaluate.distractors import draw_distractors
from mcfast.evaluate.froc import HIT_MM, Froc, Matched
from mcfast.evaluate.insertion import insert
from mcfast.evaluate.looks import LOOKS, Look, exported, moved
from mcfast.evaluate.losses import losses
from mcfast.evaluate.truth import Mark
from mcfast.mammogram import Mammogram
from mcfast.ops import gaussian_blur
from mcfast.rasters import read_array

__all__ = ["CLEAR", "RATES", "Seen", "see", "summary"]

RATES = (1.0, 5.0, 20.0)
CLEAR = 5.0  # deviations of the noise: what stands out of it by so much is seen (Rose 1948)
FINE_MM, AROUND_MM = 0.2, 2.5  # the noise is what is finer than this, within so far
LOG = "LoG in local noise units"

Values = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One export.

    Attributes
    ----------
    look, patient
        What it was made to look like, and whose it is.
    matched
        Marks of each method held against the truth.
    contrast
        (T,) highest count that each calcification adds, in deviations of the noise finer than 0.2 mm around it.
    passed
        (T,) bool, whether a candidate lies within 0.5 mm.
    """

    look: Look
    patient: str
    matched: dict[str, Matched]
    contrast: Values
    passed: NDArray[numpy.bool_]


def see(
    mammogram: Mammogram,
    engine: Engine,
    *,
    seed: int,
    known: Sequence[Mark] = (),
    looks: Sequence[Look] = LOOKS,
    patient: str | None = None,
    among: str | None = None,
) -> list[Seen]:
    """Draw calcifications into a mammogram, export it in every look and let the engine find them.

    Parameters
    ----------
    mammogram
        A background; what is `known` to be in it, in its own pixels, does not count.
    engine
        Should report from low scores on, as `mcfast run --min-score 0.001` does.
    seed
        Decides what is drawn and the noise.
    looks
        Of `mcfast.evaluate.looks`.
    patient
        Whose image it is; `None` takes the image for a patient of its own.
    among
        What should not be marked and is drawn first, one of `mcfast.evaluate.distractors`; `None` draws nothing.
    """
    image, mask = breast_of(mammogram)
    white = float((1 << mammogram.bits) - 1)
    own_mm = sum(mammogram.spacing_mm) / 2
    if among is not None:
        image, _ = draw_distractors(among, image, mask, own_mm, max_value=white, seed=seed)
    name = mammogram.source.name
    drawn, truth = insert(image, mask, own_mm, max_value=white, name=name, seed=seed, clusters=4, singles=14)
    seen = []
    for look in looks:
        before, after = (exported(one, mask, own_mm, look, seed=seed) for one in (image, drawn))
        marks = [moved(mark, own_mm, look) for mark in truth.calcifications]
        export = read_array(after, name, spacing_mm=look.spacing_mm, bits=8)
        matched, passed = _searched(export, marks, [moved(mark, own_mm, look) for mark in known], engine)
        seen.append(
            Seen(look, patient or truth.patient, matched, _contrast(before, after, marks, look.spacing_mm), passed)
        )
    return seen


def _searched(
    export: Mammogram, marks: Sequence[Mark], known: Sequence[Mark], engine: Engine
) -> tuple[dict[str, Matched], NDArray[numpy.bool_]]:
    from mcfast.evaluate.truth import ImageTruth

    truth = ImageTruth(export.source.name, tuple(marks), (), export.source.name)
    found = engine(export).calcifications
    places = numpy.array([(one.row, one.col) for one in found]).reshape(-1, 2)
    scores = numpy.array([one.score for one in found], numpy.float64)
    small, valid, scale = at_canonical(window(export), export, CANONICAL_MM)
    brightest = 255.0 * headroom(export)
    mask = breast_mask(small, CANONICAL_MM, max_value=brightest, valid=valid)
    config = engine.config.detector
    candidates = propose(small, mask, threshold=config.threshold, limit=config.limit, max_value=brightest)
    at = numpy.array([mark.corners[0] for mark in marks]).reshape(-1, 2)
    there = ((at + 0.5) * numpy.array(scale) - 0.5)[:, None] - candidates.positions[None]
    near = numpy.hypot(there[..., 0], there[..., 1]) * CANONICAL_MM
    passed: NDArray[numpy.bool_] = near.min(axis=1, initial=numpy.inf) <= HIT_MM
    return {
        OURS: match_found(places, scores, (1.0, 1.0), export, truth, known),
        LOG: match_found(*log_maxima(candidates), scale, export, truth, known),
    }, passed


def _contrast(
    before: NDArray[numpy.uint8], after: NDArray[numpy.uint8], marks: Sequence[Mark], spacing_mm: float
) -> Values:
    added = after.astype(numpy.float32) - before
    plain = before.astype(numpy.float32)
    fine = numpy.abs(plain - gaussian_blur(plain, FINE_MM / spacing_mm))
    close, around = max(1, round(0.5 / spacing_mm)), round(AROUND_MM / spacing_mm)
    contrast = []
    for mark in marks:
        row, column = numpy.rint(mark.corners[0]).astype(int).tolist()
        peak = float(_window(added, row, column, close).max())
        # Of Gaussian noise the mean size is sqrt(2 / pi) deviations; what rounding hides has 0.29 counts.
        noise = max(float(_window(fine, row, column, around).mean()) * float(numpy.sqrt(numpy.pi / 2)), 0.29)
        contrast.append(peak / noise)
    return numpy.array(contrast, numpy.float64)


def _window(image: NDArray[Any], row: int, column: int, reach: int) -> NDArray[Any]:
    return image[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]


def summary(seen: Sequence[Seen], *, draws: int = DRAWS, seed: int = 0) -> list[dict[str, Any]]:
    """For JSON, one entry per look and one for all exports together, at one score limit for all.

    Each has the look's name, how many calcifications there are and how many of them clear (a contrast of 5), the shares
    of both that the candidates let through, the sensitivities at 1, 5 and 20 false marks per image of each method,
    with intervals by patient, and at which stage the others are lost (`mcfast.evaluate.losses`).
    """
    names = list(dict.fromkeys(one.look.name for one in seen))
    groups = [(name, [one for one in seen if one.look.name == name]) for name in names]
    return [_entry(name, some, draws, seed) for name, some in [*groups, ("all", list(seen))]]


def _entry(name: str, seen: Sequence[Seen], draws: int, seed: int) -> dict[str, Any]:
    passed = numpy.concatenate([one.passed for one in seen])
    clear = numpy.concatenate([one.contrast for one in seen]) >= CLEAR
    methods = {}
    for method in seen[0].matched:
        curve = Froc([one.matched[method] for one in seen])
        intervals, _ = bootstrap(
            lambda images, curve=curve: curve.at(RATES, images),  # type: ignore[misc]
            [one.patient for one in seen],
            draws=draws,
            seed=seed,
        )
        methods[method] = [asdict(one) for one in intervals]
    return {
        "look": name,
        "images": len(seen),
        "calcifications": len(passed),
        "clear": int(clear.sum()),
        "passed": float(passed.mean()) if len(passed) else None,
        "clear_passed": float(passed[clear].mean()) if clear.any() else None,
        "sensitivity": methods,
        "losses": losses(
            [one.matched[OURS] for one in seen], [one.passed for one in seen], [one.contrast for one in seen], RATES
        ),
    }
