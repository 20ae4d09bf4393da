"""What, besides the seed, decides a patch classifier's weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mcfast.errors import ConfigError
from mcfast.train.course import Course

__all__ = ["NETWORKS", "PatchRecipe"]

NETWORKS = ("resnet50", "resnet18")


@dataclass(frozen=True)
class PatchRecipe(Course):
    """How a patch classifier is trained.

    ResNet-50, patches of fixed size, and as many without calcifications as with them are as in Kahnouei et al. (2022);
    their abstract tells no more, so the course of the training is this project's: that of its detector.

    Attributes
    ----------
    network
        `"resnet50"` or `"resnet18"` of `mcfast.nets`.
    maps
        Width of its first stage: 64 as published; with half of it a step takes a quarter.
    side
        Of a patch, in pixels of 0.1 mm: 224 as published.
    phantoms
        How many are cut into patches, about 13 each.
    epochs and the others
        See `Course`.
    """

    network: Literal["resnet50", "resnet18"] = "resnet50"
    maps: int = 64
    side: int = 224
    phantoms: int = 120
    epochs: int = 20
    batch: int = 16
    ratio: float = 1.0
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    momentum: float = 0.9
    gain: float = 0.2
    level: float = 0.15
    bfloat16: bool = True

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise ConfigError(f"PatchRecipe(network): expected one of {', '.join(NETWORKS)}, got {self.network!r}")
        super().__post_init__()
        for name, least in (("maps", 1), ("side", 16)):
            if getattr(self, name) < least:
                raise ConfigError(f"PatchRecipe({name}): expected at least {least}, got {getattr(self, name)}")
