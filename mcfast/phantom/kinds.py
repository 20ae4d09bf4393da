"""What calcifications of a training tile are like: how often each shape is, how large and how bright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from mcfast.phantom.morphology import Shape

__all__ = ["Kind", "Kinds"]

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """What the members of a cluster have in common: the shape, the typical diameter (of rods and branches the length)
    in mm, and the signal-to-noise ratio of a matched filter, which grows with size."""

    shape: Shape
    diameter_mm: float
    detectability: float


@dataclass(frozen=True, slots=True)
class Kinds:
    """Shares of the kinds; what is neither coarse, thin nor soft is an irregular speck of 0.14 to 0.9 mm.

    Attributes
    ----------
    coarse, rims
        Share of coarse ones (popcorn, dystrophic), and of rims among these.
    thin, rods
        Share of thin ones, and of rods among these; the others branch.
    soft
        Share of those without an edge.
    coarse_mm, thin_mm, soft_mm
        Their diameters or lengths; coarse ones of clusters have 0.4 to 1 mm.
    coarse_snr, soft_snr
        Their detectability; of soft ones the lower end is that of 0.3 mm.
    """

    coarse: float
    rims: float
    thin: float
    rods: float
    soft: float
    coarse_mm: Range
    thin_mm: Range
    soft_mm: Range
    coarse_snr: Range
    soft_snr: Range

    def draw(self, clustered: bool, rng: numpy.random.Generator) -> Kind:
        """One kind, of a cluster or of a single calcification."""
        draw = rng.random()
        if draw < self.coarse:
            shape: Shape = "rim" if rng.random() < self.rims else "irregular"
            size = _between((0.4, 1.0) if clustered else self.coarse_mm, rng)
            return Kind(shape, size, _between(self.coarse_snr, rng))
        if draw < self.coarse + self.thin:
            shape = "rod" if rng.random() < self.rods else "branch"
            return Kind(shape, _between(self.thin_mm, rng), _between((8, 90), rng))
        if draw < self.coarse + self.thin + self.soft:
            size = _between(self.soft_mm, rng)
            return Kind("soft", size, _between((self.soft_snr[0] * (size / 0.3) ** 0.8, self.soft_snr[1]), rng))
        size = _between((0.14, 0.9), rng)
        return Kind("irregular", size, _between((4.5 * (size / 0.15) ** 0.6, 110), rng))


def _between(ends: Range, rng: numpy.random.Generator) -> float:
    """Log-uniform."""
    low, high = ends
    return float(numpy.exp(rng.uniform(numpy.log(low), numpy.log(high))))
