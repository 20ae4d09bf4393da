"""The model card of `context24`, which training writes beside it."""

from __future__ import annotations

from typing import Any

from mcfast.detect.context import ASKED, CELL_MM, SIDE
from mcfast.train.detector.card import course, fact_table

__all__ = ["context_card"]

_CARD = """\
# context24 {version}

Tells calcifications from what the detector's other networks mark wrongly, by what lies around: calcifications lie in
groups or alone, specks of a calcified artery in a row. **Research use only**, not for diagnosis.

{facts}

## Unseen tiles

{marks} marks above a score of 0.05 on {images} tiles, {calcifications} on calcifications and {arteries} on calcified
arteries. The area under the ROC curve by the score alone is {score:.3f}, by what lies around alone
{context:.3f}, by both, as the detector takes them together, {both:.3f}.

Real images: `docs/evaluation.md`.

## Limits

- Trained on phantoms alone, whose arteries wind and break less variously than patients'.
- It looks at the {asked} best marks of an image. It knows no image: where few candidates lie around, it says little.
- A row of calcifications along a duct may lose some of its score, as part of an artery would.
"""

_FACTS = {
    "network": "after the VGG-like network of Bria et al. (2018) (`mcfast.nets.context24`); {maps} maps, {hidden} "
    "hidden units; {parameters} parameters",
    "input": "(n, 2, {cells}, {cells}) float32: the strongest response and the highest log-odds of the candidates in "
    "cells of {cell_mm} mm around a mark (`mcfast.detect.context`)",
    "output": "(n, 1) float32, probability of a calcification among as many other marks",
    "training data": "{all_marks} marks on {tiles} tiles of {side} x {side} px of `mcfast.phantom` (mixture "
    "`arteries`), {positives} of them on calcifications; no image of a patient",
    "recipe": "binary cross-entropy; {course}; {epochs} epochs of all calcifications and {ratio:g} times as many "
    "others, batches of {batch}; quarter turns, mirror; seed {seed}",
    "calibration": "slope {slope:.3f} and offset {offset:.3f} of the logit, fitted on other tiles, folded into the "
    "last layer",
    "reproduce": "`mcfast train detector --out out/train --seed {seed}`",
}


def context_card(metrics: dict[str, Any], version: str) -> str:
    """The card as Markdown, from what `train_context` returns."""
    recipe, test = metrics["recipe"], metrics["test"]
    facts = fact_table(
        _FACTS,
        {
            **recipe,
            **metrics["calibration"],
            "parameters": metrics["parameters"],
            "positives": metrics["positives"],
            "all_marks": metrics["marks"],
            "seed": metrics["seed"],
            "course": course(recipe),
            "cells": SIDE,
            "cell_mm": CELL_MM,
        },
    )
    return _CARD.format(
        version=version,
        facts=facts,
        marks=test["marks"],
        calcifications=test["calcifications"],
        arteries=test["arteries"],
        images=recipe["tested"],
        asked=ASKED,
        **test["auc"],
    )
