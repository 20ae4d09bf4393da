"""Training of FSRCNN(56, 12, 4) on pairs of crops and their 2x2-binned selves (Honjo et al.), of phantoms or images.

Mean squared error, Adam, cosine schedule, from a start that is bicubic interpolation. Everything follows from the seed:
the same seed and number of threads give the same file. A run that was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import nn

from mcfast.evaluate.sr import compare
from mcfast.nets.export import export
from mcfast.nets.fsrcnn import fsrcnn, start_as_bicubic
from mcfast.train.fit import deterministic
from mcfast.train.magnifier.card import model_card
from mcfast.train.magnifier.data import PhantomData, TrainingData
from mcfast.train.magnifier.pairs import Pairs

__all__ = ["FsrcnnRecipe", "train_fsrcnn"]

VERSION = "1.0"


@dataclass(frozen=True)
class FsrcnnRecipe:
    """What, besides the seed, decides the weights.

    Attributes
    ----------
    phantoms, crops, side
        Training phantoms, crops from each, side of a crop in small pixels.
    steps, batch, learning_rate
        Steps of Adam, crops in each, and the rate after warming up; it falls to a hundredth along a cosine.
    held_out, check_every
        Phantoms that only choose which step's weights to keep, and how often they are asked.
    tested
        Further phantoms, for the numbers in the model card.
    scale
        Share of a phantom's usual field of view, per side.
    d, s, m
        The network's widths and depth.
    """

    phantoms: int = 24
    crops: int = 200
    side: int = 48
    steps: int = 3000
    batch: int = 16
    learning_rate: float = 1e-3
    held_out: int = 6
    check_every: int = 200
    tested: int = 4
    scale: float = 1.0
    d: int = 56
    s: int = 12
    m: int = 4


def train_fsrcnn(
    out_dir: str | Path,
    *,
    seed: int = 0,
    recipe: FsrcnnRecipe | None = None,
    threads: int = 2,
    progress: bool = True,
    data: TrainingData | None = None,
) -> dict[str, Any]:
    """Train, keep the weights that do best on held-out images, and write them as ONNX with a model card.

    Parameters
    ----------
    out_dir
        Folder for `fsrcnn.onnx`, `fsrcnn.md`, `fsrcnn.json` (the metrics) and `fsrcnn.checkpoint.pt`. A checkpoint of
        the same seed, recipe and images is taken up where it stopped; any other is overwritten.
    seed
        Decides phantoms, crops, their order, and the random start. Other images are tested than trained on.
    recipe
        `FsrcnnRecipe()` where `None`: ten minutes on two cores.
    threads
        Of torch. Another number gives slightly other weights.
    progress
        Print a line for each check.
    data
        `FolderData` for images of one's own; `None` is phantoms, as for what ships.

    Returns
    -------
    The metrics: loss at first and last check, the step kept, PSNR of every method on the test images, seconds.

    Raises
    ------
    InputError
        If an image cannot be read, or is too small.
    """
    recipe = recipe or FsrcnnRecipe()
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    counts = (recipe.phantoms, recipe.held_out, recipe.tested)
    images: TrainingData = PhantomData(seed, counts, recipe.scale) if data is None else data
    with deterministic(seed, threads):
        network = fsrcnn(recipe.d, recipe.s, recipe.m)
        start_as_bicubic(network)
        pairs = images.training_pairs(recipe.crops, recipe.side)
        checks = images.checking_pairs(max(1, recipe.crops // 4), recipe.side)
        _say(progress, f"fsrcnn: {len(pairs.small)} pairs from {images.counts[0]} of {images.origin}")
        identity = {"seed": seed, "recipe": asdict(recipe), "version": VERSION, "data": images.identity}
        run = _Run(network, pairs, checks, recipe, identity, folder / "fsrcnn.checkpoint.pt", progress)
        best = run.train()
        network.load_state_dict(best)
        metrics: dict[str, Any] = {
            "seed": seed,
            "threads": threads,
            "recipe": asdict(recipe),
            "data": images.origin,
            "images": list(images.counts),
            "loss_first": run.history[0][1],
            "loss_kept": min(loss for _, loss in run.history),
            "step_kept": min(run.history, key=lambda item: item[1])[0],
            "psnr_db": _test(network, images),
            "seconds": round(time.perf_counter() - began, 1),
        }
    (folder / "fsrcnn.onnx").write_bytes(export_fsrcnn(network, seed=seed, recipe=recipe, origin=images.origin))
    (folder / "fsrcnn.json").write_text(json.dumps(metrics, indent=2) + "\n")
    (folder / "fsrcnn.md").write_text(model_card(metrics, VERSION))
    return metrics


def export_fsrcnn(
    network: nn.Sequential, *, seed: int, recipe: FsrcnnRecipe, origin: str = PhantomData.origin
) -> bytes:
    """The network as ONNX with rows and columns free; the same bytes for the same weights."""
    return export(
        network,
        name="fsrcnn",
        version=VERSION,
        input_shape=("n", 1, "rows", "columns"),
        output_shape=("n", 1, "rows_out", "columns_out"),
        metadata={
            "input_range": "0 .. 1, image / max_value",
            "recipe": json.dumps(asdict(recipe), sort_keys=True),
            "seed": str(seed),
            "training_data": origin,
        },
    )


class _Run:
    """The loop, and what of it a checkpoint keeps."""

    def __init__(
        self,
        network: nn.Sequential,
        pairs: Pairs,
        checks: Pairs,
        recipe: FsrcnnRecipe,
        identity: dict[str, Any],
        checkpoint: Path,
        progress: bool,
    ) -> None:
        self.network, self.pairs, self.checks, self.recipe = network, pairs, checks, recipe
        self.identity, self.seed = identity, int(identity["seed"])
        self.checkpoint, self.progress = checkpoint, progress
        self.optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
        self.step = 0
        self.history: list[tuple[int, float]] = []
        self.best: dict[str, Any] = {}

    def train(self) -> dict[str, Any]:
        """Run to the last step; the weights of the best check."""
        self._resume()
        if not self.history:
            self._check()
        while self.step < self.recipe.steps:
            small, large = self._batch()
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate()
            self.optimizer.zero_grad()
            loss = nn.functional.mse_loss(self.network(small), large)
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            nn.utils.clip_grad_norm_(self.network.parameters(), 0.05)
            self.optimizer.step()
            self.step += 1
            if self.step % self.recipe.check_every == 0 or self.step == self.recipe.steps:
                self._check()
        return self.best

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.step + 1) / 100)
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / self.recipe.steps))
        return self.recipe.learning_rate * warm * (0.01 + 0.99 * cosine)

    def _batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        # Drawn from (seed, step), so that a resumed run sees the same batches.
        generator = numpy.random.default_rng([self.seed, self.step])
        chosen = generator.integers(len(self.pairs.small), size=self.recipe.batch)
        small, large = self.pairs.small[chosen], self.pairs.large[chosen]
        turns, mirrored = int(generator.integers(4)), bool(generator.integers(2))
        pair = []
        for crops in (small, large):
            turned = numpy.rot90(crops, turns, axes=(2, 3))
            pair.append(torch.from_numpy(numpy.ascontiguousarray(turned[..., ::-1] if mirrored else turned)))
        return pair[0], pair[1]

    def _check(self) -> None:
        errors = []
        with torch.no_grad():
            for begin in range(0, len(self.checks.small), self.recipe.batch):
                part = slice(begin, begin + self.recipe.batch)
                output = self.network(torch.from_numpy(self.checks.small[part])).clamp(0, 1)
                square = (output - torch.from_numpy(self.checks.large[part])) ** 2
                errors.append(square.mean(dim=(1, 2, 3)).double())
        # The mean of the crops' PSNRs, so that the noisiest do not decide alone, each at most 70 dB, so that empty ones
        # do not either. Lower is better.
        loss = float(torch.cat(errors).clamp_min(1e-7).log10().mean() * 10)
        if not self.history or loss < min(past for _, past in self.history):
            self.best = copy.deepcopy(self.network.state_dict())
        self.history.append((self.step, loss))
        _say(self.progress, f"fsrcnn: step {self.step} of {self.recipe.steps}: {-loss:.3f} dB on held-out images")
        self._save()

    def _save(self) -> None:
        state = {
            "identity": self.identity,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "history": self.history,
            "best": self.best,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        if state["identity"] != self.identity:
            return
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best = state["step"], state["best"]
        self.history = [(int(step), float(loss)) for step, loss in state["history"]]
        _say(self.progress, f"fsrcnn: goes on from step {self.step}")


def _test(network: nn.Sequential, images: TrainingData) -> list[dict[str, dict[str, float]]]:
    scores = []
    for frame in images.test_frames():

        def restore(small: Any, peak: float = frame.peak) -> Any:
            with torch.no_grad():
                values = torch.from_numpy(small.astype(numpy.float32) / numpy.float32(peak))
                output = network(values[None, None])[0, 0].clamp(0, 1).numpy()
            return numpy.rint(output * peak).astype(small.dtype)

        scores.append(compare(frame.image, restore, peak=frame.peak, mask=frame.mask))
    return scores


def _say(progress: bool, line: str) -> None:
    if progress:
        print(line, flush=True)
