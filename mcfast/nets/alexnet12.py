"""The patch classifier `alexnet12`, in torch: the AlexNet-like network of Bria et al. (2018), table 2, for 12 x 12.

After Krizhevsky, Sutskever and Hinton (2012): convolutions with local response normalisation (LRN) and overlapping
max-pooling, then two wide hidden layers with dropout. Strides are 1, for a calcification is a few pixels. The widths
are this project's choice; the paper's own may differ. For comparison: `vgg12` and `vgg24` ship.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from mcfast.nets.initialise import Start, initialise
from mcfast.nets.local_response import LocalResponse

__all__ = ["SIDE", "alexnet12"]

SIDE = 12


def alexnet12(
    maps: int = 32, hidden: int = 128, dropout: float = 0.5, channels: int = 1, start: Start = "glorot"
) -> nn.Sequential:
    """(N, channels, 12, 12) float32 -> (N, 1) logits. `start` as `mcfast.nets.initialise` has it.

    LRN as published: 5 neighbouring maps, alpha 1e-4, beta 0.75, k 2.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = nn.Conv2d(channels, maps, 5, padding=2)
    layers["relu1"] = nn.ReLU()
    layers["norm1"] = LocalResponse(5, alpha=1e-4, beta=0.75, k=2.0)
    layers["pool1"] = nn.MaxPool2d(3, stride=2, padding=1)  # 6 x 6
    layers["conv2"] = nn.Conv2d(maps, 2 * maps, 5, padding=2)
    layers["relu2"] = nn.ReLU()
    layers["norm2"] = LocalResponse(5, alpha=1e-4, beta=0.75, k=2.0)
    layers["pool2"] = nn.MaxPool2d(3, stride=2, padding=1)  # 3 x 3
    for number, (inputs, outputs) in enumerate(((2, 3), (3, 3), (3, 2)), start=3):
        layers[f"conv{number}"] = nn.Conv2d(inputs * maps, outputs * maps, 3, padding=1)
        layers[f"relu{number}"] = nn.ReLU()
    layers["flatten"] = nn.Flatten()
    for number, inputs in ((1, 2 * maps * 9), (2, hidden)):
        layers[f"full{number}"] = nn.Linear(inputs, hidden)
        layers[f"relu_full{number}"] = nn.ReLU()
        layers[f"dropout{number}"] = nn.Dropout(dropout)
    layers["logit"] = nn.Linear(hidden, 1)
    initialise(layers.values(), start)
    return nn.Sequential(layers)
