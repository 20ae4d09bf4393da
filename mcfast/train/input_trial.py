"""Does dehazing help? Networks trained and tried on unprocessed, CLAHE-enhanced and dehazed input, all else equal.

The question of Bria et al. (ICIAP 2017), asked of these networks, phantoms and candidates. Trainings are short and
equal; what they differ by in seed is larger than what most of them differ by in input, so p-values stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy
from numpy.typing import NDArray
from torch import nn

from mcfast.canonical import at_canonical, headroom
from mcfast.detect import DetectorConfig, breast_mask, propose
from mcfast.detect.classify import candidate_patches
from mcfast.dicom.grayscale import window
from mcfast.evaluate.classical import strongest
from mcfast.evaluate.comparison import CANONICAL_MM, cells_of, compare_methods, match_found
from mcfast.evaluate.froc import Matched
from mcfast.evaluate.truth import ImageTruth, Mark
from mcfast.mammogram import Mammogram
from mcfast.ops import dehaze
from mcfast.phantom import tile
from mcfast.train.detector import build, looks
from mcfast.train.fit import Fit, deterministic, logits_of
from mcfast.train.patches import WHITE, Patches, chosen, join
from mcfast.train.recipe import RECIPES, DetectorRecipe

__all__ = ["INPUTS", "NETWORKS", "input_trial"]

Image = NDArray[numpy.uint16]
Item = tuple[Mammogram, ImageTruth, Sequence[Mark]]
CLAHE_PX = 300  # 30 mm: an eighth of a mammogram, of which a tile holds not even two
PLAIN = "unprocessed"


def _clahe(image: Image, white: float) -> Image:
    from skimage.exposure import equalize_adapthist

    sides = tuple(min(CLAHE_PX, side) for side in image.shape)
    equal: Any = equalize_adapthist(numpy.minimum(image / white, 1.0), kernel_size=sides, clip_limit=0.01)
    counts: Image = numpy.rint(equal * white).astype(numpy.uint16)
    return counts


def _dehazed(image: Image, white: float) -> Image:
    clear: Image = dehaze(image, size=11, radius=22, max_value=white)
    return clear


INPUTS: dict[str, Callable[[Image, float], Image]] = {
    PLAIN: lambda image, white: image,
    "CLAHE": _clahe,
    "dehazed": _dehazed,
}
"""Image at 0.1 mm and its white -> what candidates are looked for in and networks see."""

NETWORKS: dict[str, DetectorRecipe] = {
    "vgg12": replace(RECIPES["vgg12"], tiles=500, epochs=12),
    "alexnet12": replace(RECIPES["vgg12"], network="alexnet12", tiles=500, epochs=12),
}


def input_trial(
    items: Sequence[Item],
    *,
    seed: int = 0,
    draws: int = 1000,
    recipes: dict[str, DetectorRecipe] | None = None,
    tell: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Train each network on each input and hold its marks against the truth of mammograms.

    Parameters
    ----------
    items
        Mammogram, truth and what else is known to be in it; of `mcfast.evaluate.comparison.with_inserted`.
    seed
        Decides tiles, their order and the random start: the same for each input.
    draws
        Of the bootstrap.
    recipes
        By network; `None` is `NETWORKS`.
    tell
        Called with what is done.

    Returns
    -------
    By network what `compare_methods` gives for the three inputs, p-values against unprocessed input.
    """
    recipes, tell = recipes or NETWORKS, tell or (lambda _: None)
    patches = _drawn(seed, max(recipe.tiles for recipe in recipes.values()), next(iter(recipes.values())))
    tell("drawn")
    matched: dict[str, list[dict[str, Matched]]] = {name: [{} for _ in items] for name in recipes}
    for label, enhance in INPUTS.items():
        networks = {name: _trained(recipe, patches[label], seed) for name, recipe in recipes.items()}
        tell(f"{label}: trained")
        for index, item in enumerate(items):
            for name, one in _tried(item, enhance, networks, recipes):
                matched[name][index][label] = one
        tell(f"{label}: tried")
    patients = [truth.patient for _, truth, _ in items]
    cells = [cells_of(mammogram) for mammogram, _, _ in items]
    return {name: compare_methods(found, patients, cells, draws=draws, base=PLAIN) for name, found in matched.items()}


def _drawn(seed: int, tiles: int, recipe: DetectorRecipe) -> dict[str, Patches]:
    """Candidates of the same tiles by input."""
    parts: dict[str, list[Patches]] = {label: [] for label in INPUTS}
    for index in range(tiles):
        drawn = tile(numpy.random.default_rng([seed, 0x1207, index]), side=recipe.side)
        for label, enhance in INPUTS.items():
            image = enhance(drawn.image, WHITE)
            found = propose(
                image, drawn.mask, threshold=1.5, limit=recipe.side**2 // 100, max_value=WHITE, even_tone=False
            )
            rng = numpy.random.default_rng([seed, index])
            parts[label].append(chosen(found, drawn.calcifications, recipe.negatives, rng))
    return {label: join(some) for label, some in parts.items()}


def _trained(recipe: DetectorRecipe, patches: Patches, seed: int) -> nn.Sequential:
    with deterministic(seed):
        network = build(recipe)
        fit = Fit(network, recipe, seed)
        for _ in range(recipe.epochs):
            fit.run_epoch(patches.view(*looks(recipe)))
    return network


def _tried(
    item: Item,
    enhance: Callable[[Image, float], Image],
    networks: dict[str, nn.Sequential],
    recipes: dict[str, DetectorRecipe],
) -> Iterator[tuple[str, Matched]]:
    mammogram, truth, known = item
    small, valid, scale = at_canonical(window(mammogram), mammogram, CANONICAL_MM)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = breast_mask(small, CANONICAL_MM, max_value=white, valid=valid)
    config = DetectorConfig()
    image = enhance(small, white)
    found = propose(image, mask, threshold=config.threshold, limit=config.limit, max_value=white)
    for name, network in networks.items():
        scales, side = looks(recipes[name])
        logits = logits_of(network, candidate_patches(found, side=side, scales=scales))
        yield name, match_found(*strongest(found.positions, logits), scale, mammogram, truth, known)
