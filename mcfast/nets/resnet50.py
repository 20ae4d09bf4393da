"""The patch classifier `resnet50`, in torch: ResNet-50 on 224 x 224 patches that do not overlap (Kahnouei et al. 2022).

He et al. (CVPR 2016): bottlenecks of 1x1, 3x3 and 1x1 convolutions, in four stages of 3, 4, 6 and 3; the stride is in
the 3x3 convolution. One gray channel, one logit. It says whether a patch of 22 mm (at 0.1 mm) holds calcifications, not
where; `mcfast train patch-classifier` trains it, none ships.
"""

from __future__ import annotations

from torch import nn

from mcfast.nets.residual import Residual, normalised, residual_network

__all__ = ["SIDE", "bottleneck", "resnet50"]

SIDE = 224
EXPANSION = 4
STAGES = (3, 4, 6, 3)


def bottleneck(inputs: int, width: int, stride: int) -> Residual:
    """A narrow 3x3 convolution between two of 1x1: (N, inputs, H, W) -> (N, 4 width, H / stride, W / stride)."""
    outputs = EXPANSION * width
    layers = (
        *normalised(inputs, width, 1),
        nn.ReLU(),
        *normalised(width, width, 3, stride),
        nn.ReLU(),
        *normalised(width, outputs, 1),
    )
    return Residual(inputs, outputs, stride, layers)


def resnet50(maps: int = 64, channels: int = 1) -> nn.Sequential:
    """(N, channels, 224, 224) float32 -> (N, 1) logits; 23.5 million parameters, 4.1 billion multiplications.

    With half of the 64 `maps` both are a quarter.
    """
    return residual_network(bottleneck, STAGES, channels=channels, maps=maps)
