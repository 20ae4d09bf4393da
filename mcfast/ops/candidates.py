"""Local maxima: where a response map peaks."""

from __future__ import annotations

from typing import Any

from mcfast.arguments import integer, real
from mcfast.backends import run

__all__ = ["local_maxima"]


def local_maxima(
    image: Any,
    radius: int,
    *,
    threshold: float,
    mask: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> tuple[Any, Any]:
    """Pixels above a threshold that no other pixel of the window exceeds.

    Of equal pixels within one window the first in raster order wins, so a plateau gives one maximum and the result
    does not depend on the number of threads.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, without NaN; rows may be strided.
    radius
        Half side of the square window in pixels, >= 0.
    threshold
        Only values greater than it count.
    mask
        (H, W) bool, optional: maxima outside it are dropped. It does not change what a maximum is.

    Returns
    -------
    positions
        (N, 2) int32 rows and columns, in raster order.
    values
        (N,) float32.

    O(1) per pixel in the radius.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For a negative radius, a mask of another shape, or an image that is empty or not 2-D.
    """
    positions, values = run(
        "local_maxima",
        image,
        integer("local_maxima", "radius", radius),
        threshold=real("local_maxima", "threshold", threshold),
        mask=mask,
        threads=threads,
        stream=stream,
        backend=backend,
    )
    return positions, values
