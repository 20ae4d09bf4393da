"""The model card that training writes beside `fsrcnn.onnx`."""

from __future__ import annotations

from typing import Any

from mcfast.evaluate.sr import psnr_table

__all__ = ["model_card"]

_CARD = """\
# fsrcnn {version}

Magnifies a mammogram by 2. **Research use only**: for looking, not for measuring and not for diagnosis.

| | |
|---|---|
| network | FSRCNN({d}, {s}, {m}): Dong, Loy and Tang, ECCV 2016; one channel, zero padding, PReLU |
| input | (n, 1, rows, columns) float32, image / max_value, 0 .. 1 |
| output | (n, 1, 2 rows, 2 columns) float32, to be clipped to 0 .. 1 |
| training data | {data}: {trained}, with {crops} crops of each |
| pairs | crops of {large} x {large} px; the small image is the mean of 2x2 pixels (Honjo et al.) |
{variety}| recipe | starts as bicubic; mean squared error; Adam, {learning_rate:g} falling along a cosine |
| length | {steps} steps of {batch} crops of {side} x {side} small pixels, turned and mirrored; seed {seed} |
| choice of weights | best of checks every {check_every} steps on {asked} other images: step {step_kept} |
| reproduce | `mcfast train fsrcnn {source} --out out/train --seed {seed} --threads {threads}`: {seconds:.0f} s |

## PSNR on unseen images

dB; each binned by 2x2 and restored; 2 pixels at the border do not count; frame / breast only.

{table}

## Limits

- It sharpens what blur by 2x2 binning took away. It adds no information, and detail near the
  noise level may be smoothed or sharpened wrongly. Do not measure size, shape or number of calcifications on it.
- The input range matters: a 12-bit image must be divided by 4095, not by 65535.
- Within 8 pixels of the frame's border the network sees zeros outside and is less exact.
{warning}- The file repeats bit by bit for the same seed only on the same processor, torch version and threads.
"""


_DETECTORS = """\
| detectors | spacing 0.05 to 0.1 mm; blur, noise, its grain, gain and background drawn for each |
| noise | 0.05 to 4 % of white added, log-uniform; a wide guess, not measured on any detector |
"""
_PATIENTS = "- Weights may hold traces of the images they were trained on: those of patients are not to be published.\n"


def model_card(metrics: dict[str, Any], version: str) -> str:
    """The card as Markdown, from what `train_fsrcnn` returns."""
    recipe = metrics["recipe"]
    phantoms = "phantom" in metrics["data"]
    trained, asked, _ = metrics["images"]
    columns = [f"{'phantom' if phantoms else 'image'} {index + 1}" for index in range(len(metrics["psnr_db"]))]
    values = {
        **recipe,
        "large": 2 * recipe["side"],
        "variety": _DETECTORS if phantoms else "",
        "warning": "" if phantoms else _PATIENTS,
        "source": "phantoms" if phantoms else "FOLDER",
        "trained": trained,
        "asked": asked,
        **metrics,
    }
    return _CARD.format(
        version=version, table=psnr_table(dict(zip(columns, metrics["psnr_db"], strict=True))), **values
    )
