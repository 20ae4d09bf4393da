"""The breast mask: which pixels are breast, and not air, label, border or film edge."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.backends import run
from mcfast.backends.arrays import is_on_gpu
from mcfast.coarse_grid import CoarseGrid
from mcfast.ops import resample

__all__ = ["breast_mask"]

BINS, FINE_BINS = 40, 256
CROP_MM = 15.0  # an image less wide or high than this is cut out of a breast, and shows no outline
NEAR, NEAR_STRANDS = 2, 12  # coarse pixels of 0.8 mm
DOUBTFUL = 0.05  # of what is surely breast: a smaller share between the two limits is the skin's own slope
TEXTURE, TEXTURE_AT_EDGE = 0.14, 0.3  # gradient over level: film's air stays below 0.13 and 0.28, fat above

Mask = NDArray[numpy.bool_]
Field = NDArray[numpy.float32]


def breast_mask(
    image: Any,
    spacing_mm: float,
    *,
    max_value: float,
    valid: Any = None,
    thorough: bool = True,
    out: Any = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """The largest bright region, without labels, holes filled.

    The image is averaged to about 0.8 mm; what is brighter than air by more than its noise is opened, so that what
    touches the breast by a thin bridge falls off, and the largest component stays. Its border, brought back to the
    image's pixels, is smooth to about half a millimetre.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, bright = dense. Air need not be 0. On a GPU it is worked on there, to the same
        bits, and values are not looked at.
    spacing_mm
        Distance of pixel centres, millimetres.
    max_value
        Intensity of white.
    valid
        (H, W) bool, where the image is: `False` on padding, which is never breast.
    thorough
        Whether to look closer where the histogram leaves doubt: fat that a hard window or a steep curve leaves nearly
        as dark as air is told from air by its structure, and an image less than 15 mm wide or high is a crop, which
        shows no outline.
    out, stream, backend
        For arrays on a GPU, as the operations take them; on the host None.

    Returns
    -------
    (H, W) bool. Empty (all `False`) if the image is constant or nothing in it is bright; full if nothing in it is air,
    or if it is a crop of less than 15 mm. O(1) per pixel.
    """
    if is_on_gpu(image):
        arrays = {"valid": valid, "out": out, "stream": stream, "backend": backend}
        return run("breast_mask", image, spacing_mm, max_value=max_value, thorough=thorough, **arrays)
    for name, value in (("out", out), ("stream", stream), ("backend", backend)):
        if value is not None:
            raise ValueError(f"breast_mask({name}): expected None for an array in host memory, got {value!r}")
    return _on_host(image, CoarseGrid(spacing_mm), max_value, valid, thorough=thorough)


def _on_host(image: NDArray[Any], grid: CoarseGrid, max_value: float, valid: Mask | None, *, thorough: bool) -> Mask:
    from scipy import ndimage

    scale = 1 / grid.factor
    values = image if valid is None else numpy.where(valid, image, image.dtype.type(0))
    coarse = resample(values, scale).astype(numpy.float32) / numpy.float32(max_value)
    if float(coarse.max()) - float(coarse.min()) < 0.01:
        return numpy.zeros(image.shape, bool)
    if thorough and min(image.shape) * grid.spacing_mm < CROP_MM:
        return numpy.ones(image.shape, bool) if valid is None else valid.copy()
    air = _air_limit(coarse)
    limit = _breast_limit(coarse, air) if thorough else air
    bright = coarse > limit
    if valid is not None:
        bright &= resample(valid.astype(numpy.float32), scale) > 0.5
    opened = ndimage.binary_opening(_without_frame(bright, grid.frame), iterations=grid.opening)
    breast = _largest(opened)
    # The opening rounds corners off; what is bright and within a few pixels of the breast belongs to it. Where fat is
    # as dark as air, the rest hangs together by strands, and is looked for further away.
    near = ndimage.binary_dilation(breast, iterations=NEAR if limit == air else NEAR_STRANDS)
    breast = ndimage.binary_propagation(breast, mask=bright & near)
    breast = ndimage.binary_fill_holes(_closed_at_border(breast, grid.border_reach(breast.shape)))
    breast &= ~_mostly_air(breast, coarse)
    return _enlarge(breast, grid.factor, image.shape)


def _breast_limit(coarse: Field, high: float) -> float:
    """The level above which a pixel is breast, or label, or metal: that of air, or a lower one.

    A hard window or a steep curve leaves fat nearly as dark as air, and film's air is brighter than the scanner's
    black. What lies between the two limits is fat if it has structure, and air if it is smooth.
    """
    from scipy import ndimage

    if high <= float(coarse.min()):
        return high
    low = _black_limit(coarse)
    bright, doubtful = coarse > high, (coarse > low) & (coarse <= high)
    if low >= high or int(doubtful.sum()) < DOUBTFUL * int(bright.sum()):
        return high
    sure = _largest(ndimage.binary_opening(bright, iterations=3))
    size = int(sure.sum())
    gradient = ndimage.gaussian_gradient_magnitude(coarse, 1.0)
    black = float(numpy.median(coarse[coarse <= low]))
    beyond = ndimage.binary_erosion(doubtful & ~ndimage.binary_dilation(sure, iterations=4))
    limit = TEXTURE
    if int(beyond.sum()) < 0.01 * size:  # too narrow to keep away from the steps on both sides
        beyond, limit = doubtful & ~ndimage.binary_dilation(sure, iterations=2), TEXTURE_AT_EDGE
    if not beyond.any():
        return high
    texture = float(numpy.median(gradient[beyond])) / max(float(numpy.median(coarse[beyond])) - black, 1e-6)
    return low if texture > limit else high


def _black_limit(coarse: Field) -> float:
    """Where the peak of the darkest air ends, however narrow it is: at a twenty-fifth of its height.

    Air of a single level falls to a quarter at once. What follows is dark fat then, and may be more than a
    twenty-fifth where little air is in the image.
    """
    low, high = _range(coarse)
    if high - low <= 1e-4 * max(abs(low), abs(high)):
        return high
    counts, edges = numpy.histogram(coarse, bins=FINE_BINS, range=(low, high))
    peak = int(numpy.argmax(counts[: FINE_BINS // 3]))
    if counts[peak + 1] <= 0.25 * counts[peak]:
        return float(edges[peak + 1])
    ended = counts[peak:] <= 0.04 * counts[peak]
    return float(edges[peak + int(numpy.argmax(ended))]) if ended.any() else float(edges[-1])


def _range(coarse: Field) -> tuple[float, float]:
    low, high = (float(value) for value in numpy.quantile(coarse, [0.0, 0.995]))
    return low, high


def _air_limit(coarse: Field) -> float:
    """The level above which a pixel is no air, film's included.

    Air is the highest peak in the darker third of the histogram. It ends where the histogram has fallen to a
    twenty-fifth of the peak: film has an air of its own, brighter than the scanner's black, which is a shoulder of that
    peak, or after an eighth of the range. Without a peak that falls to a quarter there is no air: all is tissue.
    """
    low, high = _range(coarse)
    if high - low <= 1e-5 * max(abs(low), abs(high)):  # too narrow for float32 to tell forty bins apart
        return low - 1.0
    counts, edges = numpy.histogram(coarse, bins=BINS, range=(low, high))
    peak = int(numpy.argmax(counts[: BINS // 3]))
    slope = counts[peak : peak + BINS // 8]
    if slope.min() > 0.25 * counts[peak]:
        return low - 1.0
    ended = slope <= 0.04 * counts[peak]
    return float(edges[peak + (int(numpy.argmax(ended)) if ended.any() else len(slope))])


def _without_frame(bright: Mask, width: int) -> Mask:
    """Drop bright lines of that width along the border of the image, unless the breast itself runs into it there."""
    from scipy import ndimage

    inner = bright.copy()
    if min(bright.shape) <= 4 * width:
        return inner
    frame = numpy.ones(bright.shape, bool)
    frame[width:-width, width:-width] = False
    inner[frame] = False
    reached = ndimage.binary_dilation(inner, iterations=width, structure=numpy.ones((3, 3), bool))
    inner |= frame & reached & bright
    return inner


def _largest(mask: Mask) -> Mask:
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = numpy.bincount(labels.ravel())
    sizes[0] = 0
    largest: Mask = labels == int(numpy.argmax(sizes))
    return largest


def _closed_at_border(mask: Mask, reach: int) -> Mask:
    """Bridge gaps of at most twice `reach` along the image border: dark tissue at the chest wall becomes a hole."""
    from scipy import ndimage

    closed = mask.copy()
    for line in (closed[0], closed[-1], closed[:, 0], closed[:, -1]):
        line |= ndimage.binary_closing(line, iterations=reach)
    return closed


def _mostly_air(breast: Mask, coarse: Field) -> Mask:
    """Border pixels less than half as bright as their neighbours inside: the skin, which is bright, covers a part."""
    from scipy import ndimage

    inside = ndimage.binary_erosion(breast, structure=numpy.ones((3, 3), bool), border_value=1)
    neighbours = ndimage.maximum_filter(numpy.where(inside, coarse, 0), 3)
    partial: Mask = breast & ~inside & (coarse < 0.5 * neighbours)
    return partial


def _enlarge(mask: Mask, factor: int, shape: tuple[int, ...]) -> Mask:
    """Bring the coarse mask back to the image's pixels, its border smoothed."""
    from scipy import ndimage

    soft = ndimage.gaussian_filter(mask.astype(numpy.float32), 0.7, mode="nearest")
    full = resample(soft, float(factor))[: shape[0], : shape[1]] > 0.5
    missing = [(0, want - got) for want, got in zip(shape, full.shape, strict=True)]
    return numpy.ascontiguousarray(numpy.pad(full, missing, mode="edge"))
