"""FSRCNN(d, s, m) for magnification by 2, in torch. For training only; at run time its ONNX file is used.

Dong, Loy and Tang, "Accelerating the super-resolution convolutional neural network", ECCV 2016, section 3:
5x5 feature extraction to d maps, 1x1 shrinking to s, m mappings of 3x3, 1x1 expanding to d, 9x9 deconvolution; a PReLU
after all but the last. Honjo et al. train it on mammograms paired with their 2x2-binned selves, so that a pixel of the
small image is the mean of the four pixels that replace it. One channel, values in [0, 1].
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["SCALE", "cubic_deconvolution", "fsrcnn", "start_as_bicubic"]

SCALE = 2


def fsrcnn(d: int = 56, s: int = 12, m: int = 4) -> nn.Sequential:
    """The network, initialised as in the paper (He et al. 2015 for PReLU layers, N(0, 0.001) for the deconvolution).

    Maps (N, 1, H, W) float32 to (N, 1, 2 H, 2 W). Every layer pads with zeros, so sizes stay. 12 464 multiplications
    per input pixel for (56, 12, 4). Uses torch's global generator.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()

    def convolution(name: str, inputs: int, outputs: int, side: int) -> None:
        layer: Any = nn.Conv2d(inputs, outputs, side, padding=side // 2)
        nn.init.kaiming_normal_(layer.weight, a=0.25, nonlinearity="leaky_relu")
        nn.init.zeros_(layer.bias)
        layers[name] = layer
        layers[f"{name}_prelu"] = nn.PReLU(outputs, init=0.25)

    convolution("feature", 1, d, 5)
    convolution("shrink", d, s, 1)
    for index in range(m):
        convolution(f"map{index + 1}", s, s, 3)
    convolution("expand", s, d, 1)
    deconvolution: Any = nn.ConvTranspose2d(d, 1, 9, stride=SCALE, padding=4, output_padding=SCALE - 1)
    nn.init.normal_(deconvolution.weight, std=0.001)
    nn.init.zeros_(deconvolution.bias)
    layers["deconvolution"] = deconvolution
    return nn.Sequential(layers)


def start_as_bicubic(network: nn.Sequential) -> None:
    """Turn the first map of every layer into a path that computes bicubic interpolation; the others stay random.

    The path is the identity up to the deconvolution (a PReLU of slope 1 is linear), which holds Keys' kernel for it and
    zeros for the other maps. So training begins as bicubic interpolation and learns what that lacks, within the
    paper's architecture.
    """
    layers: list[tuple[str, Any]] = list(network.named_children())
    with torch.no_grad():
        for name, layer in layers:
            if isinstance(layer, nn.Conv2d):
                layer.weight[0].zero_()
                layer.weight[0, 0, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = 1.0
            elif isinstance(layer, nn.PReLU):
                layer.weight[0] = 1.0
            elif name == "deconvolution":
                layer.weight.zero_()
                layer.weight[0, 0] = torch.from_numpy(cubic_deconvolution())


def cubic_deconvolution(a: float = -0.5) -> NDArray[numpy.float32]:
    """(9, 9) taps of a stride-2 deconvolution that interpolates a 2x2-binned image by Keys' cubic kernel (1981).

    A pixel of the small image has its centre between two pixels of the large one, so tap k lies k - 4.5 large pixels
    from it. Tap 0 is past the kernel's support and is 0.
    """
    x = numpy.abs((numpy.arange(9) - 4.5) / SCALE)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    taps = numpy.where(x <= 1, near, numpy.where(x < 2, far, 0.0))
    return numpy.outer(taps, taps).astype(numpy.float32)
