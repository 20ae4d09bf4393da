"""Training of the detector on phantoms alone: draw, fit, mine, fit on, calibrate, test, write.

Binary cross-entropy on candidates of tiles and phantoms, to the truth or to what teachers say of them, which are
trained first. After some epochs the network may pick the candidates of further tiles that it is most wrong about, and
go on with them too. A slope and an offset for the logits are fitted on phantoms that were not trained on, so that
scores are probabilities there. The same seed gives the same file on the same kind of processor; what is drawn and
learnt is kept in the folder, so that a stopped training is taken up again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
from torch import nn

from mcfast.nets.vgg12 import fold_calibration
from mcfast.train.calibrate import calibrate
from mcfast.train.detector.card import model_card
from mcfast.train.detector.context import NAME, train_context
from mcfast.train.detector.distillation import taught
from mcfast.train.detector.draw import draw_patches, kept, mine_patches, mined_before
from mcfast.train.detector.finished import finish, finished
from mcfast.train.detector.network import VERSION, build, export_detector, looks
from mcfast.train.detector.recipe import RECIPES, SHIPPED, DetectorRecipe, teachers_of, told
from mcfast.train.detector.trial import evaluate
from mcfast.train.fit import Fit, deterministic, logits_of
from mcfast.train.patches import Patches, from_phantom, join, small_phantom
from mcfast.train.start import load_weights

__all__ = ["DetectorRecipe", "train_detector", "train_shipped"]

Tell = Callable[[str, int, int], None]


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
        stopped go on: `patches.npz`, `NETWORK-mined.npz`, `NETWORK-checkpoint.pt`, and with teachers, whose own folders
        are called as their tiles' mixture, `taught.npz`. What is finished is not trained again.
    seed
        Decides tiles, phantoms, their order and the random start.
    recipe
        `RECIPES["vgg12"]` where `None`.
    threads
        Processes that draw tiles. The weights do not depend on it.
    tell
        Called with what is being done, how far it is and how far it goes.
    own
        Patches of other images, which are trained on too; see `mcfast.train.detector.own_images`.
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
    before = finished(folder / f"{recipe.network}.json", fingerprint)
    if before is not None:
        return before
    _, asked, tested, _ = _seeds(seed, recipe)
    patches = (_taught if recipe.teachers else _drawn)(folder, recipe, seed, threads, tell).view(*looks(recipe))
    if own is not None:
        patches = join([patches, own.view(*looks(recipe))])
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
        "recipe": told(recipe),
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
        "fingerprint": fingerprint,
    }
    if tested:
        (folder / f"{recipe.network}.md").write_text(model_card(metrics, VERSION))
    return finish(folder / f"{recipe.network}.json", metrics)


def train_shipped(
    out_dir: str | Path, *, seed: int = 0, threads: int = 2, progress: bool = True
) -> dict[str, dict[str, Any]]:
    """Train the networks that ship, one after the other, after those that teach them; their metrics by recipe.

    `progress` prints a line for each thing that is done.
    """

    def tell(what: str, done: int, total: int) -> None:
        if progress and done == total:
            print(f"detector: {what}: done", flush=True)

    options: dict[str, Any] = {"seed": seed, "threads": threads, "tell": tell}
    metrics = {name: train_detector(out_dir, recipe=RECIPES[name], **options) for name in SHIPPED}
    return {**metrics, NAME: train_context(out_dir, **options)}


def _drawn(folder: Path, recipe: DetectorRecipe, seed: int, threads: int, tell: Tell) -> Patches:
    """Patches of the recipe's own tiles and phantoms."""
    trained, _, _, _ = _seeds(seed, recipe)
    deciding = ("tiles", "side", "negatives", "mixture", "phantom_negatives")
    drawing: dict[str, Any] = {key: getattr(recipe, key) for key in deciding}
    if recipe.drawn_without:
        drawing["without"] = recipe.drawn_without
    return kept(
        folder / "patches.npz",
        f"{VERSION} {seed} {drawing} {trained}",
        lambda: draw_patches(seed, recipe, trained, workers=threads, progress=lambda *n: tell("drawing", *n)),
    )


def _taught(folder: Path, recipe: DetectorRecipe, seed: int, threads: int, tell: Tell) -> Patches:
    """Patches of all the recipe's teachers, which are trained if they are not yet, and what these say of them."""
    teachers = [(folder / one.mixture, one) for one in teachers_of(recipe)]
    drawn: dict[Path, Patches] = {}
    for path, one in teachers:

        def tell_of(what: str, done: int, total: int, one: DetectorRecipe = one) -> None:
            tell(f"{one.network}, {one.mixture} tiles: {what}", done, total)

        train_detector(path, seed=seed, recipe=one, threads=threads, tell=tell_of)
        if path not in drawn:
            drawn[path] = _drawn(path, one, seed, threads, tell_of)
        if one.mines:
            drawn[path / one.network] = mined_before(path / f"{one.network}-mined.npz")
    tell("asking the teachers", 0, 1)
    patches = taught(folder, recipe, teachers, list(drawn.values()))
    tell("asking the teachers", 1, 1)
    return patches


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
    mining = recipe.mines and recipe.mined_after < recipe.epochs
    while True:
        if mining and fit.epoch >= recipe.mined_after:
            mined = kept(
                folder / f"{recipe.network}-mined.npz",
                fingerprint,
                lambda: mine_patches(
                    seed,
                    recipe,
                    lambda found: logits_of(network, found.view(*view).pixels),
                    _seeds(seed, recipe)[3],
                    workers=threads,
                    progress=lambda *n: tell("mining", *n),
                ),
            )
            patches, mining = join([patches, mined.view(*view)]), False
        if fit.epoch >= recipe.epochs:
            break
        name = f"epoch {fit.epoch + 1} of {recipe.epochs}"
        fit.run_epoch(patches, lambda done, total, name=name: tell(name, done, total))  # type: ignore[misc]
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


def _fingerprint(seed: int, recipe: DetectorRecipe, own: Patches | None, start: bytes | None) -> str:
    recipes = [told(one) for one in (recipe, *teachers_of(recipe))]
    digest = hashlib.sha256(json.dumps([VERSION, seed, recipes], sort_keys=True).encode())
    if own is not None:
        digest.update(own.pixels.tobytes() + own.positive.tobytes())
    digest.update(start or b"")
    return digest.hexdigest()


def _seeds(seed: int, recipe: DetectorRecipe) -> tuple[list[int], list[int], list[int], list[int]]:
    """Those of the phantoms that are trained on, asked for the calibration, tested on, and mined."""
    first = 2_000_000 + 1000 * seed
    ends = numpy.cumsum((first, recipe.phantoms, recipe.calibrating, recipe.tested)).tolist()
    trained, asked, tested = (list(range(ends[i], ends[i + 1])) for i in range(3))
    # From the end of the seed's thousand: what teachers mine is not what their students are tested on.
    mined = list(range(first + 1000 - recipe.mined_phantoms, first + 1000))
    return trained, asked, tested, mined


def _channels_last() -> Any:
    import torch

    return torch.channels_last
