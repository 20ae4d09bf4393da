"""`mcfast evaluate backgrounds`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcfast.result import NOTICE

if TYPE_CHECKING:
    from mcfast.evaluate.background import Background
    from mcfast.evaluate.cases import Case
    from mcfast.evaluate.looks import Look

__all__ = ["add_parser"]

FIRST_TILE = 0xBAC  # no training draws tiles of these seeds


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "backgrounds",
        help="phantoms: their spectra, noise and sharpness beside those of real mammograms",
        description="Measures what phantoms and training tiles must share with real mammograms, at 0.1 mm within the "
        "breast: how the power spectrum falls, how noise follows the signal, how sharp the image is. Prints "
        "the median and the 10 to 90 % range over images. Images of pixels coarser than 0.12 mm are left out.",
        epilog=NOTICE,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="mammograms, or a folder of them")
    parser.add_argument("--spacing-mm", type=float, metavar="S", help="pixel spacing of files whose header tells none")
    parser.add_argument(
        "--exports", action="store_true", help="measure 8-bit exports of the mammograms at 0.11 and 0.14 mm, too"
    )
    parser.add_argument("--phantoms", type=int, default=8, metavar="N", help="how many whole phantoms (default: 8)")
    parser.add_argument("--tiles", type=int, default=80, metavar="N", help="how many training tiles (default: 80)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of phantoms and tiles (default: 0)")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="write backgrounds.json and spectra.png into this folder"
    )
    parser.set_defaults(function=_measure)


def _measure(options: argparse.Namespace) -> int:
    import json

    from mcfast.cli.inputs import output_folder
    from mcfast.errors import ConfigError, InputError
    from mcfast.evaluate.background_chart import draw_spectra
    from mcfast.evaluate.background_report import compare_backgrounds
    from mcfast.report.write import write_file

    if min(options.phantoms, options.tiles, options.seed) < 0:
        raise ConfigError("--phantoms, --tiles, --seed: expected at least 0")
    if not (options.paths or options.phantoms or options.tiles):
        raise ConfigError("backgrounds: expected PATH, --phantoms or --tiles above 0, got nothing to measure")
    folder = output_folder(options.out)
    groups: dict[str, list[Background]] = {}
    left_out: dict[str, list[str]] = {}
    for name, jobs in _jobs(options).items():
        measured, refused = [], []
        for job in jobs:
            try:
                measured.append(job())
            except InputError as error:
                refused.append(str(error))
        if measured:
            groups[name] = measured
        left_out[name] = refused
    for message in left_out["real"]:
        print(f"mcfast: left out: {message}", file=sys.stderr)
    if not groups:
        raise InputError("backgrounds: nothing could be measured; give whole mammograms of at most 0.12 mm per pixel")
    report = compare_backgrounds(groups)
    report["left_out"] = left_out
    _print_table(report)
    write_file(folder / "backgrounds.json", (json.dumps(report, indent=2) + "\n").encode())
    draw_spectra(folder / "spectra.png", report["groups"])
    print(NOTICE)
    return 0


def _jobs(options: argparse.Namespace) -> dict[str, list[Callable[[], Background]]]:
    """What is to be measured, by group."""
    from mcfast.cli.inputs import image_files
    from mcfast.evaluate.cases import phantom_cases
    from mcfast.evaluate.looks import LOOKS

    files = image_files(options.paths) if options.paths else []
    jobs: dict[str, list[Callable[[], Background]]] = {}
    jobs["real"] = [partial(_file, file, options.spacing_mm) for file in files]
    for look in LOOKS[:2] if options.exports else ():
        jobs[f"real as {look.name}"] = [partial(_export, file, options.spacing_mm, look) for file in files]
    jobs["phantoms"] = [partial(_case, case) for case in phantom_cases(options.phantoms, options.seed)]
    jobs["tiles"] = [partial(_tile, options.seed, number) for number in range(options.tiles)]
    return jobs


def _file(file: Path, spacing_mm: float | None) -> Background:
    from mcfast.evaluate.background import background_of
    from mcfast.reading import read

    return replace(background_of(read(file, spacing_mm=spacing_mm)), name=file.name)


def _export(file: Path, spacing_mm: float | None, look: Look) -> Background:
    """An 8-bit export of a mammogram, brought back to 0.1 mm: what the detector gets of archives."""
    from mcfast.evaluate.background import background_of
    from mcfast.evaluate.comparison import breast_of
    from mcfast.evaluate.looks import exported
    from mcfast.rasters import read_array
    from mcfast.reading import read

    mammogram = read(file, spacing_mm=spacing_mm)
    image, mask = breast_of(mammogram)
    pixels = exported(image, mask, sum(mammogram.spacing_mm) / 2, look, seed=0)
    export = read_array(pixels, file.name, spacing_mm=look.spacing_mm, bits=8)
    return background_of(export, coarsest_mm=look.spacing_mm)


def _case(case: Case) -> Background:
    from mcfast.evaluate.background import background_of

    return background_of(case.load()[0])


def _tile(seed: int, number: int) -> Background:
    import numpy

    from mcfast.evaluate.background import measure
    from mcfast.phantom import tile

    drawn = tile(numpy.random.default_rng([FIRST_TILE, seed, number]))
    return measure(drawn.image, drawn.mask, max_value=65535.0, name=f"tile {number}")


def _print_table(report: dict[str, Any]) -> None:
    from mcfast.evaluate.background_report import NYQUIST, STATISTICS

    heads = []
    for name, group in report["groups"].items():
        total = group["images"] + len(report["left_out"][name])
        heads.append(f"{name} ({group['images']}" + (f" of {total})" if total > group["images"] else ")"))
    print("median (10 to 90 % of the images), at 0.1 mm")
    print("| statistic | " + " | ".join(heads) + " |")
    print("|---" * (1 + len(heads)) + "|")
    for key, words in STATISTICS.items():
        cells = []
        for group in report["groups"].values():
            one = group["statistics"][key]
            limit = NYQUIST if key == "half_width" else float("inf")
            shown = {} if one is None else {part: _number(one[part], limit) for part in one}
            cells.append("{median} ({low} to {high})".format(**shown) if shown else "")
        print(f"| {words} | " + " | ".join(cells) + " |")


def _number(value: float, limit: float) -> str:
    return f"> {limit:g}" if value >= limit else f"{value:.2f}"
