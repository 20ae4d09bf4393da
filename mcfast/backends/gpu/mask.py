"""Launch plan of the breast mask: averaged, told from air, opened, labelled, filled, and brought back to full size."""

from __future__ import annotations

import math
from typing import Any

import numpy

from mcfast.backends.gpu.launch import Call, ctype
from mcfast.backends.gpu.resample import axis_weights
from mcfast.backends.gpu.views import View, check_out, check_overlap, check_pixels, check_plane, refuse
from mcfast.coarse_grid import CoarseGrid

__all__ = ["breast_mask", "enlarge_mask", "find_breast"]

THREADS, ROWS = 64, 4  # as in csrc/mask/mask.cuh
COARSE_COLUMNS, COARSE_ROWS, BORDER_THREADS = 32, 8, 1024  # as in csrc/mask/labels.cuh
AIR_THREADS = 1024  # as in csrc/mask/air.cuh
QUANTILE = 0.995  # the upper end of the histogram in which air is looked for
SIGMA = 0.7  # of the Gaussian that smooths the coarse mask, in its pixels; reaches three pixels


def breast_mask(
    call: Call,
    image: View,
    spacing_mm: float,
    *,
    max_value: float,
    valid: View | None = None,
    out: View | None = None,
) -> Any:
    """See `mcfast.detect.breast_mask`. 17 launches, of which the first and the last touch the whole image."""
    return find_breast(call, image, spacing_mm, max_value=max_value, valid=valid, out=out).owner


def find_breast(
    call: Call,
    image: View,
    spacing_mm: float,
    *,
    max_value: float,
    valid: View | None = None,
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
    bright, framed = coarse.bright(grid.frame)
    largest, components = coarse.largest_opened(framed, grid.opening)
    breast = coarse.grown(bright, components, largest)
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

    def bright(self, frame: int) -> tuple[View, View]:
        """What is brighter than air, and the same without the lines of a frame along the border."""
        limit = self.call.scratch((1,), numpy.float32)
        count = self.shape[0] * self.shape[1]
        place = (count - 1) * QUANTILE
        rank = math.floor(place)
        self.call.launch(
            "mask/air.cuh",
            "air_limit",
            (1,),
            (AIR_THREADS,),
            *(self.coarse, numpy.int32(count), numpy.int32(rank), numpy.float64(place - rank), limit),
        )
        bright, framed = (self.call.scratch(self.shape, numpy.uint8) for _ in range(2))
        width = numpy.int32(frame if min(self.shape) > 4 * frame else 0)
        self._launch("coarse", "bright_pixels", self.coarse, self.covered, limit, bright, framed, *self._sides, width)
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

    def grown(self, bright: View, components: View, largest: View) -> View:
        """The largest component and what is bright, within two steps of it and joined with it."""
        labels, mask = self._nodes(), self.call.scratch(self.shape, numpy.uint8)
        self._launch("coarse", "near_largest", bright, components, largest, labels, *self._sides)
        self._launch("labels", "join_neighbours", labels, *self._sides, numpy.int32(0))
        self._launch("labels", "keep_component", labels, largest, mask, *self._sides)
        return mask

    def fill(self, mask: View, reach: int) -> None:
        """Bridges gaps along the border, then fills holes."""
        labels = self._nodes()
        self.call.launch(
            "mask/labels.cuh", "close_borders", (1,), (BORDER_THREADS,), mask, *self._sides, numpy.int32(reach)
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
    call.launch(
        "mask/mask.cuh",
        "enlarge_mask",
        (-(-shape[1] // THREADS), -(-shape[0] // ROWS)),
        (THREADS, ROWS),
        *(soft, numpy.int64(soft.row_stride), target, numpy.int64(target.row_stride)),
        *(numpy.int32(n) for n in (*shape, *whole)),
        *axes,
    )
    return target
