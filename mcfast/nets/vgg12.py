"""The patch classifier `vgg12`, in torch. For training only; at run time its ONNX file is used.

After the VGG-like network of Bria et al. (2018), table 1, for 12 x 12 patches of 0.1 mm: pairs of 3 x 3 convolutions
(Simonyan and Zisserman, 2015), each pair followed by 2 x 2 max-pooling, then fully connected layers with dropout. Two
pairs of 32 maps and a hidden layer of 128 are this project's choice; the paper's own widths may differ.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from mcfast.nets.initialise import Start, initialise

__all__ = ["SIDE", "fold_calibration", "vgg12"]

SIDE = 12


def vgg12(maps: int = 32, hidden: int = 128, dropout: float = 0.3, start: Start = "he") -> nn.Sequential:
    """(N, 1, 12, 12) float32 -> (N, 1) logits. `start` as `mcfast.nets.initialise` has it: the paper's is `"glorot"`.

    1.9 million multiplications per patch for 32 maps.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = 1
    for block in (1, 2):
        for index in (1, 2):
            layers[f"conv{block}_{index}"] = nn.Conv2d(inputs, maps, 3, padding=1)
            layers[f"relu{block}_{index}"] = nn.ReLU()
            inputs = maps
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers["full"] = nn.Linear(maps * (SIDE // 4) ** 2, hidden)
    layers["relu_full"] = nn.ReLU()
    layers["dropout"] = nn.Dropout(dropout)
    layers["logit"] = nn.Linear(hidden, 1)
    initialise(layers.values(), start)
    return nn.Sequential(layers)


def fold_calibration(network: nn.Sequential, slope: float, offset: float) -> nn.Sequential:
    """The network with slope * logit + offset folded into its last layer, and a sigmoid after it: probabilities.

    The given network keeps its weights; the new one shares all layers but the last.
    """
    layers = OrderedDict(network.named_children())
    last = layers["logit"]
    assert isinstance(last, nn.Linear)
    scaled = nn.Linear(last.in_features, 1)
    with torch.no_grad():
        scaled.weight.copy_(last.weight * slope)
        scaled.bias.copy_(last.bias * slope + offset)
    layers["logit"] = scaled
    layers["probability"] = nn.Sigmoid()
    return nn.Sequential(layers)
