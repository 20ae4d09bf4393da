"""Launch plans of what stands on window sums: box mean, guided filter, dehazing."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy

from mcfast.backends.gpu.launch import SHARED_BYTES, Call, ctype
from mcfast.backends.gpu.morphology import extremum
from mcfast.backends.gpu.pixels import multiply_add, to_float
from mcfast.backends.gpu.resample import resized
from mcfast.backends.gpu.views import View, check_out, check_overlap, check_pixels, check_plane, check_range, refuse
from mcfast.footprints import rectangle

__all__ = ["Windows", "box_mean", "dehaze", "guided_filter"]

THREADS, ROWS = 128, 4  # as in csrc/blur/window_sums.cuh
LARGEST_RADIUS = 16384
SOURCE = "guided/guided.cuh"


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of a radius over an image: how far they reach, and how the image is cut for them."""

    shape: tuple[int, int]
    down: int
    along: int
    strip: int

    @classmethod
    def over(cls, shape: tuple[int, int], radius: int, operation: str) -> Windows:
        """Raise `ValueError` for a radius out of range."""
        check_range(operation, "radius", radius, 0, LARGEST_RADIUS, "0 to 16384 pixels")
        # A strip sums 2 radius rows before its own; four radii keep that below half.
        return cls(shape, min(radius, shape[0]), min(radius, shape[1]), max(64, 4 * radius))

    def launch(
        self,
        call: Call,
        source: str,
        kernel: str,
        template: str,
        quantities: int,
        *arguments: View | numpy.generic | None,
        scalars: tuple[numpy.generic, ...] = (),
    ) -> None:
        """Start a kernel that sums so many quantities; it takes `arguments`, the windows, and `scalars`.

        `template` are its template arguments but the last, which says where a block keeps its sums: in shared memory
        if they fit, else in scratch memory.
        """
        rows, columns = self.shape
        grid = -(-columns // THREADS), -(-rows // self.strip)
        width = THREADS + 2 * self.along
        size = 8 * (quantities * width + ROWS * (width + 1))
        fits = size <= SHARED_BYTES
        scratch = None if fits else call.scratch((grid[0] * grid[1] * size,), numpy.uint8)
        extents = (numpy.int32(n) for n in (*self.shape, self.down, self.along, self.strip))
        call.launch(
            source,
            f"{kernel}<{template}{'InShared' if fits else 'InGlobal'}>",
            grid,
            (THREADS,),
            *(*arguments, *extents, scratch, *scalars),
            shared_bytes=size if fits else 0,
        )


def box_mean(call: Call, image: View, radius: int, *, out: View | None = None) -> Any:
    """See `mcfast.box_mean`."""
    check_pixels("box_mean", "image", image)
    check_plane("box_mean", "image", image)
    windows = Windows.over(_shape(image), radius, "box_mean")
    target = call.empty(image.shape, numpy.float32) if out is None else out
    check_out("box_mean", target, windows.shape, numpy.float32)
    check_overlap("box_mean", target, image, same_allowed=False)
    windows.launch(call, "blur/box.cuh", "box_mean", f"{ctype(image.dtype)}, ", 1, *_with_stride(image, target))
    return target.owner


def guided_filter(
    call: Call,
    src: View,
    radius: int,
    eps: float,
    *,
    guide: View | None = None,
    subsample: int = 1,
    out: View | None = None,
) -> Any:
    """See `mcfast.guided_filter`. Values are not looked at: NaN and infinities spread."""
    by = src if guide is None else guide
    check_range("guided_filter", "subsample", subsample, 1, 64, "1 to 64")
    if eps == 0 and subsample > 1:
        raise refuse("guided_filter", "eps", "above 0 together with subsample > 1", "0")
    for name, view in (("src", src), ("guide", by)):
        check_pixels("guided_filter", name, view)
        check_plane("guided_filter", name, view)
    if by.dtype != src.dtype:
        raise TypeError(f"guided_filter(guide): expected the dtype of src, {src.dtype}, got {by.dtype}")
    if by.shape != src.shape:
        raise refuse("guided_filter", "guide", f"the shape of src, {src.shape}", f"{by.shape}")
    check_range("guided_filter", "eps", eps, 0, sys.float_info.max, "a finite number of at least 0")
    windows = Windows.over(_shape(src), radius, "guided_filter")
    target = call.empty(src.shape, numpy.float32) if out is None else out
    check_out("guided_filter", target, windows.shape, numpy.float32)
    for view in (src, by):
        check_overlap("guided_filter", target, view, same_allowed=False)
    if subsample > 1:
        _subsampled(call, src, by, radius, eps, subsample, target)
        return target.owner
    a, b = _coefficients(call, src, by, windows, eps)
    windows.launch(call, SOURCE, "guided_output", f"{ctype(src.dtype)}, ", 2, a, b, *_with_stride(by, target))
    return target.owner


def dehaze(
    call: Call,
    image: View,
    *,
    size: tuple[int, int],
    radius: int,
    omega: float,
    eps: float,
    t_min: float,
    max_value: float,
    out: View | None = None,
) -> Any:
    """See `mcfast.dehaze`. Three launches: dark channel, coefficients, means with the recovery fused in."""
    check_pixels("dehaze", "image", image)
    check_plane("dehaze", "image", image)
    _check_dehaze(image, size, omega, eps, t_min, max_value)
    windows = Windows.over(_shape(image), radius, "dehaze")
    target = call.empty(image.shape, image.dtype) if out is None else out
    check_out("dehaze", target, windows.shape, image.dtype)
    check_overlap("dehaze", target, image, same_allowed=False)
    dark = call.scratch(image.shape, image.dtype)
    extremum(call, "Minimum", image, rectangle(*size), dark)
    a, b = _coefficients(call, dark, image, windows, eps * max_value**2)
    scalars = numpy.float64(omega), numpy.float64(t_min), numpy.float64(max_value)
    arguments = a, b, *_with_stride(image, target)
    windows.launch(call, SOURCE, "dehazed", f"{ctype(image.dtype)}, ", 2, *arguments, scalars=scalars)
    return target.owner


def _check_dehaze(image: View, size: tuple[int, int], omega: float, eps: float, t_min: float, max_value: float) -> None:
    if min(size) < 1 or max(size) > 32767 or size[0] % 2 == 0 or size[1] % 2 == 0:
        raise refuse("dehaze", "size", "odd sides from 1 to 32767", f"{size}")
    integer = image.dtype.kind == "u"
    highest = float(numpy.iinfo(image.dtype).max) if integer else float(numpy.finfo(numpy.float32).max)
    within = f"above 0, at most {highest:.0f}" if integer else "a finite number above 0"
    check_range("dehaze", "omega", omega, 0, 1, "0 to 1")
    check_range("dehaze", "eps", eps, 0, sys.float_info.max, "a finite number of at least 0")
    check_range("dehaze", "t_min", t_min, sys.float_info.min, 1, "above 0, at most 1")
    check_range("dehaze", "max_value", max_value, float(numpy.finfo(numpy.float32).tiny), highest, within)


def _shape(view: View) -> tuple[int, int]:
    return view.shape[0], view.shape[1]


def _with_stride(*views: View) -> tuple[View | numpy.generic, ...]:
    return tuple(item for view in views for item in (view, numpy.int64(view.row_stride)))


def _coefficients(call: Call, src: View, guide: View, windows: Windows, eps: float) -> tuple[View, View]:
    a, b = call.scratch(windows.shape, numpy.float32), call.scratch(windows.shape, numpy.float32)
    own = (src.pointer, src.strides) == (guide.pointer, guide.strides)
    windows.launch(
        call,
        SOURCE,
        "guided_coefficients",
        f"{ctype(src.dtype)}, {'true' if own else 'false'}, ",
        2 if own else 4,
        *(*_with_stride(src, guide), a, b),
        scalars=(numpy.float64(eps),),
    )
    return a, b


def _subsampled(call: Call, src: View, guide: View, radius: int, eps: float, subsample: int, out: View) -> None:
    """He and Sun 2015: coefficients on an image smaller by `subsample`, brought back by linear interpolation."""
    rows, columns = src.shape
    small = math.ceil(rows / subsample), math.ceil(columns / subsample)
    small_guide = resized(call, to_float(call, guide), small)
    own = (src.pointer, src.strides) == (guide.pointer, guide.strides)
    small_src = small_guide if own else resized(call, to_float(call, src), small)
    windows = Windows.over(small, max(1, round(radius / subsample)), "guided_filter")
    a, b = _coefficients(call, small_src, small_guide, windows, eps)
    mean_a, mean_b = call.scratch(small, numpy.float32), call.scratch(small, numpy.float32)
    windows.launch(call, SOURCE, "guided_means", "", 2, a, b, mean_a, mean_b)
    up_a, up_b = (resized(call, view, (rows, columns)) for view in (mean_a, mean_b))
    multiply_add(call, up_a, up_b, guide, out)
