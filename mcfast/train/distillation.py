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
from mcfast.train.draw import kept_arrays
from mcfast.train.network import looks
from mcfast.train.patches import Patches, join
from mcfast.train.recipe import DetectorRecipe

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
        Patches of all teachers.
    """
    patches = join(drawn)
    files = [(own / f"{one.network}.onnx", own / f"{one.network}.json") for own, one in teachers]
    digest = hashlib.sha256(b"".join(network.read_bytes() for network, _ in files))
    digest.update(patches.positive.tobytes())

    def ask() -> dict[str, NDArray[Any]]:
        said = [
            opinions(network.read_bytes(), json.loads(metrics.read_text())["calibration"], patches.view(*looks(one)))
            for (network, metrics), (_, one) in zip(files, teachers, strict=True)
        ]
        return {"odds": numpy.mean(said, axis=0).astype(numpy.float32)}

    odds = kept_arrays(folder / "taught.npz", digest.hexdigest(), ask)["odds"]
    probability = 1 / (1 + numpy.exp(-odds))
    target = recipe.truth * patches.positive + (1 - recipe.truth) * probability
    return Patches(patches.pixels, patches.positive, target.astype(numpy.float32))


def opinions(content: bytes, calibration: dict[str, float], patches: Patches) -> NDArray[numpy.float64]:
    """(N,) log-odds of an ONNX network for patches of its size, as it was trained: before the calibration.

    The calibration speaks of all candidates of an image, of which one in hundreds is a calcification; of training
    patches it is one in four.
    """
    network = runtimes.load(content, threads=1)
    odds = numpy.empty(len(patches.positive))
    for begin in range(0, len(odds), BATCH):
        part = slice(begin, begin + BATCH)
        said = network.run(numpy.ascontiguousarray(patches.pixels[part], numpy.float32))
        p = numpy.clip(said.ravel().astype(numpy.float64), SURE, 1 - SURE)
        odds[part] = (numpy.log(p / (1 - p)) - calibration["offset"]) / calibration["slope"]
    return odds
