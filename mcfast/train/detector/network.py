"""A recipe's network: built, what it looks at, and as the file that ships."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import asdict, fields

from torch import nn

from mcfast.nets.alexnet12 import alexnet12
from mcfast.nets.export import export
from mcfast.nets.vgg12 import vgg12
from mcfast.nets.vgg24 import vgg24
from mcfast.train.detector.recipe import DetectorRecipe

__all__ = ["VERSION", "build", "export_detector", "looks"]

VERSION = "3.2"
ADDED = {
    one.name: one.default
    for one in fields(DetectorRecipe)
    if one.name in ("start", "mixture", "teachers", "truth", "mined_phantoms")
}


def build(recipe: DetectorRecipe) -> nn.Sequential:
    """The recipe's network, with random weights from torch's global generator.

    Without `"noise units"` its first layer takes each patch's mean off and divides by its deviation, whatever units
    the patch came in; then the recipe's gain and level change nothing.
    """
    if recipe.network == "vgg24":
        network = vgg24(recipe.maps, recipe.hidden, recipe.dropout, recipe.scales, recipe.start)
    elif recipe.network == "vgg12":
        network = vgg12(recipe.maps, recipe.hidden, recipe.dropout, recipe.start)
    else:
        network = alexnet12(recipe.maps, recipe.hidden, recipe.dropout, start=recipe.start)
    if "noise units" not in recipe.without:
        return network
    own = nn.InstanceNorm2d(looks(recipe)[0])
    return nn.Sequential(OrderedDict([("own_units", own), *network.named_children()]))


def looks(recipe: DetectorRecipe) -> tuple[int, int]:
    """Scales and side of the patches that the recipe's network looks at."""
    return (recipe.scales, 24) if recipe.network == "vgg24" else (1, 12)


def export_detector(network: nn.Sequential, *, seed: int, recipe: DetectorRecipe, own: bool = False) -> bytes:
    """The calibrated network as ONNX with a free batch size; the same bytes for the same weights."""
    scales, side = looks(recipe)
    # What a recipe leaves as it is by default is not told: the same weights, the same bytes, whatever is added later.
    told = {name: value for name, value in asdict(recipe).items() if name not in ADDED or value != ADDED[name]}
    return export(
        network,
        name=recipe.network,
        version=VERSION,
        input_shape=("n", scales, side, side),
        output_shape=("n", 1),
        metadata={
            "input_range": "flattened image in deviations of the noise around the candidate, -8 .. 24",
            "output": "probability of a calcification",
            "spacing_mm": "0.1" if scales == 1 else "0.1 and 0.2",
            "recipe": json.dumps(told, sort_keys=True),
            "seed": str(seed),
            "training_data": "phantoms of mcfast.phantom" + (" and images of the user" if own else ""),
        },
    )
