"""Training of the patch classifier `vgg12` on phantoms alone.

Binary cross-entropy, AdamW, one cycle of the learning rate; then a slope and an offset for the logits are fitted on
phantoms that were not trained on (Platt 1999), so that scores are probabilities. The same seed gives the same file on
the same kind of processor. Torch runs on one thread: the network is so small that more would wait for each other.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import nn

from mcfast.evaluate.mini_mias import evaluate_mini_mias
from mcfast.nets.export import export
from mcfast.nets.vgg12 import SIDE, fold_calibration, vgg12
from mcfast.train.detector_card import model_card
from mcfast.train.detector_trial import evaluate
from mcfast.train.patches import Patches, from_phantom, from_tile, join, small_phantom

__all__ = ["DetectorRecipe", "export_vgg12", "train_detector"]

VERSION = "1.0"


@dataclass(frozen=True)
class DetectorRecipe:
    """What, besides the seed, decides the weights.

    Attributes
    ----------
    tiles, side, negatives
        Training tiles, their side in pixels, candidates taken from each besides its calcifications.
    phantoms, phantom_negatives
        Training phantoms, and candidates taken from each besides its calcifications.
    calibrating, tested
        Phantoms that the probabilities are fitted on, and full-size ones for the numbers in the model card.
    epochs, batch, learning_rate, weight_decay
        Passes over the positives, patches per step, highest rate, AdamW's decay.
    ratio
        Negatives per positive in an epoch.
    maps, hidden
        The network's widths.
    """

    tiles: int = 1600
    side: int = 512
    negatives: int = 90
    phantoms: int = 40
    phantom_negatives: int = 500
    calibrating: int = 12
    tested: int = 12
    epochs: int = 16
    batch: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    ratio: float = 3.0
    maps: int = 32
    hidden: int = 128


def train_detector(
    out_dir: str | Path,
    *,
    seed: int = 0,
    recipe: DetectorRecipe | None = None,
    threads: int = 2,
    progress: bool = True,
    mini_mias: str | Path | None = None,
) -> dict[str, Any]:
    """Train, calibrate, test, and write the network as ONNX with a model card.

    Parameters
    ----------
    out_dir
        Folder for `vgg12.onnx`, `vgg12.md` and `vgg12.json` (the metrics).
    seed
        Decides tiles, phantoms, their order and the random start.
    recipe
        `DetectorRecipe()` where `None`: about ten minutes on two cores.
    threads
        Processes that draw tiles. The weights do not depend on it.
    progress
        Print a line for each epoch.
    mini_mias
        Folder of the mini-MIAS database, for numbers on real film in the card; nothing is trained on it.

    Returns
    -------
    The metrics: loss of the first and last epoch, calibration, sensitivities, seconds.
    """
    recipe = recipe or DetectorRecipe()
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    trained, asked, tested = _seeds(2_000_000 + 1000 * seed, recipe)
    patches = draw_patches(seed, recipe, trained, workers=threads, progress=progress)
    _say(progress, f"detector: {len(patches.positive)} patches, {int(patches.positive.sum())} of calcifications")
    with _deterministic(seed):
        network = vgg12(recipe.maps, recipe.hidden)
        network.to(memory_format=torch.channels_last)
        losses = _fit(network, patches, recipe, seed, progress)
        network.eval()
        slope, offset = _calibrate(network, asked)
        calibrated = fold_calibration(network, slope, offset).eval()
    content = export_vgg12(calibrated, seed=seed, recipe=recipe)
    (folder / "vgg12.onnx").write_bytes(content)
    metrics: dict[str, Any] = {
        "seed": seed,
        "recipe": asdict(recipe),
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "patches": len(patches.positive),
        "positives": int(patches.positive.sum()),
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "calibration": {"slope": slope, "offset": offset},
        "test": evaluate(content, tested, threads=threads) if tested else None,
        "mini_mias": evaluate_mini_mias(mini_mias, content, threads=threads) if mini_mias else None,
        "seconds": round(time.perf_counter() - began, 1),
    }
    (folder / "vgg12.json").write_text(json.dumps(metrics, indent=2) + "\n")
    if tested:
        (folder / "vgg12.md").write_text(model_card(metrics, VERSION))
    return metrics


def draw_patches(
    seed: int, recipe: DetectorRecipe, phantoms: list[int], *, workers: int = 1, progress: bool = False
) -> Patches:
    """All training patches: of `recipe.tiles` tiles and of the phantoms of the given seeds.

    Each has a random stream of its own, so the result is the same for any number of worker processes.
    """
    tiles = [(seed, index, recipe.side, recipe.negatives) for index in range(recipe.tiles)]
    whole = [(number, recipe.phantom_negatives) for number in phantoms]
    if workers <= 1:
        parts = [_tile_patches(task) for task in tiles] + [_phantom_patches(task) for task in whole]
    else:
        # A forked child would inherit torch's and the operations' threads as dead locks.
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            parts = list(pool.map(_tile_patches, tiles, chunksize=16))
            parts += pool.map(_phantom_patches, whole)
    _say(progress, f"detector: {len(tiles)} tiles and {len(whole)} phantoms drawn")
    return join(parts)


def _tile_patches(task: tuple[int, int, int, int]) -> Patches:
    seed, index, side, negatives = task
    return from_tile(numpy.random.default_rng([seed, 0x711E, index]), side=side, negatives=negatives)


def _phantom_patches(task: tuple[int, int]) -> Patches:
    number, negatives = task
    return from_phantom(small_phantom(number), numpy.random.default_rng([number, 0x9A]), negatives=negatives)


def export_vgg12(network: nn.Sequential, *, seed: int, recipe: DetectorRecipe) -> bytes:
    """The calibrated network as ONNX with a free batch size; the same bytes for the same weights."""
    return export(
        network,
        name="vgg12",
        version=VERSION,
        input_shape=("n", 1, SIDE, SIDE),
        output_shape=("n", 1),
        metadata={
            "input_range": "flattened image in deviations of the noise around the candidate, -8 .. 24",
            "output": "probability of a calcification",
            "spacing_mm": "0.1",
            "recipe": json.dumps(asdict(recipe), sort_keys=True),
            "seed": str(seed),
            "training_data": "phantoms of mcfast.phantom",
        },
    )


def _fit(network: nn.Sequential, patches: Patches, recipe: DetectorRecipe, seed: int, progress: bool) -> list[float]:
    """Train in place; the mean loss of each epoch."""
    rng = numpy.random.default_rng([seed, 0xF17])
    positive, negative = numpy.flatnonzero(patches.positive), numpy.flatnonzero(~patches.positive)
    per_epoch = min(len(negative), int(recipe.ratio * len(positive)))
    steps = max(1, -(-(len(positive) + per_epoch) // recipe.batch))
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=recipe.epochs * steps)
    losses = []
    network.train()
    for epoch in range(recipe.epochs):
        order = rng.permutation(numpy.concatenate([positive, rng.choice(negative, per_epoch, replace=False)]))
        total = 0.0
        for part in numpy.array_split(order, steps):
            pixels = torch.from_numpy(_augmented(patches.pixels[part], rng))
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            target = torch.from_numpy(patches.positive[part].astype(numpy.float32))[:, None]
            loss = nn.functional.binary_cross_entropy_with_logits(network(pixels), target)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(part)
        losses.append(total / len(order))
        _say(progress, f"detector: epoch {epoch + 1} of {recipe.epochs}: loss {losses[-1]:.4f}")
    return losses


def _augmented(pixels: NDArray[numpy.float32], rng: numpy.random.Generator) -> NDArray[numpy.float32]:
    """Quarter turns, a mirror, and each patch's contrast and level varied a little."""
    pixels = numpy.rot90(pixels, int(rng.integers(4)), axes=(2, 3))
    if rng.random() < 0.5:
        pixels = pixels[..., ::-1]
    shape = (len(pixels), 1, 1, 1)
    gain = numpy.exp(rng.normal(0, 0.15, shape)).astype(numpy.float32)
    level = rng.normal(0, 0.15, shape).astype(numpy.float32)
    return numpy.ascontiguousarray(pixels * gain + level)


def _calibrate(network: nn.Sequential, seeds: list[int]) -> tuple[float, float]:
    """Slope and offset of the logits that make them the log-odds of all candidates of whole phantoms.

    Without phantoms (1, 0). Newton's method on the two parameters of a logistic regression.
    """
    if not seeds:
        return 1.0, 0.0
    parts = [
        from_phantom(small_phantom(number), numpy.random.default_rng(number), negatives=100_000) for number in seeds
    ]
    held = join(parts)
    with torch.no_grad():
        logits = torch.cat([network(torch.from_numpy(part)) for part in numpy.array_split(held.pixels, len(seeds))])
    design = numpy.column_stack([logits.numpy().ravel().astype(numpy.float64), numpy.ones(len(held.positive))])
    weights = numpy.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + numpy.exp(-numpy.clip(design @ weights, -40, 40)))
        # The small ridge keeps the step finite where the two classes are separated perfectly.
        curvature = (design * (p * (1 - p))[:, None]).T @ design + 1e-3 * numpy.eye(2)
        gradient = design.T @ (held.positive - p) - 1e-3 * (weights - [1.0, 0.0])
        step = numpy.linalg.solve(curvature, gradient)
        weights += numpy.clip(step, -1, 1)
    return float(weights[0]), float(weights[1])


def _seeds(first: int, recipe: DetectorRecipe) -> tuple[list[int], list[int], list[int]]:
    ends = numpy.cumsum((first, recipe.phantoms, recipe.calibrating, recipe.tested)).tolist()
    trained, asked, tested = (list(range(ends[i], ends[i + 1])) for i in range(3))
    return trained, asked, tested


@contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    """Torch with this seed, one thread and deterministic kernels; afterwards as it was."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])


def _say(progress: bool, line: str) -> None:
    if progress:
        print(line, flush=True)
