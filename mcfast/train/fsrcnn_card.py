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
| training data | phantoms of `mcfast.phantom` only, no image of a patient: {phantoms}, with {crops} crops of each |
| pairs | crops of {large} x {large} px; the small image is the mean of 2x2 pixels (Honjo et al.) |
| detectors | spacing 0.05 to 0.1 mm; blur, noise, its grain, gain and background drawn for each |
| noise | 0.05 to 4 % of white added, log-uniform; a wide guess, not measured on any detector |
| recipe | starts as bicubic interpolation; mean squared error; Adam, {learning_rate:g} falling along a cosine |
| length | {steps} steps of {batch} crops of {side} x {side} small pixels, turned and mirrored; seed {seed} |
| choice of weights | best of checks every {check_every} steps on {held_out} other phantoms: step {step_kept} |
| reproduce | `python -m mcfast.train fsrcnn --out out/train --seed {seed} --threads {threads}`: {seconds:.0f} s |

## PSNR on unseen phantoms

dB; 12 bit, peak 4095; each binned by 2x2 and restored; 2 pixels at the border do not count; frame / breast only.

{table}

## Limits

- Trained on phantoms: it sharpens what blur by 2x2 binning took away. It adds no information, and detail near the
  noise level may be smoothed or sharpened wrongly. Do not measure size, shape or number of calcifications on it.
- The input range matters: a 12-bit image must be divided by 4095, not by 65535.
- Within 8 pixels of the frame's border the network sees zeros outside and is less exact.
- The file repeats bit by bit for the same seed only on the same processor, torch version and number of threads.
"""


def model_card(metrics: dict[str, Any], version: str) -> str:
    """The card as Markdown, from what `train_fsrcnn` returns."""
    recipe = metrics["recipe"]
    columns = [f"phantom {index + 1}" for index in range(len(metrics["psnr_db"]))]
    table = psnr_table(dict(zip(columns, metrics["psnr_db"], strict=True)))
    values = {**recipe, "large": 2 * recipe["side"], **metrics}
    return _CARD.format(version=version, table=table, **values)
