"""The patch classifier `resnet50`, in torch: ResNet-50 on 224 x 224 patches that do not overlap (Kahnouei et al.).

He et al. (CVPR 2016): bottlenecks of 1x1, 3x3 and 1x1 convolutions with batch normalisation, in four stages of 3, 4, 6
and 3; the stride is in the 3x3 convolution. One gray channel, one logit. It says whether a patch of 22 mm (at 0.1 mm)
holds calcifications, not where; for comparison, neither trained nor shipped here.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["SIDE", "Bottleneck", "resnet50"]

SIDE = 224
EXPANSION = 4
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


class Bottleneck(nn.Module):  # type: ignore[misc, unused-ignore]
    """x -> relu(x + f(x)): a narrow 3x3 convolution between two of 1x1; x is projected where its shape changes."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.residual = nn.Sequential(
            *_normalised(inputs, width, 1),
            nn.ReLU(),
            *_normalised(width, width, 3, stride),
            nn.ReLU(),
            *_normalised(width, outputs, 1),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*_normalised(inputs, outputs, 1, stride))
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) -> (N, 4 width, H / stride, W / stride)."""
        result: torch.Tensor = self.relu(self.shortcut(x) + self.residual(x))
        return result


def resnet50(channels: int = 1) -> nn.Sequential:
    """(N, channels, 224, 224) float32 -> (N, 1) logits; 23.5 million parameters, 4.1 billion multiplications."""
    layers: list[nn.Module] = [*_normalised(channels, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)]
    inputs = 64
    for width, count, stride in STAGES:
        for index in range(count):
            layers.append(Bottleneck(inputs, width, stride if index == 0 else 1))
            inputs = EXPANSION * width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1)]
    network = nn.Sequential(*layers)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return network


def _normalised(inputs: int, outputs: int, side: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs)
