"""Results of `mcfast run` held against the truth: everything that is said about detection, with intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate.binary import confusion
from mcfast.evaluate.bootstrap import DRAWS, Interval, bootstrap
from mcfast.evaluate.calibration import reliability
from mcfast.evaluate.froc import FALSE_PER_IMAGE, Froc, Matched, match_clusters, match_marks
from mcfast.evaluate.pairing import paired
from mcfast.evaluate.patients import patient_from
from mcfast.evaluate.plain import plain
from mcfast.evaluate.roc import auc, mean_sensitivity, operating_point, roc
from mcfast.evaluate.truth import ImageTruth

__all__ = ["CELL_MM", "Findings", "evaluate_detection", "findings_of", "read_results", "spread_sensitivity"]

CELL_MM = 0.5  # side of the cells that stand for "places that could have been marked" in S(1e-6, 1e-1)


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What was found in one image.

    `places` (N, 2) rows and columns in pixels, `scores` (N,), `clusters` the places of each cluster's members with
    `cluster_scores`; `image_score`, the (rows, columns) `shape` and (row, column) `spacing_mm`.
    """

    name: str
    places: NDArray[numpy.float64]
    scores: NDArray[numpy.float64]
    clusters: tuple[NDArray[numpy.float64], ...]
    cluster_scores: tuple[float, ...]
    image_score: float
    shape: tuple[int, int]
    spacing_mm: tuple[float, float]


def read_results(folder: str | Path) -> list[Findings]:
    """The findings in every `result.json` at or below a folder (or in that one file), by name.

    An image that failed has no findings: all its calcifications are missed, which an evaluation must not hide.

    Raises
    ------
    UnreadableError
        If there is none, or one cannot be read.
    """
    folder = Path(folder)
    files = [folder] if folder.is_file() else sorted(folder.rglob("result.json"))
    if not files:
        raise UnreadableError(f"{folder}: no result.json at or below it; give the folder of mcfast run --out")
    return sorted((_findings(file) for file in files), key=lambda one: one.name)


def _findings(file: Path) -> Findings:
    try:
        return findings_of(json.loads(file.read_text("utf-8")))
    except OSError as error:
        raise UnreadableError(f"{file}: cannot be read ({error.strerror}); run mcfast again") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"{file}: is no result of mcfast run ({error!r:.80}); run mcfast again") from error


def findings_of(content: dict[str, Any]) -> Findings:
    """The findings in the JSON form of a `Result`. Raises `KeyError`, `TypeError` or `ValueError` if it is none."""
    calcifications, image = content["calcifications"], content["image"] or {}
    places = numpy.array([(one["row"], one["col"]) for one in calcifications], numpy.float64).reshape(-1, 2)
    member = numpy.array([one["cluster"] or 0 for one in calcifications], int)
    clusters = content["clusters"]
    return Findings(
        Path(content["source"]["name"]).stem,
        places,
        numpy.array([one["score"] for one in calcifications], numpy.float64),
        tuple(places[member == one["id"]] for one in clusters),
        tuple(float(one["score"]) for one in clusters),
        float(content["score"] or 0.0),
        (int(image.get("rows", 1)), int(image.get("columns", 1))),
        tuple(image.get("spacing_mm", (1.0, 1.0))),
    )


def evaluate_detection(
    results: Sequence[Findings],
    truth: Sequence[ImageTruth],
    *,
    patients: Mapping[str, str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """Hold results against the truth.

    Parameters
    ----------
    results, truth
        Of the same images, matched by name (`mcfast.evaluate.pairing`).
    patients
        By the results' names: whose images they are; `None` takes what the truth tells.
    draws, seed
        Of the bootstrap by patient.

    Returns
    -------
    For JSON: `"images"`, `"calcifications"`, `"clusters"` (counts), `"hit_rule"`, and, where the truth allows it,
    `"per_calcification"` and `"per_cluster"` (sensitivity with 95 % interval at each rate of false positives, S(1e-6,
    1e-1) of Bria et al. over cells of 0.5 mm, the curve), `"per_image"` (AUC, operating point and its confusion
    matrix), `"calibration"` of the calcifications' scores.

    Raises
    ------
    InputError
        If an image of the truth has no result, or several that could be its own, or `patients` leaves it out.
    """
    pairs = _pairs(results, truth)
    truth = [image for _, image in pairs]
    whose = [image.patient or image.name for image in truth]
    if patients is not None:
        whose = [patient_from(patients, one.name) for one, _ in pairs]
    report: dict[str, Any] = {
        "images": len(pairs),
        "patients": len(set(whose)),
        "calcifications": sum(len(image.calcifications) for image in truth),
        "clusters": sum(len(image.clusters) for image in truth),
        "hit_rule": "0.5 mm of a point, 0.3 mm of an outline; clusters: two members within 1 mm of the outline",
    }
    if report["calcifications"]:
        matched = [match_marks(one.places, one.scores, image.calcifications, _mm(one, image)) for one, image in pairs]
        cells = [one.shape[0] * one.shape[1] * one.spacing_mm[0] * one.spacing_mm[1] / CELL_MM**2 for one, _ in pairs]
        report["per_calcification"] = _froc(matched, whose, draws, seed, cells)
        report["calibration"] = _calibration(matched)
    if report["clusters"]:
        matched = [
            match_clusters(one.clusters, one.cluster_scores, image.clusters, _mm(one, image)) for one, image in pairs
        ]
        report["per_cluster"] = _froc(matched, whose, draws, seed, None)
    holds = numpy.array([bool(image.calcifications or image.outlined) for image in truth])
    if holds.any() and not holds.all():
        scores = numpy.array([one.image_score for one, _ in pairs])
        report["per_image"] = _per_image(scores, holds, whose, draws, seed)
    known: dict[str, Any] = plain(report)
    return known


def _pairs(results: Sequence[Findings], truth: Sequence[ImageTruth]) -> list[tuple[Findings, ImageTruth]]:
    found = {one.name: one for one in results}
    named = paired(truth, list(found))
    missing = [image.name for image, name in named if name is None]
    if missing or not truth:
        listed = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise InputError(f"evaluate_detection(results): no result for {listed or 'any image'}; run mcfast on them too")
    return [(found[name], image) for image, name in named if name is not None]


def _mm(one: Findings, image: ImageTruth) -> tuple[float, float]:
    return image.spacing_mm or one.spacing_mm


def _froc(
    matched: Sequence[Matched], patients: Sequence[str], draws: int, seed: int, cells: Sequence[float] | None
) -> dict[str, Any]:
    curve = Froc(matched)

    def measure(images: NDArray[numpy.int64]) -> list[float]:
        values = curve.at(FALSE_PER_IMAGE, images)
        if cells is None:
            return values
        return [*values, spread_sensitivity([matched[i] for i in images], sum(cells[i] for i in images))]

    intervals, _ = bootstrap(measure, patients, draws=draws, seed=seed)
    report: dict[str, Any] = {
        "false_per_image": list(FALSE_PER_IMAGE),
        "sensitivity": [asdict(one) for one in intervals[: len(FALSE_PER_IMAGE)]],
        "curve": {
            "threshold": curve.thresholds.tolist(),
            "false_per_image": curve.false_per_image.tolist(),
            "sensitivity": curve.sensitivity.tolist(),
        },
    }
    if cells is not None:
        report["mean_sensitivity"] = asdict(intervals[-1])
    return report


def spread_sensitivity(matched: Sequence[Matched], cells: float) -> float:
    """S(1e-6, 1e-1): the sensitivity over the share of the images' cells that are marked falsely."""
    total = sum(one.total for one in matched)
    if total == 0:
        return float("nan")
    scores = numpy.concatenate([values for one in matched for values in (one.hits, one.false)])
    hit = numpy.concatenate([numpy.arange(len(one.hits) + len(one.false)) < len(one.hits) for one in matched])
    missed = total - int(hit.sum())
    # What was never marked lies below everything that was.
    lowest = float(scores.min()) - 1 if len(scores) else 0.0
    curve = roc(
        numpy.r_[scores, numpy.full(missed, lowest)],
        numpy.r_[hit, numpy.ones(missed, bool)],
        negatives=max(cells, int((~hit).sum()), 1),
    )
    found = curve.thresholds > lowest
    curve.sensitivity[~found] = curve.sensitivity[found].max()
    return mean_sensitivity(curve)


def _calibration(matched: Sequence[Matched]) -> dict[str, Any] | None:
    scores = numpy.concatenate([values for one in matched for values in (one.hits, one.false)])
    if len(scores) == 0:
        return None
    hit = numpy.concatenate([numpy.arange(len(one.hits) + len(one.false)) < len(one.hits) for one in matched])
    found = reliability(scores, hit)
    return {
        "bins": [
            {"count": int(count), "predicted": float(predicted), "observed": float(observed)}
            for count, predicted, observed in zip(found.counts, found.predicted, found.observed, strict=True)
            if count
        ],
        "expected_calibration_error": found.error,
        "brier": found.brier,
    }


def _per_image(
    scores: NDArray[numpy.float64], holds: NDArray[numpy.bool_], patients: Sequence[str], draws: int, seed: int
) -> dict[str, Any]:
    def measure(images: NDArray[numpy.int64]) -> list[float]:
        some = holds[images]
        return [auc(scores[images], some) if some.any() and not some.all() else float("nan")]

    intervals, _ = bootstrap(measure, patients, draws=draws, seed=seed)
    curve = roc(scores, holds)
    threshold, sensitivity, specificity = operating_point(curve)
    area: Interval = intervals[0]
    return {
        "auc": asdict(area),
        "operating_point": {"threshold": threshold, "sensitivity": sensitivity, "specificity": specificity},
        "confusion": confusion(scores >= threshold, holds).as_dict(),
        "curve": {
            "false_positive_rate": curve.false_positive_rate.tolist(),
            "sensitivity": curve.sensitivity.tolist(),
        },
    }
