"""The model card that training writes beside `vgg12.onnx`."""

from __future__ import annotations

from typing import Any

__all__ = ["model_card", "sensitivity_table"]

_CARD = """\
# vgg12 {version}

Tells calcifications from other bright spots in mammograms. **Research use only**, not for diagnosis.

{facts}

## Unseen phantoms

Sensitivity per calcification in percent, by false marks per image; {images} phantoms of 3328 x 2560 pixels at 0.07 mm
with {calcifications} calcifications, many at the noise level. A mark within 0.5 mm hits; a second mark on the same one
is neutral.

{table}

"top-hat" is the white top-hat by a disk of 0.9 mm alone, "LoG" the candidates' response alone. At the default score
limit of {min_score:g}: {at_sensitivity:.0%} of the calcifications, {at_false:.2f} false marks per image.
"""

_FACTS = {
    "network": (
        "two pairs of 3x3 convolutions with {maps} maps, 2x2 max-pooling after each pair, {hidden} hidden units, "
        "dropout; {parameters} parameters; after the VGG-like network of Bria et al. (2018), whose widths may differ"
    ),
    "input": (
        "(n, 1, 12, 12) float32: 12 x 12 pixels of 0.1 mm around a candidate, the local mean taken off, divided by the "
        "standard deviation of the 4 mm around it, clipped to -8 .. 24 (`mcfast.detect.classify`)"
    ),
    "output": "(n, 1) float32, probability of a calcification",
    "training data": (
        "{tiles} tiles of {side} x {side} px and {phantoms} phantoms of `mcfast.phantom`: {positives} candidates on "
        "calcifications and {others} others; no image of a patient"
    ),
    "candidates": "multi-scale Laplacian of Gaussian in units of local noise, the same code as at run time",
    "recipe": (
        "binary cross-entropy; AdamW, one cycle up to {learning_rate:g}, weight decay {weight_decay:g}; {epochs} "
        "epochs of all calcifications and {ratio:g} times as many others, batches of {batch}; quarter turns, mirror, "
        "contrast and level varied; seed {seed}"
    ),
    "calibration": (
        "slope {slope:.3f} and offset {offset:.3f} of the logit, fitted on all candidates of {calibrating} other "
        "phantoms, folded into the last layer"
    ),
    "reproduce": "`python -m mcfast.train detector --out out/train --seed {seed}`",
}

_MINI_MIAS = """
## Real film: mini-MIAS

{images} digitised films at 0.2 mm with {circles} circled clusters (Suckling et al. 1994), brought to 0.1 mm, at the
default configuration. Nothing was trained on them (the breast mask was checked on them). At 0.2 mm most calcifications
are a pixel or two, and what the detector sees of them is interpolated. One circle (mdb212) lies in air.

| | |
|---|---|
| circles hit by a cluster | {hit_by_cluster:.0%} |
| circles hit by any calcification | {hit_by_calcification:.0%} |
| false clusters per image | {false_clusters_per_image:.2f} |
"""

_LIMITS = """
## Limits

- Trained on phantoms alone. On real mammograms the score is an ordering, not a probability that holds.
- Calcifications within 2 mm of the skin or 0.6 mm of the image's border are not looked for.
- Vascular calcifications, and metal or skin markers of their size, are marked as well. Crossings of thin bright lines
  can be marked by mistake.
- Coarse calcifications above 2 mm may be missed or marked more than once.
- Images must come at 0.1 mm; film and strongly sharpened images give more false marks.
"""


def model_card(metrics: dict[str, Any], version: str) -> str:
    """The card as Markdown, from what `train_detector` returns."""
    test = metrics["test"]
    values = {**metrics["recipe"], **metrics["calibration"], **metrics}
    values["others"] = metrics["patches"] - metrics["positives"]
    facts = ["| | |", "|---|---|", *(f"| {name} | {text.format(**values)} |" for name, text in _FACTS.items())]
    head = _CARD.format(
        version=version,
        facts="\n".join(facts),
        images=test["images"],
        calcifications=test["calcifications"],
        table=sensitivity_table(test),
        min_score=test["default"]["min_score"],
        at_sensitivity=test["default"]["sensitivity"],
        at_false=test["default"]["false_per_image"],
    )
    film = _MINI_MIAS.format(**metrics["mini_mias"]) if metrics.get("mini_mias") else ""
    return head + film + _LIMITS


def sensitivity_table(test: dict[str, Any]) -> str:
    """Methods down, false marks per image across, percent."""
    rates = test["false_per_image"]
    lines = ["| detector | " + " | ".join(str(rate) for rate in rates) + " |", "|---" * (len(rates) + 1) + "|"]
    for method, values in test["sensitivity"].items():
        lines.append(f"| {method} | " + " | ".join(f"{100 * value:.0f}" for value in values) + " |")
    return "\n".join(lines)
