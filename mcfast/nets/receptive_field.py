"""How far a network's output pixel looks: the halo that makes a tiled run equal to an untiled one.

For one layer, output pixel i depends on the input pixels from `(i + pad - kernel + 1) / stride` (transposed) or
`i * stride - pad` (plain) on. `Reach` follows an interval through all layers, from the last to the first. Layers that
work on single pixels (PReLU, 1x1 convolution) leave it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mcfast.errors import ConfigError

__all__ = ["Layer", "Reach", "layers_from_json", "layers_to_json", "reach"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer with a window, the same along rows and columns.

    Attributes
    ----------
    transposed
        `True` for a deconvolution, which enlarges by `stride`; `False` for a convolution or pooling, which shrinks.
    kernel, stride, pad
        Side of the window, step, and zero padding before the first pixel, in pixels.
    """

    transposed: bool
    kernel: int
    stride: int
    pad: int


@dataclass(frozen=True, slots=True)
class Reach:
    """What a network needs around the input pixels that lie under a piece of its output.

    Attributes
    ----------
    scale
        Output pixels per input pixel, along an axis.
    before, after
        Input pixels beyond those, towards lower and higher indices.
    """

    scale: int
    before: int
    after: int

    @property
    def halo(self) -> int:
        """Input pixels that every inner side of a tile needs: the larger of `before` and `after`."""
        return max(self.before, self.after)


def reach(layers: Sequence[Layer]) -> Reach:
    """Scale and reach of layers that together keep or enlarge the image, first layer first. O(layers).

    Raises
    ------
    ConfigError
        If the layers shrink the image, so that no output pixel lies at a fixed place of an input pixel.
    """
    enlarged, shrunk = 1, 1
    for layer in layers:
        if layer.transposed:
            enlarged *= layer.stride
        else:
            shrunk *= layer.stride
    if shrunk != 1:
        raise ConfigError(f"network: expected layers of stride 1 and deconvolutions, got strides of {shrunk} together")
    # The output pixels that belong to input pixel 0 are 0 .. scale - 1; where their inputs begin and end is the reach.
    first, last = 0, enlarged - 1
    for layer in reversed(layers):
        if layer.transposed:
            # output = input * stride - pad + tap, with tap in 0 .. kernel - 1
            first = -((layer.kernel - 1 - layer.pad - first) // layer.stride)
            last = (last + layer.pad) // layer.stride
        else:
            first = first - layer.pad
            last = last - layer.pad + layer.kernel - 1
    return Reach(scale=enlarged, before=max(0, -first), after=max(0, last))


def layers_to_json(layers: Sequence[Layer]) -> str:
    """`[["Conv", kernel, stride, pad], ["ConvTranspose", ...], ...]`, as kept in an ONNX file's metadata."""
    rows = [["ConvTranspose" if x.transposed else "Conv", x.kernel, x.stride, x.pad] for x in layers]
    return json.dumps(rows, separators=(",", ":"))


def layers_from_json(text: str) -> list[Layer]:
    """Inverse of `layers_to_json`. Raises `ConfigError` if the text is not of that form."""
    try:
        rows = json.loads(text)
        kinds = {"Conv": False, "ConvTranspose": True}
        return [Layer(kinds[kind], int(kernel), int(stride), int(pad)) for kind, kernel, stride, pad in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"network: its metadata 'layers' is no list of [kind, kernel, stride, pad] ({error}); "
            "export it with mcfast.nets.export"
        ) from error
