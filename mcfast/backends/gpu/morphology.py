"""Launch plans of morphology: rectangles in one pass over memory, other footprints by their chords."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends.gpu.launch import SHARED_BYTES, Call, ctype
from mcfast.backends.gpu.pixels import copy
from mcfast.backends.gpu.views import View, check_out, check_overlap, check_pixels, check_plane, refuse
from mcfast.footprints import Footprint, rectangle

__all__ = ["black_tophat", "closing", "dark_channel", "dilate", "erode", "max_filter", "min_filter", "opening"]
__all__ += ["extremum", "white_tophat"]

RECTANGLE_THREADS, RECTANGLE_CHUNK, LONGEST_SIDE = 128, 8, 63  # as in csrc/morphology/rectangle.cuh
LONGEST_FUSED_SIDE = 31  # up to which a top-hat in one pass pays; csrc/morphology/tophat.cuh
TILE, TILE_WARPS, LARGEST_PART = 32, 8, 47  # as in csrc/morphology/footprint.cuh
STRIP = 128  # rows that a block walks down at least; the halo above and below is read again
_LANES = {1: 4, 2: 2, 4: 1}  # pixels in a word, by their size


def erode(call: Call, image: View, footprint: Footprint, *, out: View | None = None) -> Any:
    """See `mcfast.erode`."""
    return _two_operands("erode", call, image, [("Minimum", footprint)], "Plain", out)


def dilate(call: Call, image: View, footprint: Footprint, *, out: View | None = None) -> Any:
    """See `mcfast.dilate`."""
    return _two_operands("dilate", call, image, [("Maximum", _mirrored(footprint))], "Plain", out)


def min_filter(call: Call, image: View, window: Footprint, *, out: View | None = None) -> Any:
    """See `mcfast.min_filter`."""
    return _two_operands("min_filter", call, image, [("Minimum", window)], "Plain", out)


def max_filter(call: Call, image: View, window: Footprint, *, out: View | None = None) -> Any:
    """See `mcfast.max_filter`."""
    return _two_operands("max_filter", call, image, [("Maximum", window)], "Plain", out)


def opening(call: Call, image: View, footprint: Footprint, *, out: View | None = None) -> Any:
    """See `mcfast.opening`."""
    steps = [("Minimum", footprint), ("Maximum", _mirrored(footprint))]
    return _two_operands("opening", call, image, steps, "Plain", out)


def closing(call: Call, image: View, footprint: Footprint, *, out: View | None = None) -> Any:
    """See `mcfast.closing`."""
    steps = [("Maximum", _mirrored(footprint)), ("Minimum", footprint)]
    return _two_operands("closing", call, image, steps, "Plain", out)


def white_tophat(call: Call, image: View, footprint: Footprint, *, out: View | None = None) -> Any:
    """See `mcfast.white_tophat`. One launch for rectangles up to 31 x 31; else the dilation takes the difference."""
    steps = [("Minimum", footprint), ("Maximum", _mirrored(footprint))]
    return _two_operands("white_tophat", call, image, steps, "WhiteTopHat", out)


def black_tophat(call: Call, image: View, footprint: Footprint, *, out: View | None = None) -> Any:
    """See `mcfast.black_tophat`. One launch for rectangles up to 31 x 31; else the erosion takes the difference."""
    steps = [("Maximum", _mirrored(footprint)), ("Minimum", footprint)]
    return _two_operands("black_tophat", call, image, steps, "BlackTopHat", out)


def dark_channel(call: Call, image: View, size: tuple[int, int], *, out: View | None = None) -> Any:
    """See `mcfast.dark_channel`. The minimum over channels is taken as pixels are read."""
    if min(size) < 1 or max(size) > 32767 or size[0] % 2 == 0 or size[1] % 2 == 0:
        raise refuse("dark_channel", "size", "odd sides from 1 to 32767", f"{size}")
    if len(image.shape) == 2:
        return _two_operands("dark_channel", call, image, [("Minimum", rectangle(*size))], "Plain", out)
    check_pixels("dark_channel", "image", image)
    if len(image.shape) != 3:
        raise refuse(
            "dark_channel", "image", "shape (rows, columns) or (rows, columns, channels)", f"shape {image.shape}"
        )
    rows, columns, channels = image.shape
    itemsize = image.dtype.itemsize
    if (channels > 1 and image.strides[2] != itemsize) or (columns > 1 and image.strides[1] != channels * itemsize):
        raise refuse("dark_channel", "image", "interleaved channels", "strided ones; copy it")
    flat = View(image.pointer, (rows, columns * channels), (image.strides[0], itemsize), image.dtype, image.owner)
    check_plane("dark_channel", "image", flat)
    result = call.empty((rows, columns), image.dtype) if out is None else out
    check_out("dark_channel", result, (rows, columns), image.dtype)
    check_overlap("dark_channel", result, flat, same_allowed=False)
    extremum(call, "Minimum", flat, rectangle(*size), result, channels=channels)
    return result.owner


def extremum(
    call: Call,
    op: str,
    image: View,
    footprint: Footprint,
    out: View,
    *,
    result: str = "Plain",
    original: View | None = None,
    channels: int = 1,
) -> None:
    """`op` over the footprint, without checks; `out` must be apart from the image."""
    if not footprint.is_rectangle:
        return _chords(call, op, image, footprint, out, result, original)
    rows, columns = out.shape
    sides = list(_factors(footprint.shape, (2 * rows - 1, 2 * columns - 1)))
    for i, side in enumerate(sides):
        last = i + 1 == len(sides)
        target = out if last else call.scratch((rows, columns), image.dtype)
        _rectangle(call, op, image, side, target, result if last else "Plain", original, channels if i == 0 else 1)
        image = target
    return None


def _mirrored(footprint: Footprint) -> Footprint:
    return footprint if footprint.is_rectangle else footprint.reflected


def _two_operands(
    operation: str, call: Call, image: View, steps: list[tuple[str, Footprint]], result: str, out: View | None
) -> Any:
    """One or two extrema in turn; `out` may be the image."""
    check_pixels(operation, "image", image)
    check_plane(operation, "image", image)
    rows, columns = image.shape
    target = call.empty((rows, columns), image.dtype) if out is None else out
    check_out(operation, target, (rows, columns), image.dtype)
    same = check_overlap(operation, target, image, same_allowed=True)
    apart = call.scratch((rows, columns), image.dtype) if same else target
    current = image
    side = _fused_side(steps[0][1], (rows, columns)) if result != "Plain" else None
    if side is not None:
        _tophat(call, "White" if result == "WhiteTopHat" else "Black", image, side, apart)
    for i, (op, footprint) in enumerate(steps if side is None else ()):
        last = i + 1 == len(steps)
        to = apart if last else call.scratch((rows, columns), image.dtype)
        extremum(call, op, current, footprint, to, result=result if last else "Plain", original=image)
        current = to
    if same:
        copy(call, apart, target)
    return target.owner


def _factors(shape: tuple[int, int], most: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Smaller rectangles whose Minkowski sum is `shape`: min over one, then over the next, is min over both.

    Windows clipped at the border are intervals that meet, so that holds there, too. A side beyond `most` reaches past
    every image pixel and holds nothing more.
    """
    height, width = (min(side, limit) for side, limit in zip(shape, most, strict=True))
    while True:
        part = min(height, LONGEST_SIDE), min(width, LONGEST_SIDE)
        yield part
        height, width = height - part[0] + 1, width - part[1] + 1
        if (height, width) == (1, 1):
            return


def _rectangle(
    call: Call,
    op: str,
    image: View,
    side: tuple[int, int],
    out: View,
    result: str,
    original: View | None,
    channels: int,
) -> None:
    rows, columns = out.shape
    strip = max(STRIP, 4 * side[0])
    call.launch(
        "morphology/rectangle.cuh",
        f"rectangle<{op}, {ctype(image.dtype)}, {result}>",
        (-(-columns // (RECTANGLE_THREADS * _LANES[image.dtype.itemsize])), -(-rows // strip)),
        (RECTANGLE_THREADS,),
        image,
        numpy.int64(image.row_stride),
        numpy.int32(channels),
        original,
        numpy.int64(original.row_stride if original else 0),
        out,
        numpy.int64(out.row_stride),
        *(numpy.int32(n) for n in (rows, columns, *side, strip)),
        shared_bytes=_rectangle_bytes(side, 1),
    )


def _rectangle_bytes(side: tuple[int, int], passes: int) -> int:
    pitch = side[1] * -(-(RECTANGLE_THREADS - 1 + side[1]) // side[1])
    return 4 * (2 * RECTANGLE_CHUNK * pitch + passes * side[0] * RECTANGLE_THREADS)


def _fused_side(footprint: Footprint, shape: tuple[int, int]) -> tuple[int, int] | None:
    """The rectangle whose top-hat is made in one pass; `None` if two pay."""
    height, width = (min(side, 2 * n - 1) for side, n in zip(footprint.shape, shape, strict=True))
    return (height, width) if footprint.is_rectangle and max(height, width) <= LONGEST_FUSED_SIDE else None


def _tophat(call: Call, kind: str, image: View, side: tuple[int, int], out: View) -> None:
    """`out` must be apart from the image."""
    rows, columns = out.shape
    across, strip = RECTANGLE_THREADS + 1 - side[1], max(STRIP, 8 * side[0])
    call.launch(
        "morphology/tophat.cuh",
        f"tophat<{kind}, {ctype(image.dtype)}>",
        (-(-columns // (across * _LANES[image.dtype.itemsize])), -(-rows // strip)),
        (RECTANGLE_THREADS,),
        *(image, numpy.int64(image.row_stride), out, numpy.int64(out.row_stride)),
        *(numpy.int32(n) for n in (rows, columns, *side, strip)),
        shared_bytes=_rectangle_bytes(side, 2),
    )


def _chords(
    call: Call, op: str, image: View, footprint: Footprint, out: View, result: str, original: View | None
) -> None:
    rows, columns = out.shape
    parts = list(_parts(footprint.chords))
    for i, (chords, (top, left, height, width)) in enumerate(parts):
        call.launch(
            "morphology/footprint.cuh",
            f"footprint<{op}, {ctype(image.dtype)}, {result if i + 1 == len(parts) else 'Plain'}>",
            (-(-columns // (TILE * _LANES[image.dtype.itemsize])), -(-rows // TILE)),
            (TILE, TILE_WARPS),
            image,
            numpy.int64(image.row_stride),
            original,
            numpy.int64(original.row_stride if original else 0),
            out,
            numpy.int64(out.row_stride),
            numpy.int32(rows),
            numpy.int32(columns),
            call.constant(chords),
            *(numpy.int32(n) for n in (len(chords), top, left, height, width, i > 0)),
            shared_bytes=8 * (TILE - 1 + height) * (TILE - 1 + width),
        )


def _parts(chords: NDArray[numpy.int32]) -> Iterator[tuple[NDArray[numpy.int32], tuple[int, int, int, int]]]:
    """Chords by ascending length and the box that holds them, in parts that fit into shared memory."""
    first_row, first_column = int(chords[:, 0].min()), int(chords[:, 1].min())
    bands = (chords[:, 0] - first_row) // LARGEST_PART
    for band in numpy.unique(bands):
        begin, end = chords[bands == band, 1], chords[bands == band].sum(axis=1) - chords[bands == band, 0]
        for left in range(first_column, int(end.max()), LARGEST_PART):
            low, high = numpy.maximum(begin, left), numpy.minimum(end, left + LARGEST_PART)
            inside = high > low
            if not inside.any():
                continue
            own = numpy.column_stack([chords[bands == band, 0], low, high - low])[inside].astype(numpy.int32)
            own = own[numpy.argsort(own[:, 2], kind="stable")]
            top, start = int(own[:, 0].min()), int(own[:, 1].min())
            height = int(own[:, 0].max()) - top + 1
            yield own, (top, start, height, int((own[:, 1] + own[:, 2]).max()) - start)


assert 8 * (TILE - 1 + LARGEST_PART) ** 2 <= SHARED_BYTES
assert _rectangle_bytes((LONGEST_SIDE, LONGEST_SIDE), 1) <= SHARED_BYTES
assert max(_rectangle_bytes((LONGEST_FUSED_SIDE, side), 2) for side in range(1, LONGEST_FUSED_SIDE + 1)) <= SHARED_BYTES
