"""Training of `context24`: what lies around calcifications, and around what the detector marks wrongly.

Tiles nearly all of which hold calcified arteries are looked at by the networks that score candidates; what these mark
is taken as `mcfast.detect.context` sees it. Binary cross-entropy; a slope and an offset of the logit are fitted on
further tiles so that the output is the probability of a calcification among as many other marks.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy
from torch import nn

from mcfast import nets, runtimes
from mcfast.detect.context import SIDE, believed, log_odds
from mcfast.detect.detector_config import DetectorConfig
from mcfast.evaluate.roc import auc
from mcfast.nets.context24 import CHANNELS, context24
from mcfast.nets.export import export
from mcfast.nets.vgg12 import fold_calibration
from mcfast.train.calibrate import calibrate
from mcfast.train.course import Course
from mcfast.train.detector.context_card import context_card
from mcfast.train.detector.draw import kept_arrays
from mcfast.train.detector.finished import finish, finished
from mcfast.train.detector.marks import ARTERY, CALCIFICATION, Arrays, draw_marks
from mcfast.train.detector.recipe import SHIPPED
from mcfast.train.fit import Fit, deterministic, logits_of
from mcfast.train.patches import Patches

__all__ = ["NAME", "ContextRecipe", "train_context"]

NAME, VERSION = "context24", "1.1"
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ContextRecipe(Course):
    """How `context24` is trained.

    Attributes
    ----------
    tiles, side
        Training tiles of the mixture `"arteries"`, and their side in pixels of 0.1 mm.
    tested
        Further tiles: so many for the calibration, and as many for the numbers in the model card.
    maps, hidden, dropout
        Of the network.
    epochs and the others
        See `Course`; nothing is varied but quarter turns and mirrors.
    """

    tiles: int = 1600
    side: int = 640
    tested: int = 100
    maps: int = 16
    hidden: int = 64
    dropout: float = 0.3
    epochs: int = 8
    batch: int = 128
    ratio: float = 2.0
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    momentum: float = 0.9
    gain: float = 0.0
    level: float = 0.0
    bfloat16: bool = True


def train_context(
    out_dir: str | Path,
    *,
    seed: int = 0,
    recipe: ContextRecipe | None = None,
    threads: int = 2,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Train, calibrate, test, and write `context24.onnx` with a model card.

    Parameters
    ----------
    out_dir
        Folder for the three files, and for what lets a stopped training go on. The networks whose marks are looked at
        are those of `mcfast.train.detector.recipe.SHIPPED` in it; where one is missing, all are those that are
        installed.
    seed, threads, tell
        As of `train_detector`.
    recipe
        `ContextRecipe()` where `None`.

    Returns
    -------
    The metrics: losses, calibration, areas under the curve, seconds.
    """
    recipe, folder, began = recipe or ContextRecipe(), Path(out_dir), time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.onnx" for name in SHIPPED]
    if not all(file.is_file() for file in files):
        files = [nets.path(name) for name in SHIPPED]
    fingerprint = _fingerprint(seed, recipe, files)
    before = finished(folder / f"{NAME}.json", fingerprint)
    if before is not None:
        return before
    taken, asked, tested = (
        _drawn(folder / f"{NAME}-{part}.npz", fingerprint, (seed, kind), count, recipe.side, files, threads, tell)
        for part, kind, count in (
            ("trained", 0xC0E7, recipe.tiles),
            ("asked", 0xC0E8, recipe.tested),
            ("tested", 0xC0E9, recipe.tested),
        )
    )
    marks, others = _balanced(taken, seed), _balanced(asked, seed)
    with deterministic(seed):
        network = context24(recipe.maps, recipe.hidden, recipe.dropout)
        losses = _fit(network, marks, recipe, seed, folder, fingerprint, tell)
        slope, offset = calibrate(logits_of(network, others.pixels), others.positive)
        offset -= float(log_odds(others.positive.mean()))  # as if there were as many others
        calibrated = fold_calibration(network, slope, offset).eval()
    content = _exported(calibrated, seed, recipe)
    (folder / f"{NAME}.onnx").write_bytes(content)
    metrics: dict[str, Any] = {
        "seed": seed,
        "recipe": asdict(recipe),
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "marks": len(marks.positive),
        "positives": int(marks.positive.sum()),
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "calibration": {"slope": slope, "offset": offset},
        "test": _tested(content, tested),
        "seconds": round(time.perf_counter() - began, 1),
        "fingerprint": fingerprint,
    }
    (folder / f"{NAME}.md").write_text(context_card(metrics, VERSION))
    return finish(folder / f"{NAME}.json", metrics)


def _fingerprint(seed: int, recipe: ContextRecipe, files: Sequence[Path]) -> str:
    digest = hashlib.sha256(json.dumps([VERSION, seed, asdict(recipe)], sort_keys=True).encode())
    digest.update(b"".join(file.read_bytes() for file in files))
    return digest.hexdigest()


def _drawn(
    path: Path,
    fingerprint: str,
    stream: Sequence[int],
    tiles: int,
    side: int,
    networks: Sequence[Path],
    threads: int,
    tell: Tell | None,
) -> Arrays:
    progress = None if tell is None else lambda *n: tell(f"marks of tiles, {path.stem}", *n)
    return kept_arrays(
        path, fingerprint, lambda: draw_marks(stream, tiles, side, networks, workers=threads, progress=progress)
    )


def _balanced(drawn: Arrays, seed: int) -> Patches:
    """All marks on calcifications and arteries, and no more others than on arteries: in one patient these are many."""
    kinds, rng = drawn["kinds"], numpy.random.default_rng([seed, 0xBA1])
    other = numpy.flatnonzero(kinds == 0)
    some = rng.permutation(other)[: max(1, int((kinds == ARTERY).sum()))]
    chosen = numpy.sort(numpy.r_[numpy.flatnonzero(kinds), some])
    return Patches(drawn["pixels"][chosen], kinds[chosen] == CALCIFICATION)


def _fit(
    network: nn.Sequential,
    marks: Patches,
    recipe: ContextRecipe,
    seed: int,
    folder: Path,
    fingerprint: str,
    tell: Tell | None,
) -> list[float]:
    """Train in place, from the folder's checkpoint on if there is one; the losses."""
    fit = Fit(network, recipe, seed)
    fit.load(folder / f"{NAME}-checkpoint.pt", fingerprint)
    while fit.epoch < recipe.epochs:
        name = f"{NAME}: epoch {fit.epoch + 1} of {recipe.epochs}"
        fit.run_epoch(marks, None if tell is None else lambda *n, name=name: tell(name, *n))
        fit.save(folder / f"{NAME}-checkpoint.pt", fingerprint)
    return fit.losses


def _exported(network: Any, seed: int, recipe: ContextRecipe) -> bytes:
    return export(
        network,
        name=NAME,
        version=VERSION,
        input_shape=("n", CHANNELS, SIDE, SIDE),
        output_shape=("n", 1),
        metadata={
            "input_range": "0 .. 2: strongest response and highest log-odds of the candidates in cells of 0.65 mm",
            "output": "probability of a calcification among as many other marks",
            "recipe": json.dumps(asdict(recipe), sort_keys=True),
            "seed": str(seed),
            "training_data": "phantoms of mcfast.phantom",
        },
    )


def _tested(content: bytes, tested: Arrays) -> dict[str, Any]:
    """How well calcifications are told from other marks: by the score, by what lies around, and by both."""
    network = runtimes.load(content, threads=1)
    pixels, scores = tested["pixels"].astype(numpy.float32), tested["scores"]
    positive, arteries = tested["kinds"] == CALCIFICATION, tested["kinds"] == ARTERY
    said = log_odds(network.run(pixels).ravel()) if len(pixels) else numpy.empty(0)
    both = believed(scores, said, DetectorConfig().context)
    ways = {"score": scores, "context": said, "both": both}
    possible = 0 < positive.sum() < len(positive)
    return {
        "marks": len(positive),
        "calcifications": int(positive.sum()),
        "arteries": int(arteries.sum()),
        "auc": {name: auc(values, positive) if possible else None for name, values in ways.items()},
    }
