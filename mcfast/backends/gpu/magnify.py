"""Launch plans around a magnifying network, and of the mask at the input's own pixels. All arrays are packed."""

from __future__ import annotations

import numpy

from mcfast.backends.gpu.launch import Call, by_pixel
from mcfast.backends.gpu.views import View, refuse

__all__ = ["magnified", "mask_in_input", "scaled"]

SOURCE = "magnify/magnify.cuh"


def scaled(call: Call, image: View, white: float, out: View) -> None:
    """out = image / white: (H, W) uint16 to as many float32 in any shape, such as a network's (1, 1, H, W) input."""
    if image.dtype != numpy.uint16 or numpy.prod(out.shape) != numpy.prod(image.shape):
        raise refuse("scaled", "image", f"uint16, as many as {out.shape}", f"{image.dtype} of shape {image.shape}")
    scale = numpy.float32(1 / white)
    by_pixel(call, SOURCE, "scaled<uint16_t>", image.shape, image, scale, out, *_sides(image))


def mask_in_input(call: Call, mask: View, scale: tuple[float, float], out: View) -> None:
    """As `mcfast.canonical.mask_in_input`: each of the input's pixels takes the mask's that its centre lies in."""
    down, along = (numpy.float64(step) for step in scale)
    arguments = (mask, *_sides(mask), down, along, out, *_sides(out))
    by_pixel(call, SOURCE, "mask_in_input", out.shape, *arguments)


def magnified(
    call: Call, large: View, white: float, out: View, *, mask: View | None = None, interpolated: View | None = None
) -> None:
    """out = large * white, clipped and rounded: (2 H, 2 W) uint16 from a network's float32 output.

    Where the (H, W) bool `mask` is not set, `interpolated`, of the shape and dtype of `out`.
    """
    if (mask is None) != (interpolated is None):
        raise refuse("magnified", "mask", "mask and interpolated image, or neither", "one of them")
    arguments = (large, numpy.float32(white), interpolated, mask, out, *_sides(out))
    by_pixel(call, SOURCE, "magnified<uint16_t>", out.shape, *arguments)


def _sides(view: View) -> tuple[numpy.int32, numpy.int32]:
    return numpy.int32(view.shape[0]), numpy.int32(view.shape[1])
