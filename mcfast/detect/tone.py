"""Evening out the tone: exports whose curve leaves fat dark are brought to that of the images networks know.

A calcification looks the same at any level once it is measured in units of the noise around it; a steep curve bends
that: it makes every bright knot of tissue peakier than it is. So the curve is taken back before anything is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Tone", "tone_of"]

Field = NDArray[numpy.float32]
MIDDLE = 0.3  # of the breast's bright end: where half of the breast should at least lie
BRIGHT = 99.0  # percentile of the breast that keeps its value
STEEPEST = 0.4  # lowest exponent: what is black stays black
STRIDE = 4  # the median needs no more


@dataclass(frozen=True, slots=True)
class Tone:
    """v -> bright * (v / bright) ** exponent, for values as fractions of full scale; `exponent` is at most 1."""

    bright: float = 1.0
    exponent: float = 1.0

    def __call__(self, values: Field) -> Field:
        """The values evened out, in place where there is something to do."""
        if self.exponent == 1.0:
            return values
        values /= numpy.float32(self.bright)
        numpy.power(values, numpy.float32(self.exponent), out=values)
        values *= numpy.float32(self.bright)
        return values

    def slope(self, values: NDArray[Any]) -> NDArray[numpy.float64]:
        """How much a small step at these values is stretched."""
        share = numpy.maximum(numpy.asarray(values, numpy.float64) / self.bright, 1e-3)
        stretched: NDArray[numpy.float64] = self.exponent * share ** (self.exponent - 1.0)
        return stretched


def tone_of(image: NDArray[Any], mask: NDArray[numpy.bool_], max_value: float) -> Tone:
    """The tone that lifts the median of the breast to 30 % of its bright end; none where it lies there or above.

    `image` is (H, W) uint8, uint16 or float32 with `max_value` for white, `mask` (H, W) bool. O(1) per pixel.
    """
    sample = image[::STRIDE, ::STRIDE][mask[::STRIDE, ::STRIDE]]
    if len(sample) == 0:
        return Tone()
    middle, bright = (float(value) / max_value for value in numpy.percentile(sample, [50.0, BRIGHT]))
    if not 0.0 < middle < MIDDLE * bright:
        return Tone()
    return Tone(bright, max(STEEPEST, float(numpy.log(MIDDLE) / numpy.log(middle / bright))))
