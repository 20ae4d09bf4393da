"""What training tiles are mixed of: as it comes, with more of what detectors miss and of what fools them, or with
calcified arteries nearly everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from mcfast.phantom.kinds import Kinds
from mcfast.phantom.vascular import add_artery, add_tracks

__all__ = ["MIXTURES", "Mixture", "MixtureName"]

MixtureName = Literal["usual", "difficult", "arteries"]


@dataclass(frozen=True, slots=True)
class Mixture:
    """How often a tile holds what, each a probability unless said otherwise.

    Attributes
    ----------
    skin, shallow
        The breast ends within the tile; then all calcifications lie within 7 mm of the skin.
    crossings, vascular
        Lines that cross; calcified arteries.
    vessels, vessel_snr, vessel
        Most arteries of a tile, the largest height of their walls in deviations of the noise, and what draws one.
    kinds
        Of calcifications.
    """

    skin: float
    shallow: float
    crossings: float
    vascular: float
    vessels: int
    vessel_snr: float
    vessel: Callable[[NDArray[Any], float, float, numpy.random.Generator], None]
    kinds: Kinds


def _any_artery(signal: NDArray[Any], spacing_mm: float, peak: float, rng: numpy.random.Generator) -> None:
    (add_tracks if rng.random() < 0.25 else add_artery)(signal, spacing_mm, peak, rng)


MIXTURES: dict[str, Mixture] = {
    "usual": Mixture(
        skin=0.35,
        shallow=0.0,
        crossings=0.5,
        vascular=0.15,
        vessels=2,
        vessel_snr=14,
        vessel=add_tracks,
        kinds=Kinds(
            coarse=0.1,
            rims=0.5,
            thin=0.1,
            rods=0.6,
            soft=0.08,
            coarse_mm=(0.7, 2.2),
            thin_mm=(0.4, 1.6),
            soft_mm=(0.3, 1.0),
            coarse_snr=(40, 600),
            soft_snr=(10, 120),
        ),
    ),
    "difficult": Mixture(
        skin=0.45,
        shallow=0.5,
        crossings=0.6,
        vascular=0.3,
        vessels=3,
        vessel_snr=20,
        vessel=add_artery,
        kinds=Kinds(
            coarse=0.15,
            rims=0.65,
            thin=0.15,
            rods=0.65,
            soft=0.18,
            coarse_mm=(0.6, 2.2),
            thin_mm=(0.4, 1.8),
            soft_mm=(0.3, 1.2),
            coarse_snr=(25, 500),
            soft_snr=(9, 120),
        ),
    ),
}
MIXTURES["arteries"] = replace(
    MIXTURES["difficult"], skin=0.3, vascular=0.8, vessels=4, vessel_snr=50, vessel=_any_artery
)
"""`"usual"` has what is common in images; in `"difficult"` the calcifications that detectors miss (soft, thin, rims,
near the skin) and the arteries and crossings that they mark are commoner than in patients; in `"arteries"` these are in
four tiles of five, and more strongly calcified."""
