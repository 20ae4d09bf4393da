"""Training of the detector on phantoms alone: draw, fit, mine, fit on, calibrate, test, write.

Binary cross-entropy on candidates of tiles and phantoms. After some epochs the network picks the candidates of further
tiles that it is most wrong about, and goes on with them too. A slope and an offset for the logits are fitted on
phantoms that were not trained on, so that scores are probabilities there. The same seed gives the same file on the same
kind of processor; what is drawn and learnt is kept in the folder, so that a stopped training is taken up again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy
from torch import nn

from mcfast.nets.alexnet12 import alexnet12
from mcfast.nets.export import export
from mcfast.nets.vgg12 import fold_calibration, vgg12
from mcfast.nets.vgg24 import vgg24
from mcfast.train.calibrate import calibrate
from mcfast.train.detector_card import model_card
from mcfast.train.detector_trial import evaluate
from mcfast.train.draw import draw_patches, kept, mine_patches
from mcfast.train.fit import Fit, deterministic, logits_of
from mcfast.train.patches import Patches, from_phantom, join, small_phantom
from mcfast.train.recipe import RECIPES, SHIPPED, DetectorRecipe
from mcfast.train.start import load_weights

__all__ = ["DetectorRecipe", "build", "export_detector", "looks", "train_detector", "train_shipped"]

VERSION = "2.0"
Tell = Callable[[str, int, int], None]


def build(recipe: DetectorRecipe) -> nn.Sequential:
    """The recipe's network, with random weights from torch's global generator."""
    if recipe.network == "vgg24":
        return vgg24(recipe.maps, recipe.hidden, recipe.dropout, recipe.scales, recipe.start)
    if recipe.network == "vgg12":
        return vgg12(recipe.maps, recipe.hidden, recipe.dropout, recipe.start)
    return alexnet12(recipe.maps, recipe.hidden, recipe.dropout, start=recipe.start)


def looks(recipe: DetectorRecipe) -> tuple[int, int]:
    """Scales and side of the patches that the recipe's network looks at."""
    return (recipe.scales, 24) if recipe.network == "vgg24" else (1, 12)


def train_detector(
    out_dir: str | Path,
    *,
    seed: int = 0,
    recipe: DetectorRecipe | None = None,
    threads: int = 2,
    tell: Tell | None = None,
    own: Patches | None = None,
    start: bytes | None = None,
) -> dict[str, Any]:
    """Train, calibrate, test, and write the network as ONNX with a model card.

    Parameters
    ----------
    out_dir
        Folder for `NETWORK.onnx`, `NETWORK.md` and `NETWORK.json` (the metrics), and for what lets a training that was
        stopped go on: `patches.npz`, `NETWORK-mined.npz`, `NETWORK-checkpoint.pt`.
    seed
        Decides tiles, phantoms, their order and the random start.
    recipe
        `RECIPES["vgg12"]` where `None`.
    threads
        Processes that draw tiles. The weights do not depend on it.
    tell
        Called with what is being done, how far it is and how far it goes.
    own
        Patches of other images, which are trained on too; see `mcfast.train.own_images`.
    start
        An ONNX file of the same network whose weights are the start; `None` starts at random.

    Returns
    -------
    The metrics: losses, calibration, sensitivities, seconds.
    """
    recipe = recipe or RECIPES["vgg12"]
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    tell = tell or (lambda *_: None)
    fingerprint = _fingerprint(seed, recipe, own, start)
    trained, asked, tested = _seeds(2_000_000 + 1000 * seed, recipe)
    drawing = {key: asdict(recipe)[key] for key in ("tiles", "side", "negatives", "phantom_negatives")}
    patches = kept(
        folder / "patches.npz",
        f"{VERSION} {seed} {drawing} {trained}",
        lambda: draw_patches(seed, recipe, trained, workers=threads, progress=lambda *n: tell("drawing", *n)),
    )
    if own is not None:
        patches = join([patches, own])
    with deterministic(seed):
        network = build(recipe)
        if start is not None:
            load_weights(network, start)
        given = len(patches.positive)
        patches, losses = _fit(network, patches, recipe, seed, folder, fingerprint, threads, tell)
        mined = len(patches.positive) - given
        slope, offset = calibrate(*_asked(network, recipe, asked, tell))
        calibrated = fold_calibration(network, slope, offset).eval()
    content = export_detector(calibrated, seed=seed, recipe=recipe, own=own is not None)
    (folder / f"{recipe.network}.onnx").write_bytes(content)
    metrics: dict[str, Any] = {
        "seed": seed,
        "recipe": asdict(recipe),
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "patches": len(patches.positive),
        "positives": int(patches.positive.sum()),
        "mined": mined,
        "looks": list(looks(recipe)),
        "own": 0 if own is None else len(own.positive),
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "calibration": {"slope": slope, "offset": offset},
        "test": evaluate(content, tested, threads=threads) if tested else None,
        "seconds": round(time.perf_counter() - began, 1),
    }
    (folder / f"{recipe.network}.json").write_text(json.dumps(metrics, indent=2) + "\n")
    if tested:
        (folder / f"{recipe.network}.md").write_text(model_card(metrics, VERSION))
    return metrics


def train_shipped(
    out_dir: str | Path, *, seed: int = 0, threads: int = 2, progress: bool = True
) -> dict[str, dict[str, Any]]:
    """Train the networks that ship, one after the other; their metrics by recipe. `progress` prints a line for each
    thing that is done."""

    def tell(what: str, done: int, total: int) -> None:
        if progress and done == total:
            print(f"detector: {what}: done", flush=True)

    return {
        name: train_detector(out_dir, seed=seed, recipe=RECIPES[name], threads=threads, tell=tell) for name in SHIPPED
    }


def _fit(
    network: nn.Sequential,
    patches: Patches,
    recipe: DetectorRecipe,
    seed: int,
    folder: Path,
    fingerprint: str,
    threads: int,
    tell: Tell,
) -> tuple[Patches, list[float]]:
    """Train in place, from the folder's checkpoint on if there is one; the patches, mined ones included, and losses."""
    view = looks(recipe)
    fit = Fit(network.to(memory_format=_channels_last()), recipe, seed)
    fit.load(folder / f"{recipe.network}-checkpoint.pt", fingerprint)
    mining = recipe.mined_tiles > 0 and recipe.mined_after < recipe.epochs
    while True:
        if mining and fit.epoch >= recipe.mined_after:
            mined = kept(
                folder / f"{recipe.network}-mined.npz",
                fingerprint,
                lambda: mine_patches(
                    seed,
                    recipe,
                    lambda found: logits_of(network, found.view(*view).pixels),
                    workers=threads,
                    progress=lambda *n: tell("mining", *n),
                ),
            )
            patches, mining = join([patches, mined]), False
        if fit.epoch >= recipe.epochs:
            break
        name = f"epoch {fit.epoch + 1} of {recipe.epochs}"
        fit.run_epoch(patches.view(*view), lambda done, total, name=name: tell(name, done, total))  # type: ignore[misc]
        fit.save(folder / f"{recipe.network}-checkpoint.pt", fingerprint)
    return patches, fit.losses


def _asked(network: nn.Sequential, recipe: DetectorRecipe, seeds: list[int], tell: Tell) -> tuple[Any, Any]:
    """Logits and truth of every candidate of whole phantoms."""
    logits, truth = [numpy.empty(0)], [numpy.empty(0, bool)]
    for index, number in enumerate(seeds):
        found = from_phantom(small_phantom(number), numpy.random.default_rng(number), negatives=100_000)
        logits.append(logits_of(network, found.view(*looks(recipe)).pixels))
        truth.append(found.positive)
        tell("calibrating", index + 1, len(seeds))
    return numpy.concatenate(logits), numpy.concatenate(truth)


def export_detector(network: nn.Sequential, *, seed: int, recipe: DetectorRecipe, own: bool = False) -> bytes:
    """The calibrated network as ONNX with a free batch size; the same bytes for the same weights."""
    scales, side = looks(recipe)
    told = asdict(recipe)
    if told["start"] == "he":
        del told["start"]  # as in the files that ship: the same weights, the same bytes
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


def _fingerprint(seed: int, recipe: DetectorRecipe, own: Patches | None, start: bytes | None) -> str:
    digest = hashlib.sha256(json.dumps([VERSION, seed, asdict(recipe)], sort_keys=True).encode())
    if own is not None:
        digest.update(own.pixels.tobytes() + own.positive.tobytes())
    digest.update(start or b"")
    return digest.hexdigest()


def _seeds(first: int, recipe: DetectorRecipe) -> tuple[list[int], list[int], list[int]]:
    ends = numpy.cumsum((first, recipe.phantoms, recipe.calibrating, recipe.tested)).tolist()
    trained, asked, tested = (list(range(ends[i], ends[i + 1])) for i in range(3))
    return trained, asked, tested


def _channels_last() -> Any:
    import torch

    return torch.channels_last
