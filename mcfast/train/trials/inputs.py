"""Does dehazing help? Networks trained and tried on unprocessed, CLAHE-enhanced and dehazed input, all else equal.

The question of Bria et al. (2018), table 3, asked of `vgg12` and `alexnet12` on phantoms and on calcifications drawn
into real mammograms. Everything is kept in a folder, so that a trial that was stopped goes on where it was: patches,
each network's checkpoint after every epoch, and what each network says about each image.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray
from torch import nn

from mcfast.evaluate.bootstrap import DRAWS
from mcfast.evaluate.cases import Case
from mcfast.evaluate.ranks import compare_inputs, rank
from mcfast.train.detector.network import build
from mcfast.train.detector.recipe import RECIPES, DetectorRecipe, told
from mcfast.train.fit import Fit, deterministic, logits_of
from mcfast.train.inputs import INPUTS
from mcfast.train.patches import Patches
from mcfast.train.scenes import Scene, Units, patches_at, scene_of
from mcfast.train.trials.input_patches import Standard, draw_inputs, kept_inputs

__all__ = ["NETWORKS", "STRIDE_PX", "TRIAL", "input_trial"]

VERSION = 1
NETWORKS = ("vgg12", "alexnet12")
STRIDE_PX = 4
TRIAL: DetectorRecipe = replace(
    RECIPES["bria"], tiles=400, negatives=150, phantoms=12, phantom_negatives=1000, epochs=18
)
"""The recipe of the paper on fewer patches: its rate falls to a tenth every 6 epochs, here 18 in all."""

Tell = Callable[[str, int, int], None]
Scores = NDArray[numpy.float32]


def input_trial(
    folder: Path,
    sets: Mapping[str, Sequence[Case]],
    *,
    networks: Sequence[str] = NETWORKS,
    units: Units = "intensity",
    recipe: DetectorRecipe = TRIAL,
    stride: int = STRIDE_PX,
    seed: int = 0,
    draws: int = DRAWS,
    workers: int = 1,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Train each network on each input, ask it everywhere in images it has not seen, and compare the inputs.

    Parameters
    ----------
    folder
        Where patches, checkpoints and scores are kept.
    sets
        Images by the name of their set; of `mcfast.evaluate.cases`.
    networks
        `"vgg12"`, `"alexnet12"`.
    units
        `"intensity"`: patches of intensities, standardised over the training set, as in the paper; `"noise"`: the local
        mean taken off, in units of the local noise, as the shipped detector sees.
    recipe
        Its `network` is replaced by each of `networks`.
    stride
        Pixels of 0.1 mm between the places of an image that are asked about.
    seed
        Decides patches, their order and the random start: the same for each input.
    draws
        Of the bootstrap.
    workers
        Processes that draw patches; training and scoring take one thread. Nothing depends on it.
    tell
        Called with what is being done, how far it is and how far it goes.

    Returns
    -------
    For JSON: `"recipe"`, `"units"`, `"seed"`, `"patches"`, `"positives"`, `"losses"` by network and input, and
    `"sets"`: by name `"images"`, `"patients"`, `"calcifications"`, `"negatives"` and by network what `compare_inputs`
    gives.
    """
    tell = tell or (lambda *_: None)
    folder.mkdir(parents=True, exist_ok=True)
    recipes = {name: replace(recipe, network=name) for name in networks}  # type: ignore[arg-type]
    trial = _Trial(folder, units, seed, stride, recipes, workers, tell)
    report = trial.train()
    report["sets"] = {name: trial.compare(name, cases, draws) for name, cases in sets.items()}
    return report


class _Trial:
    def __init__(
        self,
        folder: Path,
        units: Units,
        seed: int,
        stride: int,
        recipes: dict[str, DetectorRecipe],
        workers: int,
        tell: Tell,
    ) -> None:
        self.folder, self.units, self.seed, self.stride = folder, units, seed, stride
        self.recipes, self.workers, self.tell = recipes, workers, tell
        self.standards: dict[str, Standard] = {}
        self.trained: dict[tuple[str, str], nn.Sequential] = {}

    def train(self) -> dict[str, Any]:
        recipe = next(iter(self.recipes.values()))
        shared = {key: asdict(recipe)[key] for key in ("tiles", "side", "negatives", "phantoms", "phantom_negatives")}
        draw = kept_inputs(
            self.folder,
            list(INPUTS),
            f"{VERSION} {self.seed} {self.units} {shared}",
            lambda: draw_inputs(
                list(INPUTS),
                self.units,
                recipe,
                self.seed,
                workers=self.workers,
                progress=lambda *n: self.tell("drawing patches", *n),
            ),
        )
        report: dict[str, Any] = {"recipe": told(recipe), "units": self.units, "seed": self.seed, "losses": {}}
        report["stride_px"] = self.stride
        for label in INPUTS:
            patches = draw(label)
            self.standards[label] = standard = Standard(patches.pixels)
            standardised = Patches(standard(patches.pixels), patches.positive)  # type: ignore[arg-type]
            report["patches"], report["positives"] = len(patches.positive), int(patches.positive.sum())
            for name in self.recipes:
                report["losses"].setdefault(name, {})[label] = self._fit(name, label, standardised)
        return report

    def _fit(self, name: str, label: str, patches: Patches) -> list[float]:
        file = self.folder / f"{name}-{label}.pt"
        recipe = self.recipes[name]
        with deterministic(self.seed):
            network = build(recipe)
            fit = Fit(network, recipe, self.seed)
            fit.load(file, self._fingerprint(name, label))
            while fit.epoch < recipe.epochs:
                fit.run_epoch(patches)
                fit.save(file, self._fingerprint(name, label))
                self.tell(f"{name}, {label}: epochs", fit.epoch, recipe.epochs)
        self.trained[name, label] = network.eval()
        return fit.losses

    def compare(self, name: str, cases: Sequence[Case], draws: int) -> dict[str, Any]:
        found: dict[str, dict[str, list[tuple[Scores, Scores]]]] = {}
        patients: list[str] = []
        for index, case in enumerate(cases):
            patient, scores = self._asked(case)
            patients.append(patient)
            for (network, label), pair in scores.items():
                found.setdefault(network, {}).setdefault(label, []).append(pair)
            self.tell(f"{name}: images", index + 1, len(cases))
        report: dict[str, Any] = {"images": len(cases), "patients": len(set(patients))}
        for network, by_input in found.items():
            ranks = {label: rank(*zip(*pairs, strict=True)) for label, pairs in by_input.items()}
            one = next(iter(ranks.values()))
            report["calcifications"], report["negatives"] = len(one.owner), int(one.negatives.sum())
            report.setdefault("networks", {})[network] = compare_inputs(ranks, patients, draws=draws)
        return report

    def _asked(self, case: Case) -> tuple[str, dict[tuple[str, str], tuple[Scores, Scores]]]:
        """The case's patient, and by network and input the logits of its calcifications and of all other places."""
        files = {name: self.folder / "scores" / f"{name}-{_digest(case.name)}.npz" for name in self.recipes}
        asked = {name: self._kept(file, name, case) for name, file in files.items()}
        left = [name for name, kept in asked.items() if kept is None]
        if left:
            mammogram, truth, known = case.load()
            new = self._scored(scene_of(mammogram, truth, known), left)
            for name in left:
                files[name].parent.mkdir(exist_ok=True)
                partial = files[name].with_suffix(".partial.npz")
                key = f"{self._fingerprint(name, 'all')} {self.stride} {case.name}"
                arrays: dict[str, Any] = {}
                for label, (positives, negatives) in new[name].items():
                    arrays |= {f"{label} p": positives, f"{label} n": negatives}
                numpy.savez(partial, key=key, patient=truth.patient or truth.name, **arrays)
                partial.replace(files[name])
                asked[name] = self._kept(files[name], name, case)
        results = {(name, label): pair for name, kept in asked.items() for label, pair in (kept or ("", {}))[1].items()}
        return case.patient or next(kept[0] for kept in asked.values() if kept), results

    def _kept(self, file: Path, name: str, case: Case) -> tuple[str, dict[str, tuple[Scores, Scores]]] | None:
        if not file.exists():
            return None
        with numpy.load(file) as content:
            if str(content["key"]) != f"{self._fingerprint(name, 'all')} {self.stride} {case.name}":
                return None
            return str(content["patient"]), {label: (content[f"{label} p"], content[f"{label} n"]) for label in INPUTS}

    def _scored(self, scene: Scene, names: Sequence[str]) -> dict[str, dict[str, tuple[Scores, Scores]]]:
        places = [scene.positives, scene.negatives(self.stride)]
        scores: dict[str, dict[str, tuple[Scores, Scores]]] = {name: {} for name in names}
        for label in INPUTS:
            patches = [self.standards[label](one) for one in patches_at(scene, label, self.units, places)]
            for name in names:
                with deterministic(self.seed):
                    first, second = (logits_of(self.trained[name, label], one) for one in patches)
                scores[name][label] = first.astype(numpy.float32), second.astype(numpy.float32)
        return scores

    def _fingerprint(self, name: str, label: str) -> str:
        content = [VERSION, self.seed, self.units, label, told(self.recipes[name])]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]
