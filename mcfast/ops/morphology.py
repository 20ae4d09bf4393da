"""Flat grayscale morphology: minimum and maximum over a structuring element, and what is composed of them.

Outside pixels do not take part (+inf for a minimum, -inf for a maximum). Rectangles cost the same for any size
(van Herk 1992, Gil and Werman 1993 down the columns; doubling along the rows); other footprints cost one operation
per row of the footprint (Urbach and Wilkinson 2008). All results are bit-equal on every backend and CPU level.
The same in SciPy: `scipy.ndimage.minimum_filter(image, footprint=mask, mode="constant", cval=numpy.inf)` for
`erode`; in OpenCV, for odd footprints: `cv2.erode(image, mask.astype(numpy.uint8))`.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from mcfast.backends import run
from mcfast.footprints import Footprint, rectangle
from mcfast.windows import pair

_LARGEST_SIDE = 2**15 - 1

__all__ = ["black_tophat", "closing", "dilate", "erode", "max_filter", "min_filter", "opening", "white_tophat"]


def min_filter(
    image: Any,
    size: int | tuple[int, int],
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Minimum over a centred window: `erode` by a rectangle of odd sides.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, without NaN; rows may be strided. H * W >= 1.
    size
        Side of the window, or (rows, columns), in pixels; odd.
    out
        (H, W) of the image's dtype; may be the image itself.

    Returns
    -------
    (H, W) of the image's dtype. O(1) per pixel in the window's size.

    Raises
    ------
    TypeError
        For another dtype, or a size that is no int.
    ValueError
        For an even or non-positive size, an image that is empty or not 2-D, or an `out` that does not fit.
    """
    window = _window("min_filter", size)
    return run("min_filter", image, window, out=out, threads=threads, stream=stream, backend=backend)


def max_filter(
    image: Any,
    size: int | tuple[int, int],
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Maximum over a centred window; arguments, result and errors as in `min_filter`."""
    window = _window("max_filter", size)
    return run("max_filter", image, window, out=out, threads=threads, stream=stream, backend=backend)


def erode(
    image: Any,
    footprint: Footprint | ArrayLike,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Erosion: at each pixel p the minimum of image[p + o] over the offsets o of the footprint.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, without NaN; rows may be strided.
    footprint
        `rectangle(h, w)`, `disk(r)`, a `Footprint`, or any 2-D boolean array; origin at (h // 2, w // 2).
    out
        (H, W) of the image's dtype; may be the image itself.

    Returns
    -------
    (H, W) of the image's dtype. A pixel none of whose footprint lies inside the image gets the dtype's highest
    value. O(1) per pixel for odd rectangles, else O(rows of the footprint).

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For an image that is empty or not 2-D, a footprint without pixels, or an `out` that does not fit.
    """
    return _compute("erode", image, footprint, out, threads, stream, backend)


def dilate(
    image: Any,
    footprint: Footprint | ArrayLike,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Dilation: at each pixel p the maximum of image[p - o] over the offsets o of the footprint.

    The footprint is mirrored, as in the textbook definition, so that `opening` never exceeds the image; OpenCV's
    `dilate` does not mirror. Arguments, result and errors as in `erode`; a pixel without any footprint pixel inside the
    image gets the lowest value.
    """
    return _compute("dilate", image, footprint, out, threads, stream, backend)


def opening(
    image: Any,
    footprint: Footprint | ArrayLike,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Erosion, then dilation: removes bright spots that the footprint does not fit into. As `erode` otherwise."""
    return _compute("opening", image, footprint, out, threads, stream, backend)


def closing(
    image: Any,
    footprint: Footprint | ArrayLike,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Dilation, then erosion: fills dark spots that the footprint does not fit into. As `erode` otherwise."""
    return _compute("closing", image, footprint, out, threads, stream, backend)


def white_tophat(
    image: Any,
    footprint: Footprint | ArrayLike,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """image - opening: the bright spots that `opening` removes, 0 elsewhere; never negative. As `erode` otherwise."""
    return _compute("white_tophat", image, footprint, out, threads, stream, backend)


def black_tophat(
    image: Any,
    footprint: Footprint | ArrayLike,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """closing - image: the dark spots that `closing` fills, 0 elsewhere; never negative. As `erode` otherwise."""
    return _compute("black_tophat", image, footprint, out, threads, stream, backend)


def _compute(
    operation: str,
    image: Any,
    footprint: Footprint | ArrayLike,
    out: Any,
    threads: int | None,
    stream: Any,
    backend: str | None,
) -> Any:
    element = footprint if isinstance(footprint, Footprint) else Footprint(footprint)
    return run(operation, image, element, out=out, threads=threads, stream=stream, backend=backend)


def _window(operation: str, size: int | tuple[int, int]) -> Footprint:
    rows, columns = pair(operation, "size", size)
    for side in (rows, columns):
        if side < 1 or side % 2 == 0:
            raise ValueError(f"{operation}(size): expected odd sides of at least 1, got {size}; use {max(side, 1) | 1}")
        if side > _LARGEST_SIDE:  # before its mask is made
            raise ValueError(
                f"{operation}(size): expected at most {_LARGEST_SIDE} pixels, got {size}; use {_LARGEST_SIDE}"
            )
    return rectangle(rows, columns)
