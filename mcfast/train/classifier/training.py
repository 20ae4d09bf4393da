"""Training of a patch classifier: cut, deal by patient, fit, calibrate, test, write.

It says of a whole patch of 22 mm whether it holds calcifications (Kahnouei et al. 2022), for which marks of patches are
enough. No patient's patches are in two of the parts that are trained on, calibrated by and tested. What is drawn and
learnt is kept in the folder, so that a stopped training is taken up again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import nn

from mcfast import runtimes
from mcfast.errors import ConfigError, InputError
from mcfast.evaluate.patch_level import evaluate_patches
from mcfast.nets.export import export
from mcfast.nets.resnet18 import resnet18
from mcfast.nets.resnet50 import resnet50
from mcfast.nets.vgg12 import fold_calibration
from mcfast.train.calibrate import calibrate
from mcfast.train.classifier.card import model_card
from mcfast.train.classifier.patches import GridPatches, deal, join_patches
from mcfast.train.classifier.recipe import PatchRecipe
from mcfast.train.classifier.sources import from_phantoms
from mcfast.train.detector.draw import kept_arrays
from mcfast.train.fit import Fit, deterministic, logits_of
from mcfast.train.patches import Patches
from mcfast.train.start import load_weights

__all__ = ["build", "export_classifier", "train_patch_classifier"]

VERSION = "1.0"
PARTS = ("to train on", "to calibrate by", "to test")
BATCH = 16  # patches whose activations are held at a time where nothing is learnt
Tell = Callable[[str, int, int], None]


def build(recipe: PatchRecipe) -> nn.Sequential:
    """The recipe's network, with random weights from torch's global generator."""
    return (resnet50 if recipe.network == "resnet50" else resnet18)(recipe.maps)


def train_patch_classifier(
    out_dir: str | Path,
    *,
    seed: int = 0,
    recipe: PatchRecipe | None = None,
    threads: int = 2,
    tell: Tell | None = None,
    own: GridPatches | None = None,
    start: bytes | None = None,
) -> dict[str, Any]:
    """Train, calibrate, test, and write the network as ONNX with a model card.

    Parameters
    ----------
    out_dir
        Folder for `NETWORK.onnx`, `NETWORK.md` and `NETWORK.json` (the metrics), and for what lets a training that was
        stopped go on: `grid-patches.npz`, `NETWORK-checkpoint.pt`.
    seed
        Decides phantoms, who is trained on, the order and the random start.
    recipe, tell, start
        As of `train_detector`; `PatchRecipe()` where `None`.
    threads
        Of torch, and processes that draw phantoms. Another number gives slightly other weights.
    own
        Patches of other images, which are dealt out as well; of `mcfast.train.classifier.sources`.

    Returns
    -------
    The metrics: patches, losses, calibration, and by source what `evaluate_patches` gives.

    Raises
    ------
    ConfigError
        If `own` has other sides than the recipe, or `start` is another network.
    InputError
        If one of the three parts has no patch with calcifications, or none without.
    """
    recipe = recipe or PatchRecipe()
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    tell = tell or (lambda *_: None)
    sources = _sources(folder, seed, recipe, threads, tell, own)
    parts = _parts(sources, seed)
    with deterministic(seed, threads):
        network = build(recipe)
        if start is not None:
            load_weights(network, start)
        losses = _fit(network, parts[0], recipe, seed, folder, _fingerprint(seed, recipe, own, start), tell)
        tell("calibrating", 0, 1)
        slope, offset = calibrate(logits_of(network, parts[1].pixels, BATCH), parts[1].positive)
        tell("calibrating", 1, 1)
        calibrated = fold_calibration(network, slope, offset).eval()
    content = export_classifier(calibrated, seed=seed, recipe=recipe, own=own is not None)
    (folder / f"{recipe.network}.onnx").write_bytes(content)
    metrics: dict[str, Any] = {
        "seed": seed,
        "threads": threads,
        "recipe": asdict(recipe),
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "patches": [len(part.positive) for part in parts],
        "positives": [int(part.positive.sum()) for part in parts],
        "started": start is not None,
        "own": 0 if own is None else len(own.positive),
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "calibration": {"slope": slope, "offset": offset},
        "test": _tested(content, sources, seed, threads, tell),
        "seconds": round(time.perf_counter() - began, 1),
    }
    (folder / f"{recipe.network}.json").write_text(json.dumps(metrics, indent=2) + "\n")
    (folder / f"{recipe.network}.md").write_text(model_card(metrics, VERSION))
    return metrics


def export_classifier(network: nn.Sequential, *, seed: int, recipe: PatchRecipe, own: bool = False) -> bytes:
    """The calibrated network as ONNX with a free batch size; the same bytes for the same weights."""
    told = [*(["phantoms of mcfast.phantom"] if recipe.phantoms else []), *(["images of the user"] if own else [])]
    return export(
        network,
        name=recipe.network,
        version=VERSION,
        input_shape=("n", 1, recipe.side, recipe.side),
        output_shape=("n", 1),
        metadata={
            "input_range": "flattened image in deviations of the noise around each pixel, -8 .. 24",
            "output": "probability that the patch holds a calcification",
            "spacing_mm": "0.1",
            "recipe": json.dumps(asdict(recipe), sort_keys=True),
            "seed": str(seed),
            "training_data": " and ".join(told),
        },
    )


def _sources(
    folder: Path, seed: int, recipe: PatchRecipe, threads: int, tell: Tell, own: GridPatches | None
) -> dict[str, GridPatches]:
    """Patches by where they come from."""
    sources = {}
    if recipe.phantoms:

        def draw() -> dict[str, NDArray[Any]]:
            drawn = from_phantoms(
                seed, recipe.phantoms, recipe.side, workers=threads, progress=lambda *n: tell("drawing", *n)
            )
            return {"pixels": drawn.pixels, "positive": drawn.positive, "patients": drawn.patients}

        fingerprint = f"{VERSION} {seed} {recipe.phantoms} {recipe.side}"
        sources["phantoms"] = GridPatches(**kept_arrays(folder / "grid-patches.npz", fingerprint, draw))
    if own is not None:
        if own.pixels.shape[2] != recipe.side:
            raise ConfigError(
                f"train_patch_classifier(own): expected patches of {recipe.side} pixels as the recipe says, got "
                f"{own.pixels.shape[2]}; cut them so, or change the side"
            )
        sources["own images"] = own
    if not sources:
        raise ConfigError("PatchRecipe(phantoms): expected at least 1 without images of one's own, got 0")
    return sources


def _parts(sources: Mapping[str, GridPatches], seed: int) -> list[GridPatches]:
    dealt = [(patches, deal(patches, seed)) for patches in sources.values()]
    parts = [join_patches([patches.part(where == index) for patches, where in dealt]) for index in range(len(PARTS))]
    if any(part.positive.all() or not part.positive.any() for part in parts):
        counts = ", ".join(
            f"{int(part.positive.sum())} and {int((~part.positive).sum())} {name}"
            for part, name in zip(parts, PARTS, strict=True)
        )
        raise InputError(
            "train_patch_classifier: expected patches with and without calcifications in each part, of other patients, "
            f"got {counts}; give images of more patients, or more phantoms"
        )
    return parts


def _fit(
    network: nn.Sequential,
    patches: GridPatches,
    recipe: PatchRecipe,
    seed: int,
    folder: Path,
    fingerprint: str,
    tell: Tell,
) -> list[float]:
    """Train in place, from the folder's checkpoint on if there is one; the losses."""
    checkpoint = folder / f"{recipe.network}-checkpoint.pt"
    fit = Fit(network.to(memory_format=torch.channels_last), recipe, seed)
    fit.load(checkpoint, fingerprint)
    while fit.epoch < recipe.epochs:
        name = f"epoch {fit.epoch + 1} of {recipe.epochs}"
        fit.run_epoch(
            Patches(patches.pixels, patches.positive),
            lambda done, total, name=name: tell(name, done, total),  # type: ignore[misc]
        )
        fit.save(checkpoint, fingerprint)
    return fit.losses


def _tested(
    content: bytes, sources: Mapping[str, GridPatches], seed: int, threads: int, tell: Tell
) -> dict[str, dict[str, Any]]:
    """The written file, not the network in memory, asked about every patch that is tested, by source."""
    loaded = runtimes.load(content, threads=threads)
    reports = {}
    for name, patches in sources.items():
        tested = patches.part(deal(patches, seed) == PARTS.index("to test"))
        if tested.positive.all() or not tested.positive.any():
            continue  # too few patients of one's own: they were trained on, and say nothing about how good it is
        scores = []
        for begin in range(0, len(tested.positive), BATCH):
            scores.append(loaded.run(tested.pixels[begin : begin + BATCH].astype(numpy.float32)).ravel())
            tell(f"testing on {name}", min(begin + BATCH, len(tested.positive)), len(tested.positive))
        reports[name] = evaluate_patches(numpy.concatenate(scores), tested.positive, tested.patients.tolist())
    return reports


def _fingerprint(seed: int, recipe: PatchRecipe, own: GridPatches | None, start: bytes | None) -> str:
    digest = hashlib.sha256(json.dumps([VERSION, seed, asdict(recipe)], sort_keys=True).encode())
    if own is not None:
        for array in (own.pixels, own.positive, own.patients):
            digest.update(array.tobytes())
    digest.update(start or b"")
    return digest.hexdigest()
