"""Drawing training patches in worker processes, and keeping them on disk so that training can be taken up again."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.phantom.mixture import MixtureName
from mcfast.train.detector.recipe import DetectorRecipe
from mcfast.train.patches import Patches, every_negative, from_phantom, from_tile, join, small_phantom

__all__ = ["draw_patches", "kept", "kept_arrays", "mapped", "mine_patches", "mined_before"]

Progress = Callable[[int, int], None]


def draw_patches(
    seed: int, recipe: DetectorRecipe, phantoms: Sequence[int], *, workers: int = 1, progress: Progress | None = None
) -> Patches:
    """All training patches: of `recipe.tiles` tiles and of the phantoms of the given seeds.

    Each has a random stream of its own, so the result is the same for any number of worker processes. `progress` is
    called with how many are done and to do.
    """
    mixture, without = recipe.mixture, recipe.drawn_without
    tasks: list[Any] = [
        (_tile_patches, (seed, index, recipe.side, recipe.negatives, mixture, without)) for index in range(recipe.tiles)
    ]
    tasks += [(_phantom_patches, (number, recipe.phantom_negatives, without)) for number in phantoms]
    return join(list(_drawn(tasks, workers, progress)))


def mine_patches(
    seed: int,
    recipe: DetectorRecipe,
    hardness: Callable[[Patches], Any],
    phantoms: Sequence[int] = (),
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Patches:
    """The `recipe.mined_negatives` candidates of each of `recipe.mined_tiles` further tiles that are hardest, and four
    times as many of each of the phantoms of the given seeds.

    `hardness` gives (N,) numbers for N patches. Returns negatives only.
    """
    drawing = recipe.side, recipe.mixture, recipe.drawn_without
    tasks: list[Any] = [(_negative_patches, (seed, index, *drawing)) for index in range(recipe.mined_tiles)]
    tasks += [(_phantom_negatives, (number,)) for number in phantoms]
    wanted = [recipe.mined_negatives] * recipe.mined_tiles + [4 * recipe.mined_negatives] * len(phantoms)
    parts = []
    for found, count in zip(_drawn(tasks, workers, progress), wanted, strict=True):
        order = numpy.argsort(-hardness(found), kind="stable")[:count]
        parts.append(Patches(found.pixels[order], found.positive[order]))
    return join(parts)


def mined_before(path: Path) -> Patches:
    """What an earlier training mined and kept in the file."""
    with numpy.load(path) as file:
        return Patches(file["pixels"], file["positive"])


def kept(path: Path, fingerprint: str, draw: Callable[[], Patches]) -> Patches:
    """What is in the file if it has this fingerprint, else what `draw` gives, which is then kept there."""

    def arrays() -> dict[str, NDArray[Any]]:
        drawn = draw()
        return {"pixels": drawn.pixels, "positive": drawn.positive}

    return Patches(**kept_arrays(path, fingerprint, arrays))


def kept_arrays(path: Path, fingerprint: str, draw: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The same for arrays by name."""
    if path.exists():
        with numpy.load(path) as file:
            if str(file["fingerprint"]) == fingerprint:
                return {name: file[name] for name in file.files if name != "fingerprint"}
    drawn = draw()
    partial = path.with_suffix(".partial.npz")
    numpy.savez(partial, allow_pickle=False, fingerprint=fingerprint, **drawn)
    partial.replace(path)
    return drawn


def mapped(function: Callable[[Any], Any], tasks: Sequence[Any], workers: int) -> Iterator[Any]:
    """`map` over worker processes, in order; in this process for fewer than two."""
    if workers <= 1:
        yield from map(function, tasks)
        return
    # A forked child would inherit torch's and the operations' threads as dead locks.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(function, tasks, chunksize=8)


def _drawn(tasks: Sequence[Any], workers: int, progress: Progress | None) -> Iterator[Patches]:
    yield from _counted(mapped(_call, tasks, workers), len(tasks), progress)


def _counted(results: Any, total: int, progress: Progress | None) -> Iterator[Patches]:
    for index, result in enumerate(results):
        if progress is not None:
            progress(index + 1, total)
        yield result


def _call(task: tuple[Callable[..., Patches], tuple[Any, ...]]) -> Patches:
    function, arguments = task
    return function(*arguments)


def _tile_patches(
    seed: int, index: int, side: int, negatives: int, mixture: MixtureName, without: tuple[str, ...]
) -> Patches:
    rng = numpy.random.default_rng([seed, 0x711E, index])
    return from_tile(rng, side=side, negatives=negatives, mixture=mixture, without=without)


def _phantom_patches(number: int, negatives: int, without: tuple[str, ...]) -> Patches:
    rng = numpy.random.default_rng([number, 0x9A])
    return from_phantom(small_phantom(number), rng, negatives=negatives, without=without)


def _negative_patches(seed: int, index: int, side: int, mixture: MixtureName, without: tuple[str, ...]) -> Patches:
    rng = numpy.random.default_rng([seed, 0x3123, index])
    return every_negative(rng, side=side, mixture=mixture, without=without)


def _phantom_negatives(number: int) -> Patches:
    found = from_phantom(small_phantom(number), numpy.random.default_rng([number, 0x31]), negatives=100_000)
    return Patches(found.pixels[~found.positive], found.positive[~found.positive])
