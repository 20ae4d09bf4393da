"""How coarse the image is on which the breast is found, and what its lengths in millimetres are there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CoarseGrid"]

COARSE_MM = 0.8  # labels, strings of noise and scratches are thin at this spacing, the breast is not
FRAME_MM = 1.0  # film edges and collimator shadows at the image border
OPENING_MM = 2.4  # what is thinner is no breast


@dataclass(frozen=True, slots=True)
class CoarseGrid:
    """An image of `spacing_mm`, averaged over `factor` x `factor` pixels; lengths are in coarse pixels."""

    spacing_mm: float

    @property
    def factor(self) -> int:
        """Image pixels to a coarse one."""
        return max(1, round(COARSE_MM / self.spacing_mm))

    @property
    def frame(self) -> int:
        """Width of the lines along the border that are film edges."""
        return max(1, round(FRAME_MM / self._step_mm))

    @property
    def opening(self) -> int:
        """Steps of the opening that removes thin structures."""
        return max(1, round(OPENING_MM / self._step_mm))

    @staticmethod
    def border_reach(shape: tuple[int, ...]) -> int:
        """Half of the gap along a border that is bridged in a coarse mask of that shape."""
        return max(3, min(shape) // 10)

    @property
    def _step_mm(self) -> float:
        return self.factor * self.spacing_mm
