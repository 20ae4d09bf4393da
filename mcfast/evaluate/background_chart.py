"""Power spectra of groups of images over each other, as a PNG drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcfast.evaluate.curves import COLOURS
from mcfast.evaluate.spectrum import BANDS

__all__ = ["draw_spectra"]

SIZE, LEFT, TOP, RIGHT, BOTTOM = (900, 640), 80, 50, 24, 64
FINER = 3  # lines are drawn so many times larger and averaged
TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def draw_spectra(path: str | Path, groups: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw the median of each group as a line and its 10 to 90 % range as a band, both axes logarithmic.

    `groups` are those of `compare_backgrounds`. Dashed lines part the bands that exponents are fitted in.
    """
    from PIL import Image, ImageDraw

    spectra = {name: group["spectrum"] for name, group in groups.items()}
    place = _Place(list(spectra.values()))
    image = Image.new("RGB", (SIZE[0] * FINER, SIZE[1] * FINER), "white")
    _grid(ImageDraw.Draw(image), place)
    for number, one in enumerate(spectra.values()):
        shade = Image.new("L", image.size, 0)
        there = place.line(one["frequency_per_mm"], one["high"])
        back = place.line(one["frequency_per_mm"], one["low"])
        ImageDraw.Draw(shade).polygon([*there, *reversed(back)], fill=46)
        image.paste(COLOURS[number % len(COLOURS)], mask=shade)
    pen = ImageDraw.Draw(image)
    for number, one in enumerate(spectra.values()):
        points = place.line(one["frequency_per_mm"], one["median"])
        pen.line(points, COLOURS[number % len(COLOURS)], 3 * FINER, joint="curve")
    image = image.resize(SIZE, Image.Resampling.BOX)
    _words(ImageDraw.Draw(image), place, {name: group["images"] for name, group in groups.items()})
    image.save(path, "PNG")


class _Place:
    """Pixels of the finer image for frequencies and powers."""

    def __init__(self, spectra: Sequence[Mapping[str, Sequence[float]]]) -> None:
        at = [value for one in spectra for value in one["frequency_per_mm"]]
        powers = [value for one in spectra for key in ("low", "high") for value in one[key] if value > 0]
        self.low, self.high = min(at), max(at)
        self.decades = math.floor(math.log10(min(powers))), math.ceil(math.log10(max(powers)))

    def x(self, frequency: float) -> float:
        part = math.log(frequency / self.low) / math.log(self.high / self.low)
        return FINER * (LEFT + part * (SIZE[0] - LEFT - RIGHT))

    def y(self, power: float) -> float:
        bottom, top = self.decades
        part = (math.log10(max(power, 10.0**bottom)) - bottom) / max(top - bottom, 1)
        return FINER * (TOP + (1 - part) * (SIZE[1] - TOP - BOTTOM))

    def line(self, at: Sequence[float], powers: Sequence[float]) -> list[tuple[float, float]]:
        return [(self.x(one), self.y(power)) for one, power in zip(at, powers, strict=True)]


def _grid(pen: Any, place: _Place) -> None:
    right, bottom = FINER * (SIZE[0] - RIGHT), FINER * (SIZE[1] - BOTTOM)
    for decade in range(place.decades[0], place.decades[1] + 1):
        y = place.y(10.0**decade)
        pen.line((FINER * LEFT, y, right, y), "#dddddd", FINER)
    for frequency in TICKS:
        if place.low <= frequency <= place.high:
            x = place.x(frequency)
            pen.line((x, FINER * TOP, x, bottom), "#dddddd", FINER)
    for frequency in sorted({end for band in BANDS for end in band}):
        x = place.x(frequency)
        for y in range(FINER * TOP, bottom, 8 * FINER):
            pen.line((x, y, x, y + 4 * FINER), "#999999", FINER)


def _words(pen: Any, place: _Place, images: Mapping[str, int]) -> None:
    for decade in range(place.decades[0], place.decades[1] + 1):
        pen.text((LEFT - 8, place.y(10.0**decade) / FINER), f"1e{decade}", "black", anchor="rm")
    for frequency in TICKS:
        if place.low <= frequency <= place.high:
            pen.text((place.x(frequency) / FINER, SIZE[1] - BOTTOM + 6), f"{frequency:g}", "black", anchor="mt")
    for number, (name, count) in enumerate(images.items()):
        # Spectra fall: the lower left is free.
        where = (LEFT + 14, SIZE[1] - BOTTOM - 14 - 18 * (len(images) - 1 - number))
        pen.text(where, f"{name} ({count})", COLOURS[number % len(COLOURS)], anchor="lm")
    title = "power spectra at 0.1 mm: median and 10 to 90 % of the images"
    pen.text((SIZE[0] / 2, TOP / 2), title, "black", anchor="mm")
    pen.text((SIZE[0] / 2, SIZE[1] - 20), "spatial frequency per mm", "black", anchor="mm")
    pen.text((8, TOP - 14), "power, range^2 mm^2", "black", anchor="lm")
