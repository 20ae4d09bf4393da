"""The network `context24`, in torch: is a mark a calcification, judged by where other bright spots lie around it?

Built like `mcfast.nets.vgg12` (Bria et al. 2018): pairs of convolutions, max-pooling, a hidden layer with dropout; but
what it sees is no image. `mcfast.detect.context` tells what it is, and why.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from mcfast.nets.initialise import initialise

__all__ = ["context24"]

CHANNELS, SIDE = 2, 24


def context24(maps: int = 16, hidden: int = 64, dropout: float = 0.3) -> nn.Sequential:
    """(N, 2, 24, 24) float32 -> (N, 1) logits. 3 million multiplications per mark for 16 maps."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = CHANNELS
    for block, width in enumerate((maps, maps, 2 * maps), 1):
        for index in (1, 2):
            layers[f"conv{block}_{index}"] = nn.Conv2d(inputs, width, 3, padding=1)
            layers[f"relu{block}_{index}"] = nn.ReLU()
            inputs = width
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers["full"] = nn.Linear(inputs * (SIDE // 8) ** 2, hidden)
    layers["relu_full"] = nn.ReLU()
    layers["dropout"] = nn.Dropout(dropout)
    layers["logit"] = nn.Linear(hidden, 1)
    initialise(layers.values(), "he")
    return nn.Sequential(layers)
