"""What images must have in common to be worked on by the same launches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from mcfast.config import Config
from mcfast.mammogram import Mammogram

__all__ = ["LARGEST_BATCH", "FrameKind"]

LARGEST_BATCH = 4096
"""Patches that a network is given at once, the largest of the engines' buckets."""

Arrays = dict[str, tuple[tuple[int, ...], Any]]


@dataclass(frozen=True, slots=True)
class FrameKind:
    """Size, spacing, bits, and whether there is padding."""

    shape: tuple[int, int]
    spacing_mm: tuple[float, float]
    bits: int
    has_valid: bool

    @classmethod
    def of(cls, mammogram: Mammogram) -> FrameKind:
        """The kind of an image."""
        rows, columns = mammogram.shape
        return cls((rows, columns), mammogram.spacing_mm, mammogram.bits, mammogram.valid is not None)

    @property
    def white(self) -> float:
        """Intensity of white in the image."""
        return float((1 << self.bits) - 1)

    @property
    def white_at_canonical(self) -> float:
        """The same at the canonical spacing, where counts fill 16 bits."""
        return self.white * float(1 << (16 - self.bits))

    def scale(self, config: Config) -> tuple[float, float]:
        """From the image to the canonical spacing, (rows, columns)."""
        return self.spacing_mm[0] / config.canonical_mm, self.spacing_mm[1] / config.canonical_mm

    def arrays(self, config: Config, detectors: Mapping[str, tuple[int, int]], phases: int | None) -> Arrays:
        """Shape and dtype of every array on the device.

        `detectors` are scales and side of the networks' patches; `phases` are the magnifier's, if there is one.
        """
        small = _resampled(self.shape, self.scale(config))
        limit, twice = config.detector.limit, (2 * self.shape[0], 2 * self.shape[1])
        batch = min(limit, LARGEST_BATCH)
        found: Arrays = {
            "image": (self.shape, numpy.uint16),
            "enhanced": (self.shape, numpy.uint16),
            "inside": (self.shape, numpy.bool_),
            "small": (small, numpy.uint16),
            "mask": (small, numpy.bool_),
            "box": ((4,), numpy.int32),
            "count": ((1,), numpy.int32),
            "tone": ((2,), numpy.float64),
            "places": ((limit, 2), numpy.int32),
            **dict.fromkeys(("strength", "noise", "scores"), ((limit,), numpy.float32)),
            "stays": ((limit,), numpy.bool_),
            "said": ((len(detectors), limit), numpy.float32),
            **{
                f"input {name}": ((batch, scales, side, side), numpy.float32)
                for name, (scales, side) in detectors.items()
            },
        }
        if self.has_valid:
            found["valid"] = small, numpy.bool_
        if phases is not None:
            found |= {
                "unit": ((1, 1, *self.shape), numpy.float32),
                "large": ((1, phases**2, *(side // phases for side in twice)), numpy.float32),
                "magnified": (twice, numpy.uint16),
            }
        return found


def _resampled(shape: tuple[int, int], scale: tuple[float, float]) -> tuple[int, int]:
    """The shape that `mcfast.resample` gives."""
    rows, columns = (max(1, math.floor(n * by + 0.5)) for n, by in zip(shape, scale, strict=True))
    return rows, columns
