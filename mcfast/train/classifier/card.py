"""The model card that training writes beside a patch classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcfast.evaluate.binary import MEASURES
from mcfast.train.detector.card import course, fact_table

__all__ = ["measure_table", "model_card"]

_CARD = """\
# {network} {version}

Says of a patch of {millimetres:g} mm of a mammogram whether it holds calcifications, not where. **Research use only**,
not for diagnosis.

{facts}

## Unseen patches

In percent, with 95 % intervals of a bootstrap by patient (phantom); none of these patients was trained on. At the limit
of 0.5, but for the area under the ROC curve.

{table}

## Limits

- {warning}
- Patches must come at 0.1 mm, in units of the local noise (`mcfast.train.scenes.in_noise`).
- A patch is a positive if the centre of one calcification lies in it; one that holds only some of a mark was left out.
- How sure it is depends on how often patches hold calcifications: here as often as in the patches it was calibrated by.
"""

_NETWORKS = {
    "resnet50": "ResNet-50 (He et al. 2016) on patches that do not overlap, as Kahnouei et al. (2022)",
    "resnet18": "ResNet-18 (He et al. 2016)",
}

_FACTS = {
    "network": "{described}; {maps} maps in the first stage; {parameters} parameters; starts at {begin}",
    "input": (
        "(n, 1, {side}, {side}) float32: pixels of 0.1 mm, the local mean taken off, divided by the standard deviation "
        "of the 6 mm around each, clipped to -8 .. 24"
    ),
    "output": "(n, 1) float32, probability that the patch holds a calcification",
    "training data": "{trained} patches, {with_calcifications} with calcifications, of {origin}",
    "recipe": (
        "binary cross-entropy; {course}; {epochs} epochs of all patches with calcifications and {ratio:g} times as "
        "many others, batches of {batch}; quarter turns, mirror, contrast and level varied; seed {seed}"
    ),
    "calibration": (
        "slope {slope:.3f} and offset {offset:.3f} of the logit, fitted on {asked} patches of other patients, folded "
        "into the last layer"
    ),
    "reproduce": (
        "`mcfast train patch-classifier --network {network} --maps {maps} --side {side} --phantoms {phantoms} --epochs "
        "{epochs} --batch {batch} --seed {seed} --threads {threads} --out out/train`{more}: {seconds:.0f} s"
    ),
}

_PHANTOMS = "Trained on phantoms alone. On real mammograms the score is an ordering at best."
_PATIENTS = "Weights may hold traces of the images they were trained on: those of patients are not to be published."
_NAMES = MEASURES | {"auc": "area under the ROC curve"}


def model_card(metrics: dict[str, Any], version: str) -> str:
    """The card as Markdown, from what `train_patch_classifier` returns."""
    recipe, own = metrics["recipe"], metrics["own"]
    origin = [
        *([f"{recipe['phantoms']} phantoms of `mcfast.phantom`"] if recipe["phantoms"] else []),
        *(["the user's images"] if own else []),
    ]
    values = {
        **metrics,
        **recipe,
        **metrics["calibration"],
        "described": _NETWORKS[recipe["network"]],
        "begin": "given weights" if metrics["started"] else "random",
        "trained": metrics["patches"][0],
        "with_calcifications": metrics["positives"][0],
        "asked": metrics["patches"][1],
        "origin": " and ".join(origin),
        "course": course(recipe),
        "more": " with the same images, or table instead of side and phantoms" if own else "",
    }
    return _CARD.format(
        network=recipe["network"],
        version=version,
        millimetres=round(recipe["side"] * 0.1, 1),
        facts=fact_table(_FACTS, values),
        table=measure_table(metrics["test"]),
        warning=_PATIENTS if own else _PHANTOMS,
    )


def measure_table(test: Mapping[str, Mapping[str, Any]]) -> str:
    """Measures down, sources across, percent with intervals."""
    heads = [f"{name}: {one['patches']}, {one['positives']} with, of {one['patients']}" for name, one in test.items()]
    lines = ["| patches | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, words in _NAMES.items():
        cells = [_percent(one["measures"][name]) for one in test.values()]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _percent(measure: Mapping[str, float | None]) -> str:
    value, low, high = (measure[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "not known"
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
