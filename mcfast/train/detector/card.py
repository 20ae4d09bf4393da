"""The model card that training writes beside the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["course", "fact_table", "model_card", "sensitivity_table"]

_CARD = """\
# {network} {version}

Tells calcifications from other bright spots in mammograms. **Research use only**, not for diagnosis.

{facts}

## Unseen phantoms

Sensitivity per calcification in percent, by false marks per image; {images} phantoms of 3328 x 2560 pixels at 0.07 mm
with {calcifications} calcifications, many at the noise level. A mark within 0.5 mm hits; a second mark on the same one
is neutral.

{table}

"top-hat" is the white top-hat by a disk of 0.9 mm alone, "LoG" the candidates' response alone. At the default score
limit of {min_score:g}: {at_sensitivity:.0%} of the calcifications, {at_false:.2f} false marks per image.

Real images: `docs/evaluation.md`.
"""

_NETWORKS = {
    "vgg24": "VGG-like, 24 x 24 pixels, first convolution with stride 2 (`mcfast.nets.vgg24`)",
    "vgg12": "after the VGG-like network of Bria et al. (2018), whose widths may differ (`mcfast.nets.vgg12`)",
    "alexnet12": "after the AlexNet-like network of Bria et al. (2018), widths may differ (`mcfast.nets.alexnet12`)",
}

_FACTS = {
    "network": "{described}; {maps} maps, {hidden} hidden units; {parameters} parameters",
    "input": (
        "(n, {scales}, {side}, {side}) float32: pixels around a candidate, the local mean taken off, divided by the "
        "standard deviation of the 6 mm around it, clipped to -8 .. 24 (`mcfast.detect.classify`)"
    ),
    "output": "(n, 1) float32, probability of a calcification",
    "training data": (
        "{tiles} tiles of {tile_side} x {tile_side} px{mixtures} and {phantoms} phantoms of `mcfast.phantom`: "
        "{positives} candidates on calcifications and {others} others{picked}; {whose}"
    ),
    "candidates": "multi-scale Laplacian of Gaussian in units of local noise, the same code as at run time",
    "recipe": (
        "binary cross-entropy{aim}; {course}; {epochs} epochs of all calcifications and {ratio:g} times as many "
        "others, batches of {batch}; quarter turns, mirror, contrast and level varied{left_out}; seed {seed}"
    ),
    "calibration": (
        "slope {slope:.3f} and offset {offset:.3f} of the logit, fitted on all candidates of {calibrating} other "
        "phantoms, folded into the last layer"
    ),
    "reproduce": "`mcfast train detector --out out/train --seed {seed}`",
}

_AIM = (
    " to {truth:g} of the truth and {said:g} of what its teachers say ({teachers}; Hinton, Vinyals and Dean 2015, "
    "`mcfast.train.detector.distillation`)"
)

_LIMITS = """
## Limits

- Trained on phantoms alone. On real mammograms the score is an ordering, not a probability that holds.
- Calcifications within 0.6 mm of the breast's edge or 0.3 mm of the image's border are not looked for.
- Vascular calcifications and metal are meant to be left alone; some are marked all the same. So are knots where thin
  bright lines cross.
- Coarse calcifications above 2 mm may be missed or marked more than once.
- Images must come at 0.1 mm; the engine brings them there. Below about 0.15 mm per pixel it sees less than it could;
  above, calcifications are a pixel or two.
"""


def model_card(metrics: dict[str, Any], version: str) -> str:
    """The card as Markdown, from what `train_detector` returns."""
    test, recipe = metrics["test"], metrics["recipe"]
    values = {
        **metrics,
        **recipe,
        **metrics["calibration"],
        "described": _NETWORKS[recipe["network"]],
        "scales": metrics["looks"][0],
        "tile_side": recipe["side"],
        "side": metrics["looks"][1],
        "others": metrics["patches"] - metrics["positives"],
        "picked": f", {metrics['mined']} of them the hardest of {_mined(recipe)}" if metrics["mined"] else "",
        "course": course(recipe),
        "left_out": f"; left out: {', '.join(recipe['without'])}" if recipe.get("without") else "",
        "mixtures": " of each of two mixtures, the usual and the difficult,"
        if recipe["teachers"]
        else f" of the {recipe['mixture']} mixture",
        "aim": _AIM.format(truth=recipe["truth"], said=1 - recipe["truth"], teachers=", ".join(recipe["teachers"]))
        if recipe["teachers"]
        else "",
        "whose": f"and {metrics['own']} candidates of the user's images" if metrics["own"] else "no image of a patient",
    }
    head = _CARD.format(
        network=recipe["network"],
        version=version,
        facts=fact_table(_FACTS, values),
        images=test["images"],
        calcifications=test["calcifications"],
        table=sensitivity_table(test),
        min_score=test["default"]["min_score"],
        at_sensitivity=test["default"]["sensitivity"],
        at_false=test["default"]["false_per_image"],
    )
    return head + _LIMITS


def _mined(recipe: Mapping[str, Any]) -> str:
    numbers = {"further tiles": recipe["mined_tiles"], "further phantoms": recipe.get("mined_phantoms", 0)}
    return " and ".join(f"{number} {what}" for what, number in numbers.items() if number)


def course(recipe: Mapping[str, Any]) -> str:
    """The words for a recipe's optimizer and its rates."""
    words = (
        "AdamW, one cycle up to {learning_rate:g}, weight decay {weight_decay:g}"
        if recipe["optimizer"] == "adamw"
        else "SGD from {learning_rate:g}, a tenth every 6 epochs, momentum {momentum:g}, weight decay {weight_decay:g}"
    )
    return words.format(**recipe)


def fact_table(facts: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """A row for each fact, its text filled in."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text.format(**values)} |" for name, text in facts.items())])


def sensitivity_table(test: dict[str, Any]) -> str:
    """Methods down, false marks per image across, percent."""
    rates = test["false_per_image"]
    lines = ["| detector | " + " | ".join(str(rate) for rate in rates) + " |", "|---" * (len(rates) + 1) + "|"]
    for method, values in test["sensitivity"].items():
        lines.append(f"| {method} | " + " | ".join(f"{100 * value:.0f}" for value in values) + " |")
    return "\n".join(lines)
