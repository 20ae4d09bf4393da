"""The patch classifier `resnet18`, in torch: ResNet-18 (He et al., CVPR 2016), the lighter sibling of `resnet50`.

Blocks of two 3x3 convolutions, two in each of four stages: less than half of the multiplications, for processors that
`resnet50` is too much for.
"""

from __future__ import annotations

from torch import nn

from mcfast.nets.residual import Residual, normalised, residual_network

__all__ = ["basic", "resnet18"]

STAGES = (2, 2, 2, 2)


def basic(inputs: int, width: int, stride: int) -> Residual:
    """Two 3x3 convolutions: (N, inputs, H, W) -> (N, width, H / stride, W / stride)."""
    layers = (*normalised(inputs, width, 3, stride), nn.ReLU(), *normalised(width, width, 3))
    return Residual(inputs, width, stride, layers)


def resnet18(maps: int = 64, channels: int = 1) -> nn.Sequential:
    """(N, channels, 224, 224) float32 -> (N, 1) logits; 11.2 million parameters, 1.7 billion multiplications.

    With half of the 64 `maps` both are a quarter.
    """
    return residual_network(basic, STAGES, channels=channels, maps=maps)
