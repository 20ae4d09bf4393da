"""The course of a training: what recipes for different networks have in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from mcfast.errors import ConfigError

__all__ = ["Course"]


@dataclass(frozen=True)
class Course:
    """How a network is fitted to patches; see `mcfast.train.fit`. Recipes add what is trained, and on what.

    Attributes
    ----------
    epochs, batch, ratio
        Passes over the positives, patches per step, negatives per positive.
    optimizer, learning_rate, weight_decay, momentum
        `"adamw"` with one cycle of the rate up to `learning_rate`, or `"sgd"` with momentum and a rate divided by 10
        every 6 epochs.
    gain, level
        Standard deviations by which each patch's contrast (logarithm) and level (in noise deviations) are varied.
    bfloat16
        Multiply in bfloat16: twice as fast on processors that can, slow on others. The weights stay float32.
    """

    epochs: int
    batch: int
    ratio: float
    optimizer: Literal["adamw", "sgd"]
    learning_rate: float
    weight_decay: float
    momentum: float
    gain: float
    level: float
    bfloat16: bool

    @property
    def turns(self) -> bool:
        """Whether batches are turned by quarters and mirrored at random."""
        return True

    def __post_init__(self) -> None:
        """Raise `ConfigError` for what no training could follow."""
        kind = type(self).__name__
        if self.optimizer not in ("adamw", "sgd"):
            raise ConfigError(f"{kind}(optimizer): expected adamw or sgd, got {self.optimizer!r}")
        for name, value in asdict(self).items():
            if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
                raise ConfigError(f"{kind}({name}): expected at least 0, got {value}")
        if self.epochs < 1 or self.batch < 2:
            raise ConfigError(f"{kind}(epochs, batch): expected 1 and 2 at least, got {self.epochs}, {self.batch}")
