"""`mcfast train patch-classifier`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.progress import bars
from mcfast.cli.train_options import add_options, check, marked_images
from mcfast.result import NOTICE

__all__ = ["add_parser"]

NETWORKS = ("resnet50", "resnet18")
NUMBERS = {
    "maps": "width of the network's first stage; half of it, a quarter of the time (default: 64)",
    "side": "of a patch, in pixels of 0.1 mm (default: 224)",
    "phantoms": "how many to draw and cut, about 13 patches each (default: 120)",
    "epochs": "passes over the patches with calcifications (default: 20)",
    "batch": "patches in a step (default: 16)",
}


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "patch-classifier",
        help="ResNet-50 on whole patches: does one hold calcifications?",
        description="Cuts phantoms, and if you like mammograms of your own, at 0.1 mm into patches of 224 x 224 pixels "
        "that do not overlap, labels each by the marks in it, and trains ResNet-50 on as many with calcifications as "
        "without, after Kahnouei et al. (2022). Of ten patients or phantoms seven are trained on, one calibrates, two "
        "test. Leaves NETWORK.onnx, its model card and its metrics in DIR. Stopped and started again with the same "
        "options, it goes on where it was. The defaults take about an hour on two cores; resnet18 with --maps 16 takes "
        "minutes.",
        epilog=NOTICE,
    )
    parser.add_argument(
        "--network", choices=NETWORKS, default=NETWORKS[0], help="resnet18 is lighter; default: resnet50"
    )
    for name, text in NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=text)
    parser.add_argument(
        "--patches",
        metavar="TABLE",
        help="patches of your own instead: a CSV file with columns image, label (1 with calcifications, 0 without) and "
        "patient (else each picture is a patient's only one); or a folder with pictures in folders called 0 and 1. "
        "PNG, TIFF, PGM or DICOM, square, of one size, which the network then takes; pixels of 0.1 mm unless "
        "--spacing-mm says otherwise",
    )
    parser.add_argument("--start", metavar="FILE", help="an ONNX file of the same network to fine-tune")
    add_options(parser, "processes that draw, and threads of torch")
    parser.set_defaults(function=_train)


def _train(options: argparse.Namespace) -> int:
    from mcfast.errors import ConfigError, DeviceError

    try:
        from mcfast.train.classifier.card import measure_table
        from mcfast.train.classifier.recipe import PatchRecipe
        from mcfast.train.classifier.training import train_patch_classifier
    except ImportError as error:
        raise DeviceError(f"training: {error}; install what it needs with pip install mcfast[train]") from error
    check(options)
    if options.patches and (options.images or options.phantoms or options.side):
        raise ConfigError("--patches: expected without --images, --phantoms and --side; a table is trained on alone")
    asked = {name: getattr(options, name) for name in NUMBERS if getattr(options, name) is not None}
    recipe = PatchRecipe(network=options.network, **asked)
    start = Path(options.start).read_bytes() if options.start else None
    with bars() as tell:
        own, recipe = _own_patches(options, recipe, tell)
        metrics = train_patch_classifier(
            options.out, seed=options.seed, recipe=recipe, threads=options.threads, tell=tell, own=own, start=start
        )
    trained, asked_of, tested = metrics["patches"]
    print(f"{recipe.network}: {trained} patches trained on, {asked_of} calibrated by, {tested} tested")
    print(f"loss {metrics['loss_first']:.4f} -> {metrics['loss_last']:.4f} in {metrics['seconds']:.0f} s")
    print(measure_table(metrics["test"]))
    print(f"written: {Path(options.out) / recipe.network}.onnx, .md, .json")
    print(NOTICE)
    return 0


def _own_patches(options: argparse.Namespace, recipe: Any, tell: Any) -> tuple[Any, Any]:
    """The user's patches, if there are, and the recipe that fits them."""
    from dataclasses import replace

    from mcfast.train.classifier.sources import from_marked, from_table

    if options.patches:
        own = from_table(
            options.patches, spacing_mm=options.spacing_mm, progress=lambda *n: tell("reading patches", *n)
        )
        return own, replace(recipe, phantoms=0, side=own.pixels.shape[2])
    images = marked_images(options)
    if images is None:
        return None, recipe
    return from_marked(
        *images, recipe.side, spacing_mm=options.spacing_mm, progress=lambda *n: tell("cutting images", *n)
    ), recipe
