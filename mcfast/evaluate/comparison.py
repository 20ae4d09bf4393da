"""The shipped detector beside those without learning, on phantoms or on calcifications drawn into real mammograms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.canonical import at_canonical, headroom, mask_in_input
from mcfast.detect import DetectorConfig, breast_mask, classify, propose, weigh
from mcfast.detect.classify import Network
from mcfast.dicom.grayscale import window
from mcfast.evaluate.bootstrap import DRAWS, bootstrap, paired_p_value
from mcfast.evaluate.classical import Marks, blobs, log_maxima, tophat_maxima
from mcfast.evaluate.detection import CELL_MM, spread_sensitivity
from mcfast.evaluate.froc import FALSE_PER_IMAGE, Froc, Matched, match_marks
from mcfast.evaluate.insertion import insert
from mcfast.evaluate.truth import ImageTruth, Mark, distance_to, point
from mcfast.mammogram import Mammogram
from mcfast.ops import resample
from mcfast.rasters import read_array

__all__ = ["BLOBS", "OURS", "all_marks", "breast_of", "compare_methods", "match_found", "match_image", "with_inserted"]

OURS, BLOBS = "mcfast", "OpenCV blob detector"
CANONICAL_MM = 0.1
KNOWN_MM = 1.0
EXPORTS_MM = (0.085, 0.14)
"""Spacings at which images with inserted calcifications are looked at: those of detectors and archives."""


def all_marks(
    mammogram: Mammogram, network: Network, context: Network | None = None
) -> tuple[dict[str, Marks], tuple[float, float]]:
    """Marks of every method in pixels at 0.1 mm, and the (row, column) scale that brought the image there.

    `network` and `context` are as `mcfast.detect.detect` has them.
    """
    config = DetectorConfig()
    image, valid, scale = at_canonical(window(mammogram), mammogram, CANONICAL_MM)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = breast_mask(image, CANONICAL_MM, max_value=white, valid=valid)
    candidates = propose(image, mask, threshold=config.threshold, limit=config.limit, max_value=white)
    scores = classify(candidates, network)
    scores, kept = weigh(candidates, scores, CANONICAL_MM, mask=mask, config=config, context=context)
    found = {
        OURS: (candidates.positions[kept], scores[kept]),
        "LoG in local noise units": log_maxima(candidates),
        "top-hat": tophat_maxima(image, mask, white),
        "dehazed top-hat": tophat_maxima(image, mask, white, dehazed=True),
    }
    blob = blobs(image, mask)
    return found if blob is None else {**found, BLOBS: blob}, scale


def match_image(
    mammogram: Mammogram,
    truth: ImageTruth,
    network: Network,
    known: Sequence[Mark] = (),
    *,
    context: Network | None = None,
) -> dict[str, Matched]:
    """Hold every method's marks against the truth; false ones within 1 mm of what is `known` to be there do not count.

    Truth and `known` are in the mammogram's own pixels; `network` and `context` are as `mcfast.detect.detect` has them.
    """
    found, scale = all_marks(mammogram, network, context)
    return {method: match_found(*marks, scale, mammogram, truth, known) for method, marks in found.items()}


def match_found(
    positions: NDArray[Any],
    scores: NDArray[Any],
    scale: tuple[float, float],
    mammogram: Mammogram,
    truth: ImageTruth,
    known: Sequence[Mark] = (),
) -> Matched:
    """The same for one method: its (N, 2) positions in pixels at `scale` times the mammogram's, and (N,) scores."""
    places = (positions + 0.5) / numpy.array(scale) - 0.5
    spacing = mammogram.spacing_mm
    near = [distance_to(mark, places, spacing) for mark in truth.calcifications]
    old = [distance_to(mark, places, spacing) for mark in known]
    on = numpy.min(near, axis=0) <= 1.0 if near else numpy.zeros(len(places), bool)
    left_out = numpy.min(old, axis=0) <= KNOWN_MM if old else numpy.zeros(len(places), bool)
    counted = on | ~left_out
    return match_marks(places[counted], scores[counted], truth.calcifications, spacing)


def breast_of(mammogram: Mammogram) -> tuple[NDArray[numpy.uint16], NDArray[numpy.bool_]]:
    """The windowed image, and its breast at its own pixels as detection finds it at 0.1 mm."""
    image = window(mammogram)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    small, valid, scale = at_canonical(image, mammogram, CANONICAL_MM)
    coarse = breast_mask(small, CANONICAL_MM, max_value=white, valid=valid)
    return image, numpy.ascontiguousarray(mask_in_input(coarse, image.shape, scale))


def with_inserted(
    mammogram: Mammogram, spacing_mm: float, seed: int, known: Sequence[Mark] = ()
) -> tuple[Mammogram, ImageTruth, list[Mark]]:
    """The mammogram with calcifications drawn in, as an 8-bit export at a spacing; its truth, and `known` in it."""
    image, mask = breast_of(mammogram)
    white = float((1 << mammogram.bits) - 1)
    own_mm = sum(mammogram.spacing_mm) / 2
    drawn, truth = insert(image, mask, own_mm, max_value=white, name=mammogram.source.name, seed=seed)
    factor = own_mm / spacing_mm
    top = float(numpy.percentile(drawn[mask], 99.95)) if mask.any() else white
    export = resample(numpy.minimum(drawn.astype(numpy.float32) / max(top, 1.0), 1.0), factor)
    pixels = numpy.rint(export * 255).astype(numpy.uint8)

    def moved(mark: Mark) -> Mark:
        return Mark((mark.corners + 0.5) * factor - 0.5, mark.cluster)

    marks = tuple(moved(mark) for mark in truth.calcifications)
    exported = read_array(pixels, truth.name, spacing_mm=spacing_mm, bits=8)
    return exported, ImageTruth(truth.name, marks, (), truth.patient), [moved(mark) for mark in known]


def compare_methods(
    matched: Sequence[dict[str, Matched]],
    patients: Sequence[str],
    cells: Sequence[float],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    base: str = OURS,
) -> dict[str, Any]:
    """Sensitivity at the usual rates and S(1e-6, 1e-1) of every method, with intervals; `base` against each in pairs.

    `matched` and `patients` are one per image, `cells` the number of 0.5 mm cells of each; `base` is the first method.
    For JSON: by method `"sensitivity"`, `"mean_sensitivity"`, and `"p_value"` of the latter's difference to `base`.
    """
    report: dict[str, Any] = {"false_per_image": list(FALSE_PER_IMAGE), "methods": {}}
    samples: dict[str, NDArray[numpy.float64]] = {}
    for method in matched[0]:
        images = [one[method] for one in matched]
        intervals, drawn = bootstrap(_measure(images, cells), patients, draws=draws, seed=seed)
        samples[method] = drawn[:, -1]
        report["methods"][method] = {
            "sensitivity": [asdict(one) for one in intervals[:-1]],
            "mean_sensitivity": asdict(intervals[-1]),
            "p_value": None if method == base else paired_p_value(samples[base], drawn[:, -1]),
        }
    return report


def _measure(images: Sequence[Matched], cells: Sequence[float]) -> Callable[[NDArray[numpy.int64]], list[float]]:
    curve = Froc(images)

    def measure(chosen: NDArray[numpy.int64]) -> list[float]:
        spread = spread_sensitivity([images[i] for i in chosen], sum(cells[i] for i in chosen))
        return [*curve.at(FALSE_PER_IMAGE, chosen), spread]

    return measure


def cells_of(mammogram: Mammogram) -> float:
    """How many places of 0.5 mm an image has that could be marked."""
    rows, columns = mammogram.shape
    return rows * columns * mammogram.spacing_mm[0] * mammogram.spacing_mm[1] / CELL_MM**2


def phantom_truth(phantom: Any) -> ImageTruth:
    """The truth of a `mcfast.phantom.Phantom`."""
    marks = tuple(point(one.row, one.column, one.cluster) for one in phantom.calcifications)
    return ImageTruth(f"phantom {phantom.seed}", marks, (), f"phantom {phantom.seed}")
