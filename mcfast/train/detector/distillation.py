"""What several networks teach one: their opinion of every patch, beside the truth (Hinton, Vinyals and Dean, 2015).

Teachers are trained on tiles of different mixtures, and each is asked about what all of them drew. The mean of their
log-odds, as probabilities, is most of what the student learns; the truth is the rest. Where teachers disagree, or agree
that a drawn calcification is not to be seen, the student need not choose.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast import runtimes
from mcfast.train.detector.draw import kept_arrays
from mcfast.train.detector.network import looks
from mcfast.train.detector.recipe import DetectorRecipe
from mcfast.train.patches import Patches, join

__all__ = ["opinions", "taught"]

BATCH = 256  # patches asked about at once: their activations stay in the cache
SURE = 1e-6  # probabilities closer than this to 0 and 1 count as this far from them


def taught(
    folder: Path, recipe: DetectorRecipe, teachers: Sequence[tuple[Path, DetectorRecipe]], drawn: Sequence[Patches]
) -> Patches:
    """All that was drawn, with what the recipe's network is to learn of it.

    Parameters
    ----------
    folder
        `taught.npz` is kept there, so that teachers are asked once for all students.
    recipe
        Of the student; `recipe.truth` is the truth's share of what it learns.
    teachers
        Folder and recipe of each, trained: `NETWORK.onnx` and `NETWORK.json` are there.
    drawn
        Patches of all teachers, in parts.

    Returns
    -------
    All parts as one, as large as the recipe's network looks at, with a target.
    """
    files = [(own / f"{one.network}.onnx", own / f"{one.network}.json") for own, one in teachers]
    digest = hashlib.sha256(b"".join(network.read_bytes() for network, _ in files))
    digest.update(b"".join(part.positive.tobytes() for part in drawn))

    def ask() -> dict[str, NDArray[Any]]:
        said = [
            opinions(network.read_bytes(), json.loads(metrics.read_text())["calibration"], drawn)
            for network, metrics in files
        ]
        return {"odds": numpy.mean(said, axis=0).astype(numpy.float32)}

    odds = kept_arrays(folder / "taught.npz", digest.hexdigest(), ask)["odds"]
    # Networks that look at little are not given the rest: all of it is gigabytes.
    patches = join([part.view(*looks(recipe)) for part in drawn])
    probability = 1 / (1 + numpy.exp(-odds))
    target = recipe.truth * patches.positive + (1 - recipe.truth) * probability
    return Patches(patches.pixels, patches.positive, target.astype(numpy.float32))


def opinions(content: bytes, calibration: dict[str, float], drawn: Sequence[Patches]) -> NDArray[numpy.float64]:
    """(N,) log-odds of an ONNX network for all patches, as it was trained: before the calibration.

    The calibration speaks of all candidates of an image, of which one in hundreds is a calcification; of training
    patches it is one in four.
    """
    network = runtimes.load(content, threads=1)
    _, scales, side, _ = network.input_shape
    said = []
    for part in drawn:
        pixels = part.view(scales or 1, side or 1).pixels
        for begin in range(0, len(pixels), BATCH):
            said.append(network.run(numpy.ascontiguousarray(pixels[begin : begin + BATCH], numpy.float32)).ravel())
    p = numpy.clip(numpy.concatenate(said).astype(numpy.float64), SURE, 1 - SURE)
    odds: NDArray[numpy.float64] = (numpy.log(p / (1 - p)) - calibration["offset"]) / calibration["slope"]
    return odds
