"""What is each ingredient of training worth? Networks trained with everything, and without each ingredient in turn.

All else is equal: the same tiles but for what is left out, the same starts and orders, the same candidates of the same
images asked. Everything is kept in a folder, so that a trial that was stopped goes on where it was: candidates, drawn
patches, each network's checkpoint after every epoch, and what it says about the candidates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray
from torch import nn

from mcfast.errors import ConfigError
from mcfast.evaluate.bootstrap import DRAWS
from mcfast.evaluate.distractors import DISTRACTORS
from mcfast.evaluate.gallery import (
    PATCHES,
    Exhibit,
    packed,
    patch_exhibits,
    phantom_exhibits,
    seen_in_looks,
    unpacked,
)
from mcfast.evaluate.leave_one_out import Standing, difference, standing
from mcfast.evaluate.patch_files import LabelledFile
from mcfast.evaluate.truth import Mark
from mcfast.reading import read
from mcfast.train.calibrate import calibrate
from mcfast.train.detector.draw import draw_patches, kept, kept_arrays
from mcfast.train.detector.network import build, looks
from mcfast.train.detector.recipe import INGREDIENTS, DetectorRecipe, told
from mcfast.train.fit import Fit, deterministic, logits_of
from mcfast.train.patches import Patches, from_phantom, join, small_phantom

__all__ = ["TRIAL", "ingredient_trial"]

VERSION = 1
HUNG = 2  # of what is looked at
TRIAL = DetectorRecipe(tiles=900, phantoms=10, calibrating=4, epochs=6, without=())
"""A vgg12 on two in five of the usual patches, with everything: about 1,500 steps."""
FIRST_PHANTOM = 4_000_000  # neither trained on by `train_detector` nor tested on

Tell = Callable[[str, int, int], None]
Logits = NDArray[numpy.float32]


def ingredient_trial(
    folder: Path,
    files: Sequence[Path],
    *,
    spacing_mm: float | None = None,
    known: Mapping[str, Sequence[Mark]] | None = None,
    patients: Mapping[str, str] | None = None,
    patches: Sequence[LabelledFile] = (),
    names: Sequence[str] = tuple(INGREDIENTS),
    recipe: DetectorRecipe = TRIAL,
    starts: int = 2,
    phantoms: int = 6,
    draws: int = DRAWS,
    workers: int = 1,
    tell: Tell | None = None,
    each: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Train with everything and without each ingredient, and measure both on the same candidates.

    Parameters
    ----------
    folder
        Where candidates, patches, checkpoints and scores are kept.
    files
        Mammograms that calcifications are drawn into; each is seen in four looks of `mcfast.evaluate.looks`.
    spacing_mm
        Of files whose header tells none, `patches` among them.
    known, patients
        By file name without suffix: marks of what is in the images already, and whose images they are; a file that is
        not there is a patient of its own.
    patches
        Labelled pictures of patches for the AUC of the image score.
    names
        What is left out, one after the other: of `mcfast.train.detector.recipe.INGREDIENTS`.
    recipe
        Of every training, but for what is left out.
    starts
        How many networks are trained each time, on the same patches from other random weights in another order.
    phantoms
        Unseen ones that are asked about.
    draws
        Of the bootstrap.
    workers
        Processes that draw tiles; training and asking take one thread. Nothing depends on it.
    tell, each
        Called with what is being done, how far it is and how far it goes; and with the report after each ingredient.

    Returns
    -------
    For JSON: `"recipe"`, `"starts"`, `"images"` and `"calcifications"` by look or set, and `"rows"`: `"without"`
    (`None` first), `"rates"`, `"by_start"`, `"auc"`, `"marks"` as in `Standing`, `"loss"` of each start, and
    `"difference"` to the first row as `mcfast.evaluate.leave_one_out.difference` gives it (`None` in the first).

    Raises `ConfigError` for an ingredient that is not known, and `InputError` for a file that cannot be read.
    """
    for asked in names:
        if asked not in INGREDIENTS:
            raise ConfigError(f"ingredient_trial(names): expected some of {', '.join(INGREDIENTS)}; got {asked!r}")
    folder.mkdir(parents=True, exist_ok=True)
    trial = _Trial(folder, recipe, starts, workers, tell or (lambda *_: None))
    trial.hang(files, spacing_mm, known or {}, patients or {}, patches, phantoms)
    report = {"recipe": told(recipe), "starts": starts, **trial.counts(), "rows": []}
    whole: Standing | None = None
    for name in (None, *dict.fromkeys(names)):
        row, one = trial.row(name, draws)
        whole = whole or one
        report["rows"].append({**row, "difference": None if name is None else difference(one, whole)})
        if each is not None:
            each(report)
    return report


class _Trial:
    def __init__(self, folder: Path, recipe: DetectorRecipe, starts: int, workers: int, tell: Tell) -> None:
        self.folder, self.recipe, self.starts = folder, recipe, starts
        self.workers, self.tell = workers, tell
        self.exhibits: list[Exhibit] = []
        self.hung = ""

    def hang(
        self,
        files: Sequence[Path],
        spacing_mm: float | None,
        known: Mapping[str, Sequence[Mark]],
        patients: Mapping[str, str],
        patches: Sequence[LabelledFile],
        phantoms: int,
    ) -> None:
        """Find the candidates of all images, or take those that are kept."""

        def found() -> list[Exhibit]:
            seen = []
            for index, file in enumerate(files):
                mammogram = read(file, spacing_mm=spacing_mm)
                marks = known.get(file.stem, ())
                seen.append(seen_in_looks(mammogram, patients.get(file.stem, str(file)), seed=index, known=marks))
                self.tell("candidates of mammograms", index + 1, len(files))
            # Group by group: the k-th of each is the k-th image's.
            hung = [one for same in zip(*seen, strict=True) for one in same]
            hung += phantom_exhibits(phantoms, lambda *n: self.tell("candidates of phantoms", *n))
            return hung + patch_exhibits(patches, spacing_mm)

        marks = {file.stem: [mark.corners.tolist() for mark in known.get(file.stem, ())] for file in files}
        content = [HUNG, *map(str, files), spacing_mm, marks, dict(patients), *map(str, patches), phantoms]
        self.hung = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        self.exhibits = unpacked(kept_arrays(self.folder / "candidates.npz", self.hung, lambda: packed(found())))

    def counts(self) -> dict[str, Any]:
        """Images of each group, and their calcifications."""
        images: dict[str, int] = {}
        calcifications: dict[str, int] = {}
        for one in self.exhibits:
            images[one.group] = images.get(one.group, 0) + 1
            if one.group not in (PATCHES, *DISTRACTORS):
                calcifications[one.group] = calcifications.get(one.group, 0) + len(one.truth)
        return {"images": images, "calcifications": calcifications}

    def row(self, name: str | None, draws: int) -> tuple[dict[str, Any], Standing]:
        recipe = self.recipe if name is None else replace(self.recipe, without=(name,))
        patches: list[Patches] = []

        def drawn() -> Patches:
            if not patches:
                patches.append(self._patches(recipe))
            return patches[0]

        said = [self._said(recipe, start, drawn) for start in range(self.starts)]
        one = standing(self.exhibits, [logits for logits, _ in said], draws=draws)
        row = {"without": name, "rates": one.rates, "by_start": one.starts, "auc": one.auc, "marks": one.marks}
        return {**row, "loss": [loss for _, loss in said]}, one

    def _patches(self, recipe: DetectorRecipe) -> Patches:
        """The recipe's patches as its network sees them. What decides tiles alone is drawn for tiles alone."""
        what = f"without {', '.join(recipe.drawn_without)}" if recipe.drawn_without else "with everything"

        def draw(part: DetectorRecipe, phantoms: Sequence[int], label: str) -> Patches:
            slug = _slug(part.drawn_without)
            deciding = ("tiles", "side", "mixture", "negatives", "phantom_negatives", "drawn_without")
            drawing = [VERSION, *(getattr(part, name) for name in deciding)]
            return kept(
                self.folder / f"{label}-{slug}.npz",
                json.dumps([*drawing, *phantoms, looks(part)]),
                lambda: draw_patches(
                    0, part, phantoms, workers=self.workers, progress=lambda *n: self.tell(f"{label} {what}", *n)
                ).view(*looks(part)),
            )

        parts = [draw(recipe, (), "tiles")]
        if recipe.phantoms:
            # Phantoms hold no ingredient of tiles: what they share is how their negatives are picked.
            shared = tuple(name for name in recipe.drawn_without if name == "hardest negatives")
            numbers = range(FIRST_PHANTOM, FIRST_PHANTOM + recipe.phantoms)
            parts.append(draw(replace(recipe, tiles=0, without=shared), numbers, "phantoms"))
        return join(parts)

    def _said(self, recipe: DetectorRecipe, start: int, drawn: Callable[[], Patches]) -> tuple[Logits, float]:
        """Calibrated log-odds of all candidates by a network of one start, and its last loss."""
        fingerprint = hashlib.sha256(json.dumps([VERSION, start, told(recipe)], sort_keys=True).encode()).hexdigest()
        file = self.folder / f"{_slug(recipe.without)}-{start}"

        def ask() -> dict[str, NDArray[Any]]:
            network, loss = self._trained(recipe, start, file.with_name(f"{file.name}.pt"), fingerprint, drawn)
            slope, offset = calibrate(*self._calibrating(network))
            asked = numpy.concatenate([one.patches for one in self.exhibits])
            logits = slope * logits_of(network, asked) + offset
            return {"logits": logits.astype(numpy.float32), "loss": numpy.array(loss)}

        said = kept_arrays(file.with_name(f"{file.name}.npz"), f"{fingerprint} {self.hung}", ask)
        return said["logits"], float(said["loss"])

    def _trained(
        self, recipe: DetectorRecipe, start: int, file: Path, fingerprint: str, drawn: Callable[[], Patches]
    ) -> tuple[nn.Sequential, float]:
        import torch

        what = f"without {recipe.without[0]}" if recipe.without else "with everything"
        with deterministic(start):
            network = build(recipe).to(memory_format=torch.channels_last)
            fit = Fit(network, recipe, start)
            fit.load(file, fingerprint)
            while fit.epoch < recipe.epochs:
                fit.run_epoch(drawn())
                fit.save(file, fingerprint)
                self.tell(f"{what}, start {start + 1}: epochs", fit.epoch, recipe.epochs)
        return network.eval(), fit.losses[-1]

    def _calibrating(self, network: nn.Sequential) -> tuple[Any, Any]:
        """Logits and truth of the candidates of small phantoms that are neither trained on nor tested on."""
        first = FIRST_PHANTOM + 1000
        numbers = range(first, first + self.recipe.calibrating)
        if not numbers:
            return numpy.empty(0), numpy.empty(0, bool)

        def draw() -> Patches:
            found = [
                from_phantom(small_phantom(number), numpy.random.default_rng(number), negatives=100_000)
                for number in numbers
            ]
            return join(found).view(*looks(self.recipe))

        patches = kept(self.folder / "calibrating.npz", f"{VERSION} {list(numbers)} {looks(self.recipe)}", draw)
        return logits_of(network, patches.pixels), patches.positive


def _slug(without: Sequence[str]) -> str:
    return "-".join(("without", *without)).replace(" ", "-") if without else "everything"
