"""Resampling to another pixel spacing."""

from __future__ import annotations

from typing import Any

from mcfast.arguments import real
from mcfast.backends import run

__all__ = ["resample"]


def resample(
    image: Any,
    scale: float | tuple[float, float],
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Resize by area average along an axis that shrinks, by linear interpolation along one that grows.

    Output pixel i covers the interval [i, i + 1) / scale of the input axis; what of it lies outside does not take
    part. So the input coordinate of an output pixel's centre is (i + 0.5) / scale - 0.5 for any scale, also where the
    size had to be rounded. For scales whose inverse is an integer that divides the size, this is
    `cv2.resize(..., interpolation=cv2.INTER_AREA)`.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32; rows may be strided.
    scale
        New size over old, one number or (rows, columns), 1/64 .. 64. From 0.07 mm to 0.1 mm it is 0.7.
    out
        (max(1, floor(H scale + 0.5)), max(1, floor(W scale + 0.5))) of the image's dtype; must not overlap the image.

    Returns
    -------
    The resized image, of the image's dtype; integers rounded to nearest. O(1) per pixel of the larger image.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For a scale out of range, an image that is empty or not 2-D, or an `out` that does not fit.
    """
    both = scale if isinstance(scale, (tuple, list)) else (scale, scale)
    if len(both) != 2:
        raise TypeError(f"resample(scale): expected a number or two (rows, columns), got {scale!r}")
    rows, columns = (real("resample", "scale", value) for value in both)
    return run("resample", image, (rows, columns), out=out, threads=threads, stream=stream, backend=backend)
