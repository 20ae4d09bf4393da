"""The training loop of a patch classifier: batches, augmentation, optimizer, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import nn

from mcfast.train.course import Course
from mcfast.train.patches import Patches

__all__ = ["Fit", "deterministic", "logits_of"]

Field = NDArray[numpy.float32]


class Fit:
    """A network in training; its state can be saved and taken up again, and goes on as if nothing had happened.

    Parameters
    ----------
    network
        (N, scales, side, side) -> (N, 1) logits; trained in place.
    recipe, seed
        What decides the course.
    """

    def __init__(self, network: nn.Sequential, recipe: Course, seed: int) -> None:
        self.network, self.recipe, self.seed = network, recipe, seed
        self.epoch = 0
        self.losses: list[float] = []
        self.optimizer: torch.optim.Optimizer
        if recipe.optimizer == "adamw":
            self.optimizer = torch.optim.AdamW(
                network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
            )
        else:
            self.optimizer = torch.optim.SGD(
                network.parameters(),
                lr=recipe.learning_rate,
                momentum=recipe.momentum,
                weight_decay=recipe.weight_decay,
            )

    def run_epoch(self, patches: Patches, step_done: Callable[[int, int], None] | None = None) -> float:
        """One pass over the positives, with as many negatives as the recipe's ratio wants; the mean loss.

        `step_done` is called with the steps done and to do.
        """
        recipe = self.recipe
        rng = numpy.random.default_rng([self.seed, 0xF17, self.epoch])
        positive, negative = numpy.flatnonzero(patches.positive), numpy.flatnonzero(~patches.positive)
        wanted = int(recipe.ratio * len(positive))
        whole, rest = divmod(wanted, max(1, len(negative)))
        others = [negative] * whole + [rng.choice(negative, rest, replace=False)]
        order = rng.permutation(numpy.concatenate([positive, *others]))
        steps = max(1, len(order) // recipe.batch)
        aims = patches.aims()
        total = 0.0
        self.network.train()
        for index, part in enumerate(numpy.array_split(order, steps)):
            for group in self.optimizer.param_groups:
                group["lr"] = self._rate(self.epoch + index / steps)
            pixels = torch.from_numpy(self._augmented(patches.pixels[part], rng))
            target = torch.from_numpy(aims[part])[:, None]
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                logits = self.network(pixels.contiguous(memory_format=torch.channels_last))
            loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), target)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            self.optimizer.step()
            total += float(loss.detach()) * len(part)
            if step_done is not None:
                step_done(index + 1, steps)
        self.network.eval()
        self.epoch += 1
        self.losses.append(total / len(order))
        return self.losses[-1]

    def _rate(self, epochs_done: float) -> float:
        """The learning rate after so many epochs: one cycle (Smith 2018), or steps of a tenth every 6 epochs."""
        recipe = self.recipe
        if recipe.optimizer == "sgd":
            return float(recipe.learning_rate * 0.1 ** int(epochs_done / 6))
        part = epochs_done / recipe.epochs
        rising = 0.2
        if part < rising:
            return recipe.learning_rate * (0.04 + 0.96 * (0.5 - 0.5 * math.cos(math.pi * part / rising)))
        return recipe.learning_rate * max(1e-3, 0.5 + 0.5 * math.cos(math.pi * (part - rising) / (1 - rising)))

    def _augmented(self, pixels: NDArray[Any], rng: numpy.random.Generator) -> Field:
        """Quarter turns, a mirror, and each patch's contrast and level varied a little."""
        quarters, mirrored = int(rng.integers(4)), rng.random() < 0.5
        if self.recipe.turns:
            pixels = numpy.rot90(pixels, quarters, axes=(2, 3))
            pixels = pixels[..., ::-1] if mirrored else pixels
        pixels = pixels.astype(numpy.float32)
        shape = (len(pixels), 1, 1, 1)
        gain = numpy.exp(rng.normal(0, self.recipe.gain, shape)).astype(numpy.float32)
        level = rng.normal(0, self.recipe.level, shape).astype(numpy.float32)
        return numpy.ascontiguousarray(pixels * gain + level)

    def save(self, path: Path, fingerprint: str) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "fingerprint": fingerprint,
            "epoch": self.epoch,
            "losses": self.losses,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.random.get_rng_state(),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path, fingerprint: str) -> bool:
        """Take up a checkpoint of the same fingerprint; whether there was one."""
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True)
        if state["fingerprint"] != fingerprint:
            return False
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.random.set_rng_state(state["random"])
        self.epoch, self.losses = state["epoch"], list(state["losses"])
        return True


def logits_of(network: nn.Sequential, pixels: NDArray[Any], batch_size: int = 1024) -> NDArray[numpy.float64]:
    """(N,) logits of (N, scales, side, side) patches, in float32 and in batches."""
    network.eval()
    parts = []
    with torch.inference_mode():
        for begin in range(0, len(pixels), batch_size):
            batch = torch.from_numpy(numpy.ascontiguousarray(pixels[begin : begin + batch_size], numpy.float32))
            parts.append(network(batch.contiguous(memory_format=torch.channels_last)).numpy().ravel())
    return numpy.concatenate(parts).astype(numpy.float64) if parts else numpy.empty(0)


@contextmanager
def deterministic(seed: int, threads: int = 1) -> Iterator[None]:
    """Torch with this seed, these threads and deterministic kernels; afterwards as it was.

    Small networks want one thread: more would wait for each other.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])
