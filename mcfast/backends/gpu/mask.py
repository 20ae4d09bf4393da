"""Launch plan of the breast mask: averaged, told from air, opened, labelled, filled, and brought back to full size."""

from __future__ import annotations

import math
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.launch import Call, by_pixel, ctype
from mcfast.backends.gpu.resample import axis_weights
from mcfast.backends.gpu.views import View, check_out, check_overlap, check_pixels, check_plane, refuse
from mcfast.coarse_grid import CoarseGrid

__all__ = ["breast_mask", "enlarge_mask", "find_breast"]

COARSE_COLUMNS, COARSE_ROWS, BORDER_THREADS = 32, 8, 256  # as in csrc/mask/labels.cuh
BLOCK_THREADS = 1024  # as in csrc/mask/ranks.cuh
SURE_STEPS = 3  # of the opening of what is surely breast
CROP_MM = 15.0  # an image less wide or high than this is cut out of a breast, and shows no outline
QUANTILE = 0.995  # the upper end of the histogram in which air is looked for
SIGMA = 0.7  # of the Gaussian that smooths the coarse mask, in its pixels; reaches three pixels


def breast_mask(
    call: Call,
    image: View,
    spacing_mm: float,
    *,
    max_value: float,
    valid: View | None = None,
    thorough: bool = True,
    out: View | None = None,
) -> Any:
    """See `mcfast.detect.breast_mask`. 27 launches, of which the first and the last touch the whole image.

    18 if not `thorough`; 3 for a crop.
    """
    return find_breast(call, image, spacing_mm, max_value=max_value, valid=valid, thorough=thorough, out=out).owner


def find_breast(
    call: Call,
    image: View,
    spacing_mm: float,
    *,
    max_value: float,
    valid: View | None = None,
    thorough: bool = True,
    out: View | None = None,
) -> View:
    """The view of the breast mask, (H, W) bool: what a pipeline chains. Does not wait."""
    check_pixels("breast_mask", "image", image)
    check_plane("breast_mask", "image", image)
    for name, value in (("spacing_mm", spacing_mm), ("max_value", max_value)):
        if not 0 < value < math.inf:
            raise refuse("breast_mask", name, "a finite number above 0", f"{value:g}")
    if valid is not None:
        _check_valid(valid, image)
    if out is not None:
        check_out("breast_mask", out, (image.shape[0], image.shape[1]), numpy.bool_)
        for source in (image, valid):
            if source is not None:
                check_overlap("breast_mask", out, source, same_allowed=False)
    grid = CoarseGrid(spacing_mm)
    coarse = _Coarse(call, image, grid.factor)
    coarse.average(image, valid, max_value)
    is_crop = thorough and min(image.shape) * spacing_mm < CROP_MM
    limits = coarse.limits(thorough=thorough and not is_crop)
    if is_crop:
        return _whole(call, limits, valid, (image.shape[0], image.shape[1]), out)
    texture = coarse.texture(limits) if thorough else None
    bright, framed = coarse.bright(limits, texture, grid.frame)
    largest, components = coarse.largest_opened(framed, grid.opening)
    breast = coarse.grown(bright, components, largest, limits, texture)
    coarse.fill(breast, grid.border_reach(coarse.shape))
    soft = coarse.softened(breast, reuse=framed)
    return _enlarged(call, soft, grid.factor, (image.shape[0], image.shape[1]), out)


def _check_valid(valid: View, image: View) -> None:
    if valid.dtype != numpy.bool_:
        raise TypeError(f"breast_mask(valid): expected bool, got {valid.dtype.name}; cast it with valid.astype(bool)")
    check_plane("breast_mask", "valid", valid)
    if valid.shape != image.shape:
        raise refuse("breast_mask", "valid", f"the shape of the image, {image.shape}", f"{valid.shape}")


class _Coarse:
    """The coarse image on the device, and the steps of the mask on it, in the order in which they are taken."""

    def __init__(self, call: Call, image: View, factor: int) -> None:
        self.call, self.factor = call, factor
        rows, columns = (max(1, math.floor(n * (1 / factor) + 0.5)) for n in image.shape)
        self.shape = rows, columns
        self.coarse = call.scratch(self.shape, numpy.float32)
        self.covered: View | None = None

    def _launch(self, header: str, kernel: str, *arguments: View | numpy.generic | None) -> None:
        grid = -(-self.shape[1] // COARSE_COLUMNS), -(-self.shape[0] // COARSE_ROWS)
        self.call.launch(f"mask/{header}.cuh", kernel, grid, (COARSE_COLUMNS, COARSE_ROWS), *arguments)

    @property
    def _sides(self) -> tuple[numpy.int32, numpy.int32]:
        return numpy.int32(self.shape[0]), numpy.int32(self.shape[1])

    def average(self, image: View, valid: View | None, max_value: float) -> None:
        """The image's area means in units of white."""
        self.covered = None if valid is None else self.call.scratch(self.shape, numpy.float32)
        axes: list[View | numpy.generic] = []
        for length, new_length in zip(image.shape, self.shape, strict=True):
            first, count, weights = axis_weights(length, new_length, 1 / self.factor)
            axes += [*(self.call.constant(array) for array in (first, count, weights)), numpy.int32(weights.shape[1])]
        self._launch(
            "coarse",
            f"coarse_pixels<{ctype(image.dtype)}>",
            *(image, numpy.int64(image.row_stride), valid, numpy.int64(valid.row_stride if valid else 0)),
            *(self.coarse, self.covered, *self._sides, *axes, numpy.float32(max_value)),
        )

    def limits(self, *, thorough: bool) -> View:
        """(2,) float32: the level that ends air, and that from which there is doubt about it."""
        limits = self.call.scratch((2,), numpy.float32)
        count = self.shape[0] * self.shape[1]
        place = (count - 1) * QUANTILE
        rank = math.floor(place)
        self.call.launch(
            "mask/air.cuh",
            "air_limit",
            (1,),
            (BLOCK_THREADS,),
            *(self.coarse, numpy.int32(count), numpy.int32(rank), numpy.float64(place - rank)),
            *(numpy.int32(thorough), limits),
        )
        return limits

    def texture(self, limits: View) -> View:
        """(4,) float32: what tells fat from air where there is doubt; as csrc/mask/texture.cuh has it."""
        call, shape, sides = self.call, self.shape, self._sides
        sure, doubtful, beyond = (call.scratch(shape, numpy.uint8) for _ in range(3))
        gradient, texture = call.scratch(shape, numpy.float32), call.scratch((4,), numpy.float32)
        self._launch("texture", "sure_pixels", self.coarse, limits, sure, *sides)
        largest, components = self.largest_opened(sure, SURE_STEPS)
        self._launch("texture", "doubtful_pixels", self.coarse, limits, components, largest, doubtful, *sides)
        weights = call.constant(_differentiation())
        self._launch("texture", "doubtful_gradient", self.coarse, doubtful, weights, beyond, gradient, *sides)
        number = numpy.int32(shape[0] * shape[1])
        medians = (self.coarse, gradient, beyond, limits, largest, number, texture)
        call.launch("mask/texture.cuh", "texture_medians", (3,), (BLOCK_THREADS,), *medians)
        return texture

    def bright(self, limits: View, texture: View | None, frame: int) -> tuple[View, View]:
        """What is brighter than air, and the same without the lines of a frame along the border."""
        bright, framed = (self.call.scratch(self.shape, numpy.uint8) for _ in range(2))
        width = numpy.int32(frame if min(self.shape) > 4 * frame else 0)
        known = (self.coarse, self.covered, limits, texture)
        self._launch("coarse", "bright_pixels", *known, bright, framed, *self._sides, width)
        return bright, framed

    def largest_opened(self, mask: View, steps: int) -> tuple[View, View]:
        """The largest component of the opened mask, in a form that kernels know, and the labels of all."""
        call, reach = self.call, numpy.int32(steps)
        eroded = call.scratch(self.shape, numpy.uint8)
        labels, sizes = self._nodes(), self._nodes()
        largest = call.scratch((1,), numpy.uint64)
        self._launch("coarse", "erode_diamond", mask, eroded, *self._sides, reach)
        self._launch("coarse", "dilate_diamond", eroded, labels, sizes, *self._sides, reach)
        self._launch("labels", "join_neighbours", labels, *self._sides, numpy.int32(0))
        self._launch("labels", "component_sizes", labels, sizes, largest, *self._sides)
        self._launch("labels", "largest_component", labels, sizes, largest, *self._sides)
        return largest, labels

    def grown(self, bright: View, components: View, largest: View, limits: View, texture: View | None) -> View:
        """The largest component and what is bright, near it and joined with it."""
        labels, mask = self._nodes(), self.call.scratch(self.shape, numpy.uint8)
        self._launch("coarse", "near_largest", bright, components, largest, limits, texture, labels, *self._sides)
        self._launch("labels", "join_neighbours", labels, *self._sides, numpy.int32(0))
        self._launch("labels", "keep_component", labels, largest, mask, *self._sides)
        return mask

    def fill(self, mask: View, reach: int) -> None:
        """Bridges gaps along the border, then fills holes."""
        labels = self._nodes()
        self.call.launch(
            "mask/labels.cuh", "close_borders", (4,), (BORDER_THREADS,), mask, *self._sides, numpy.int32(reach)
        )
        self._launch("labels", "label_unset", mask, labels, *self._sides)
        self._launch("labels", "join_neighbours", labels, *self._sides, numpy.int32(1))
        self._launch("labels", "fill_holes", labels, mask, *self._sides)

    def softened(self, mask: View, *, reuse: View) -> View:
        """The mask without the partly covered pixels of its border, smoothed; float32, 0 to 1."""
        soft = self.call.scratch(self.shape, numpy.float32)
        weights = numpy.exp(-0.5 / SIGMA**2 * numpy.arange(-3, 4) ** 2)
        weights /= weights.sum()
        self._launch("coarse", "without_partial_air", mask, self.coarse, reuse, *self._sides)
        self._launch("coarse", "soften", reuse, soft, *self._sides, *weights[3:])
        return soft

    def _nodes(self) -> View:
        return self.call.scratch((self.shape[0] * self.shape[1] + 1,), numpy.int32)


def _differentiation() -> NDArray[numpy.float64]:
    """(2, 5): a Gaussian of one pixel at the distances 0 to 4, and its derivative, as SciPy has them."""
    distance = numpy.arange(-4.0, 5.0)
    smooth = numpy.exp(-0.5 * distance**2)
    smooth /= smooth.sum()
    return numpy.stack([smooth, distance * smooth])[:, 4:]


def _whole(call: Call, limits: View, valid: View | None, shape: tuple[int, int], out: View | None) -> View:
    target = call.empty(shape, numpy.bool_) if out is None else out
    by_pixel(
        *(call, "mask/mask.cuh", "whole_mask", shape, limits, valid, numpy.int64(valid.row_stride if valid else 0)),
        *(target, numpy.int64(target.row_stride), numpy.int32(shape[0]), numpy.int32(shape[1])),
    )
    return target


def enlarge_mask(call: Call, soft: View, factor: int, shape: tuple[int, int]) -> Any:
    """(H, W) bool: the coarse mask `soft` (float32, 0 .. 1), enlarged by a whole `factor`, above one half."""
    if soft.dtype != numpy.float32:
        raise TypeError(f"enlarge_mask(soft): expected float32, got {soft.dtype}")
    check_plane("enlarge_mask", "soft", soft)
    if factor < 1:
        raise refuse("enlarge_mask", "factor", "at least 1", f"{factor}")
    return _enlarged(call, soft, factor, shape, None).owner


def _enlarged(call: Call, soft: View, factor: int, shape: tuple[int, int], out: View | None) -> View:
    whole = soft.shape[0] * factor, soft.shape[1] * factor
    axes = [
        call.constant(array)
        for length, new_length in zip(soft.shape, whole, strict=True)
        for array in axis_weights(length, new_length, float(factor))
    ]
    target = call.empty(shape, numpy.bool_) if out is None else out
    by_pixel(
        *(call, "mask/mask.cuh", "enlarge_mask", shape),
        *(soft, numpy.int64(soft.row_stride), target, numpy.int64(target.row_stride)),
        *(numpy.int32(n) for n in (*shape, *whole)),
        *axes,
    )
    return target
