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

    The output's pixels are in their places, ([1, 1,] 2 H, 2 W), or phases, (1, 4, H, W); see `mcfast.nets.phases`.
    Where the (H, W) bool `mask` is not set, `interpolated`, of the shape and dtype of `out`.
    """
    if (mask is None) != (interpolated is None):
        raise refuse("magnified", "mask", "mask and interpolated image, or neither", "one of them")
    rows, columns = out.shape[0] // 2, out.shape[1] // 2
    placed = large.shape[-2:] == out.shape == (2 * rows, 2 * columns)
    if not placed and large.shape != (1, 4, rows, columns):
        expected = f"shape {(1, 4, rows, columns)} or (1, 1, {2 * rows}, {2 * columns})"
        raise refuse("magnified", "large", expected, f"{large.shape} for {out.shape}")
    down, below = (4 * columns, 2 * columns) if placed else (columns, 2 * rows * columns)
    along, beside = (2, 1) if placed else (1, rows * columns)
    steps = (numpy.int64(step) for step in (down, along, below, beside))
    sides = numpy.int32(rows), numpy.int32(columns)
    arguments = (large, *steps, numpy.float32(white), interpolated, mask, out, *sides)
    by_pixel(call, SOURCE, "magnified", (rows, columns), *arguments)


def _sides(view: View) -> tuple[numpy.int32, numpy.int32]:
    return numpy.int32(view.shape[0]), numpy.int32(view.shape[1])
