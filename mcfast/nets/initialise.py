"""How weights begin, in torch: after He et al. (2015), or after Glorot and Bengio (2010)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn

from mcfast.errors import ConfigError

__all__ = ["Start", "initialise"]

Start = Literal["he", "glorot"]


def initialise(layers: Iterable[nn.Module], start: Start) -> None:
    """Draw the weights of convolutions and full connections anew, in their order, from torch's global generator.

    `"he"`: normal, of variance 2 / inputs (He et al., ICCV 2015, equation 10), made for rectified units. `"glorot"`:
    uniform, of variance 2 / (inputs + outputs) (Glorot and Bengio, AISTATS 2010, equation 16), as Bria et al. (2018)
    start. Offsets become 0. Raises `ConfigError` for another word.
    """
    if start not in ("he", "glorot"):
        raise ConfigError(f"initialise(start): expected he or glorot, got {start!r}")
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            if start == "he":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            else:
                nn.init.xavier_uniform_(layer.weight)
            assert isinstance(layer.bias, torch.Tensor)
            nn.init.zeros_(layer.bias)
