"""Residual networks (He et al., CVPR 2016), in torch: what `resnet50` and `resnet18` have in common.

Blocks of convolutions with batch normalisation whose result is added to what they were given, in four stages; each but
the first halves the map and doubles its depth. For training only; at run time the ONNX file is used.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import nn

__all__ = ["Residual", "normalised", "residual_network"]

Block = Callable[[int, int, int], "Residual"]


class Residual(nn.Module):  # type: ignore[misc, unused-ignore]
    """x -> relu(shortcut(x) + residual(x)); x is projected where `residual` changes its shape."""

    def __init__(self, inputs: int, outputs: int, stride: int, residual: Sequence[nn.Module]) -> None:
        super().__init__()
        self.outputs = outputs
        self.residual = nn.Sequential(*residual)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Sequential() if same else nn.Sequential(*normalised(inputs, outputs, 1, stride))
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        result: torch.Tensor = self.relu(self.shortcut(x) + self.residual(x))
        return result


def residual_network(block: Block, counts: Sequence[int], *, channels: int, maps: int) -> nn.Sequential:
    """(N, channels, H, W) float32 -> (N, 1) logits.

    `block(inputs, width, stride)` makes a block, `counts` of them for each stage; `maps` is the first stage's width.
    Initialised as in He et al. (2015) from torch's global generator; blocks begin as the identity (Goyal et al. 2017).
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"], layers["norm1"] = normalised(channels, maps, 7, 2)
    layers["relu1"] = nn.ReLU()
    layers["pool1"] = nn.MaxPool2d(3, stride=2, padding=1)
    inputs = maps
    for stage, count in enumerate(counts):
        for index in range(count):
            made = block(inputs, maps << stage, 2 if stage and not index else 1)
            layers[f"stage{stage + 1}_{index + 1}"] = made
            inputs = made.outputs
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["logit"] = nn.Linear(inputs, 1)
    network = nn.Sequential(layers)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, Residual):
            last = layer.residual[-1]
            assert isinstance(last, nn.BatchNorm2d)
            nn.init.zeros_(last.weight)
    return network


def normalised(inputs: int, outputs: int, side: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    """A convolution that keeps the map's size but for the stride, and its batch normalisation."""
    convolution = nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs)
