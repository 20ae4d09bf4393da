"""The patch classifier `vgg24`, in torch: more of the surroundings for the same price.

Like `mcfast.nets.vgg12` (Bria et al. 2018) pairs of convolutions with max-pooling and a hidden layer with dropout, but
it sees 24 x 24 pixels, at one scale or two: 2.4 mm around the candidate at 0.1 mm, in which a calcification has its
shape, and 4.8 mm at 0.2 mm, in which a vessel, a fold or a cluster has its own. The first convolution takes every other
pixel. It ships with two scales, beside `vgg12`: both decide together (`docs/training.md` tells why).
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from mcfast.nets.initialise import Start, initialise

__all__ = ["SCALES", "SIDE", "vgg24"]

SIDE = 24
SCALES = 2


def vgg24(
    maps: int = 32, hidden: int = 96, dropout: float = 0.3, scales: int = SCALES, start: Start = "he"
) -> nn.Sequential:
    """(N, scales, 24, 24) float32 -> (N, 1) logits. `start` as `mcfast.nets.initialise` has it.

    3 million multiplications per patch for 32 maps.
    """
    wide = 3 * maps // 2
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1_1"] = nn.Conv2d(scales, maps, 5, stride=2, padding=2)  # 12 x 12
    layers["relu1_1"] = nn.ReLU()
    layers["conv1_2"] = nn.Conv2d(maps, maps, 3, padding=1)
    layers["relu1_2"] = nn.ReLU()
    layers["pool1"] = nn.MaxPool2d(2)  # 6 x 6
    layers["conv2_1"] = nn.Conv2d(maps, wide, 3, padding=1)
    layers["relu2_1"] = nn.ReLU()
    layers["conv2_2"] = nn.Conv2d(wide, wide, 3, padding=1)
    layers["relu2_2"] = nn.ReLU()
    layers["pool2"] = nn.MaxPool2d(2)  # 3 x 3
    layers["flatten"] = nn.Flatten()
    layers["full"] = nn.Linear(9 * wide, hidden)
    layers["relu_full"] = nn.ReLU()
    layers["dropout"] = nn.Dropout(dropout)
    layers["logit"] = nn.Linear(hidden, 1)
    initialise(layers.values(), start)
    return nn.Sequential(layers)
