"""Training patches of the trial of inputs: the same places of the same tiles and phantoms, seen through each input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.evaluate.comparison import phantom_truth
from mcfast.rasters import read_array
from mcfast.train.detector.draw import mapped
from mcfast.train.detector.recipe import DetectorRecipe
from mcfast.train.patches import Patches, small_phantom
from mcfast.train.scenes import Scene, Units, patches_at, scene_of, scene_of_tile

__all__ = ["FIRST_PHANTOM", "Standard", "draw_inputs", "kept_inputs"]

FIRST_PHANTOM = 3_000_000


class Standard:
    """Standardised inputs: (pixels - mean) / deviation, both taken once over all pixels of the training patches.

    Patches in units of noise are standardised already and stay as they are.
    """

    def __init__(self, pixels: NDArray[Any]) -> None:
        self.mean, self.deviation = 0.0, 1.0
        if pixels.dtype == numpy.uint16:
            self.mean, self.deviation = float(pixels.mean(dtype=float)), max(float(pixels.std(dtype=float)), 1.0)

    def __call__(self, pixels: NDArray[Any]) -> NDArray[numpy.float32]:
        """(N, 1, 12, 12) float32."""
        result: NDArray[numpy.float32] = pixels.astype(numpy.float32)
        result -= numpy.float32(self.mean)
        result /= numpy.float32(self.deviation)
        return result


def draw_inputs(
    labels: Sequence[str],
    units: Units,
    recipe: DetectorRecipe,
    seed: int,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Patches]:
    """By input, patches on every calcification of the recipe's tiles and phantoms and on its number of random others.

    The k-th patch is of the same place for every input, and the same for any number of worker processes. `pixels` are
    (N, 1, 12, 12) as `patches_at` gives them.
    """
    total = recipe.tiles + recipe.phantoms
    tasks = [(index, tuple(labels), units, recipe, seed) for index in range(total)]
    parts = []
    for part in mapped(_drawn, tasks, workers):
        parts.append(part)
        if progress is not None:
            progress(len(parts), total)
    truth = numpy.concatenate([part[0] for part in parts])
    return {
        label: Patches(numpy.concatenate([part[1][index] for part in parts]), truth)
        for index, label in enumerate(labels)
    }


def _drawn(task: tuple[int, Sequence[str], Units, DetectorRecipe, int]) -> tuple[NDArray[numpy.bool_], list[Any]]:
    """Which patches of one tile or phantom are positive, and for each input the patches."""
    index, labels, units, recipe, seed = task
    scene, wanted, rng = _scene(index, recipe, seed)
    negatives = rng.permutation(scene.negatives())[:wanted]
    positive = numpy.arange(len(scene.positives) + len(negatives)) < len(scene.positives)
    places = [scene.positives, negatives]
    return positive, [numpy.concatenate(patches_at(scene, label, units, places)) for label in labels]


def _scene(index: int, recipe: DetectorRecipe, seed: int) -> tuple[Scene, int, numpy.random.Generator]:
    rng = numpy.random.default_rng([seed, 0x1207, index])
    if index < recipe.tiles:
        return scene_of_tile(rng, recipe.side), recipe.negatives, rng
    drawn = small_phantom(FIRST_PHANTOM + 1000 * seed + index - recipe.tiles)
    image = read_array(drawn.image, "phantom", spacing_mm=drawn.spacing_mm, bits=drawn.bits)
    return scene_of(image, phantom_truth(drawn)), recipe.phantom_negatives, rng


def kept_inputs(
    folder: Path, labels: Sequence[str], fingerprint: str, draw: Callable[[], dict[str, Patches]]
) -> Callable[[str], Patches]:
    """What is in `patches-INPUT.npz` of the folder if all have this fingerprint, else what `draw` gives, kept there.

    Returns a function from an input's name to its patches, so that only one input's are held in memory.
    """
    files = {label: folder / f"patches-{label}.npz" for label in labels}
    if not all(_is_of(file, fingerprint) for file in files.values()):
        for label, drawn in draw().items():
            partial = files[label].with_suffix(".partial.npz")
            numpy.savez(partial, fingerprint=fingerprint, pixels=drawn.pixels, positive=drawn.positive)
            partial.replace(files[label])

    def load(label: str) -> Patches:
        with numpy.load(files[label]) as file:
            return Patches(file["pixels"], file["positive"])

    return load


def _is_of(file: Path, fingerprint: str) -> bool:
    if not file.exists():
        return False
    with numpy.load(file) as content:
        return str(content["fingerprint"]) == fingerprint
