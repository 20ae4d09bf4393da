"""`mcfast evaluate sr`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcfast.cli.inputs import image_files
from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "sr",
        help="super-resolution: PSNR, SSIM and PIQE, beside interpolations",
        description="Bins each image by 2x2, magnifies it again by every method, and compares with the image itself; "
        "prints Markdown tables. A file that cannot be used is an error.",
        epilog=NOTICE,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="PNG, TIFF or DICOM, or a folder of them")
    parser.add_argument("--network", metavar="FILE.onnx", help="another FSRCNN than the one that ships")
    parser.add_argument("--peer", metavar="FSRCNN_x2.pb", help="also OpenCV's dnn_superres with this model, in 8 bit")
    parser.add_argument("--piqe", action="store_true", help="also PIQE, before and after magnification (slow)")
    parser.add_argument(
        "--phantoms",
        type=int,
        default=0,
        metavar="N",
        help="also contrast-to-noise of calcifications on N phantoms, before and after magnification",
    )
    parser.add_argument("--json", metavar="FILE", help="save the numbers")
    parser.set_defaults(function=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from mcfast import runtimes
    from mcfast.errors import ConfigError
    from mcfast.evaluate.sr_report import evaluate_image, read_image, restorers, tables
    from mcfast.report.write import write_file

    if options.phantoms < 0:
        raise ConfigError(f"--phantoms: expected at least 0, got {options.phantoms}")
    files = image_files(options.paths) if options.paths or not options.phantoms else []
    network = runtimes.load(options.network, runtime="native") if options.network else None
    scores = []
    for path in files:
        image, peak = read_image(path)
        methods = restorers(peak, network=network, peer=options.peer)
        scores.append(evaluate_image(path.name, image, peak, methods, quality=options.piqe))
    if scores:
        print(tables(scores))
    contrast = _contrast(options.phantoms) if options.phantoms else {}
    if options.json:
        values = {"images": [asdict(one) for one in scores], "contrast_to_noise": contrast}
        write_file(Path(options.json), (json.dumps(values, indent=2) + "\n").encode())
    return 0


def _contrast(count: int) -> dict[str, float]:
    from mcfast import phantom
    from mcfast.evaluate.contrast import magnified_contrast

    # Seeds that neither training nor its tests use.
    found = magnified_contrast([phantom.mammogram(3_000_000 + index) for index in range(count)])
    print(f"\nMedian contrast-to-noise of {found['calcifications']:.0f} calcifications on {count} phantoms:\n")
    print("\n".join(f"- {name}: {value:.3f}" for name, value in found.items() if name != "calcifications"))
    return found
