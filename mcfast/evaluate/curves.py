"""Curves as PNG pictures, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["draw_curves", "save_froc", "save_roc"]

SIZE, LEFT, TOP, RIGHT, BOTTOM = (720, 480), 70, 40, 20, 60
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7b4b94", "#b8860b", "#555555")

Curve = tuple[Sequence[float], Sequence[float]]


def draw_curves(
    path: str | Path,
    curves: Mapping[str, Curve],
    *,
    title: str,
    x_label: str,
    x_range: tuple[float, float],
    logarithmic: bool = False,
) -> None:
    """Draw staircases of sensitivity (0 .. 1) into a PNG.

    `curves` maps a name to (x, sensitivity); `x_range` is what the axis shows, above 0 if `logarithmic`.
    """
    from PIL import Image, ImageDraw

    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    place = _Axes(x_range, logarithmic)
    for value in (0, 0.2, 0.4, 0.6, 0.8, 1):
        y = place.y(value)
        pen.line((LEFT, y, SIZE[0] - RIGHT, y), "#dddddd")
        pen.text((LEFT - 8, y), f"{value:.0%}", "black", anchor="rm")
    for value in place.ticks():
        x = place.x(value)
        pen.line((x, TOP, x, SIZE[1] - BOTTOM), "#dddddd")
        pen.text((x, SIZE[1] - BOTTOM + 6), f"{value:g}", "black", anchor="mt")
    for number, (name, (across, up)) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        pen.line(place.staircase(across, up), colour, 3)
        pen.text((SIZE[0] - RIGHT - 8, SIZE[1] - BOTTOM - 18 * (len(curves) - number)), name, colour, anchor="rm")
    pen.text((SIZE[0] / 2, TOP / 2), title, "black", anchor="mm")
    pen.text((SIZE[0] / 2, SIZE[1] - 18), x_label, "black", anchor="mm")
    image.save(path, "PNG")


def save_froc(path: str | Path, reports: Mapping[str, Mapping[str, Any]], *, title: str) -> None:
    """FROC curves of parts of `evaluate_detection`'s report, by name, from 0.1 to 50 false positives per image."""
    curves = {name: (part["curve"]["false_per_image"], part["curve"]["sensitivity"]) for name, part in reports.items()}
    draw_curves(path, curves, title=title, x_label="false positives per image", x_range=(0.1, 50.0), logarithmic=True)


def save_roc(path: str | Path, report: Mapping[str, Any], *, title: str) -> None:
    """The ROC curve of `report["per_image"]`."""
    curve = report["curve"]
    draw_curves(
        path,
        {f"AUC {report['auc']['value']:.3f}": (curve["false_positive_rate"], curve["sensitivity"])},
        title=title,
        x_label="1 - specificity",
        x_range=(0.0, 1.0),
    )


class _Axes:
    def __init__(self, x_range: tuple[float, float], logarithmic: bool) -> None:
        self.low, self.high = x_range
        self.logarithmic = logarithmic

    def x(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return LEFT + part * (SIZE[0] - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (1 - value) * (SIZE[1] - TOP - BOTTOM)

    def ticks(self) -> list[float]:
        if not self.logarithmic:
            return [self.low + (self.high - self.low) * part / 5 for part in range(6)]
        decades = range(math.floor(math.log10(self.low)) - 1, math.ceil(math.log10(self.high)) + 1)
        marks = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
        return [mark for mark in marks if self.low <= mark * 1.0001 and mark <= self.high * 1.0001]

    def staircase(self, across: Sequence[float], up: Sequence[float]) -> list[tuple[float, float]]:
        points: list[tuple[float, float]] = []
        height = 0.0
        for value, level in zip([self.low, *across, self.high], [0.0, *up, None], strict=True):
            x = self.x(value)
            points.append((x, self.y(height)))
            height = height if level is None else level
            points.append((x, self.y(height)))
        return points
