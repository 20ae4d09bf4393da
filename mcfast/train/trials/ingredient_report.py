"""The table of the trial of ingredients, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcfast.evaluate.distractors import DISTRACTORS
from mcfast.evaluate.gallery import PATCHES, PHANTOMS, SHAPES
from mcfast.train.detector.recipe import INGREDIENTS

__all__ = ["ingredient_table"]

LOOKS = "looks"


def ingredient_table(report: Mapping[str, Any]) -> str:
    """What was trained, and a row for each network of what `ingredient_trial` returns.

    Sensitivities in percent at 1 / 5 / 20 false marks per image; the difference to everything in the mean of the three,
    with its 95 % interval over images, that of each start, and the p-value of none; of labelled patches the AUC; and
    marks per image on what should not be marked, above the limit that gives the first look one false mark per image.
    """
    recipe, rows = report["recipe"], report["rows"]
    sets = [name for name in (LOOKS, SHAPES, PHANTOMS) if name in rows[0]["rates"]]
    heads = ["without", "what instead"]
    for name in sets:
        heads += [f"{name}, 1 / 5 / 20", "difference", "each start", "p"]
    if rows[0]["auc"] is not None:
        heads += ["AUC", "difference"]
    for name in rows[0]["marks"]:
        heads += [f"on {name}", "difference"]
    lines = [_words(report, recipe), "", _row(heads), "|---" * len(heads) + "|"]
    for row in rows:
        name = row["without"]
        cells = ["nothing", ""] if name is None else [name, INGREDIENTS[name]]
        for one in sets:
            apart = (row["difference"] or {}).get(one)
            cells += [" / ".join(f"{100 * rate:.1f}" for rate in row["rates"][one][:-1]), _interval(apart, 100, 1)]
            each = zip(row["by_start"][one], rows[0]["by_start"][one], strict=True)
            cells.append("" if apart is None else ", ".join(f"{100 * (part - whole):+.1f}" for part, whole in each))
            cells.append("" if apart is None or apart["p_value"] is None else f"{apart['p_value']:.3f}")
        if row["auc"] is not None:
            cells += [f"{row['auc']:.3f}", _interval((row["difference"] or {}).get(PATCHES), 1, 3)]
        for one, marks in row["marks"].items():
            cells += [f"{marks:.1f}", _interval((row["difference"] or {}).get(one), 1, 1)]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _words(report: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    images = report["images"]
    words = [
        f"{recipe['network']}, {recipe['epochs']} epochs of {recipe['tiles']} tiles and {recipe['phantoms']} phantoms; "
        f"means of {report['starts']} starts."
    ]
    looks = [name for name in images if name not in (PHANTOMS, PATCHES, SHAPES, *DISTRACTORS)]
    if looks:
        marks = sum(report["calcifications"].get(name, 0) for name in looks)
        words.append(
            f"Looks: {images[looks[0]]} images in {len(looks)} looks ({'; '.join(looks)}), {marks} calcifications."
        )
    if SHAPES in images:
        words.append(f"{SHAPES.capitalize()} alone, in the first look: {report['calcifications'][SHAPES]}.")
    if PHANTOMS in images:
        words.append(f"Unseen phantoms: {images[PHANTOMS]}, {report['calcifications'][PHANTOMS]} calcifications.")
    if PATCHES in images:
        words.append(f"Labelled patches: {images[PATCHES]}.")
    return " ".join(words)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _interval(one: Mapping[str, Any] | None, scale: float, digits: int) -> str:
    if one is None:
        return ""
    # Adding 0 turns a rounded -0 into 0.
    value, low, high = (
        "?" if one[key] is None else f"{round(scale * one[key], digits) + 0.0:.{digits}f}"
        for key in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"
