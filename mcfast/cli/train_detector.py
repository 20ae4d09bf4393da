"""`mcfast train detector`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.progress import bars
from mcfast.cli.train_options import add_options, check, marked_images
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "detector",
        help="the detector, on phantoms and, if you like, on images and marks of your own",
        description="Draws phantoms, trains, calibrates and tests, and leaves NETWORK.onnx, its model card and its "
        "metrics in DIR. Stopped and started again with the same options, it goes on where it was.",
        epilog=NOTICE,
    )
    parser.add_argument(
        "--recipe",
        default="shipped",
        help="shipped (vgg12, vgg24, context24, one after the other; the default): four teachers first, then these; "
        "vgg12, vgg24: one; context24: for those in DIR, else those that are installed; "
        "vgg12-usual, vgg24-usual, vgg12-difficult, vgg24-difficult: one teacher alone, a quarter of the time; or as "
        "Bria et al. (2018): bria (vgg12, after their table 1), bria-alexnet12 (alexnet12, after table 2)",
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the calcifications (default: the recipe's)"
    )
    parser.add_argument("--tiles", type=int, metavar="N", help="training tiles of each mixture (default: the recipe's)")
    parser.add_argument(
        "--start", metavar="FILE", help="an ONNX file to fine-tune, on the truth alone; 'shipped' is the one that ships"
    )
    add_options(parser, "processes that draw")
    parser.set_defaults(function=_train)


def _train(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from mcfast.errors import ConfigError, DeviceError

    try:
        from mcfast.train.detector.context import NAME
        from mcfast.train.detector.recipe import RECIPES, SHIPPED
        from mcfast.train.detector.training import train_detector
    except ImportError as error:
        raise DeviceError(f"training: {error}; install what it needs with pip install mcfast[train]") from error
    if options.recipe not in ("shipped", NAME, *RECIPES):
        raise ConfigError(f"--recipe: expected one of shipped, {NAME}, {', '.join(RECIPES)}, got {options.recipe!r}")
    check(options)
    asked = {name: getattr(options, name) for name in ("epochs", "tiles") if getattr(options, name) is not None}
    own = _own_patches(options)
    for name in (*SHIPPED, NAME) if options.recipe == "shipped" else (options.recipe,):
        if name == NAME:
            _train_context(options, asked)
            continue
        recipe = replace(RECIPES[name], **asked)
        if options.start is not None:
            recipe = replace(recipe, teachers=())  # the start has learnt from them
        with bars() as tell:
            metrics = train_detector(
                options.out,
                seed=options.seed,
                recipe=recipe,
                threads=options.threads,
                tell=tell,
                own=own,
                start=_start(options.start, recipe.network),
            )
        print(f"{recipe.network}: {metrics['patches']} patches, {metrics['positives']} of calcifications")
        print(f"loss {metrics['loss_first']:.4f} -> {metrics['loss_last']:.4f} in {metrics['seconds']:.0f} s")
        print(f"written: {Path(options.out) / recipe.network}.onnx, .md, .json")
    print(NOTICE)
    return 0


def _train_context(options: argparse.Namespace, asked: dict[str, int]) -> None:
    from mcfast.train.detector.context import NAME, ContextRecipe, train_context

    with bars() as tell:
        recipe = ContextRecipe(**asked)  # type: ignore[arg-type]
        metrics = train_context(options.out, seed=options.seed, recipe=recipe, threads=options.threads, tell=tell)
    print(f"{NAME}: {metrics['marks']} marks, {metrics['positives']} of calcifications")
    print(f"loss {metrics['loss_first']:.4f} -> {metrics['loss_last']:.4f} in {metrics['seconds']:.0f} s")
    print(f"written: {Path(options.out) / NAME}.onnx, .md, .json")


def _own_patches(options: argparse.Namespace) -> Any:
    own = marked_images(options)
    if own is None:
        return None
    from mcfast.train.detector.own_images import from_images

    return from_images(*own, spacing_mm=options.spacing_mm, seed=options.seed)


def _start(name: str | None, network: str) -> bytes | None:
    if name is None:
        return None
    from mcfast import nets

    return nets.weights(network) if name == "shipped" else Path(name).read_bytes()
