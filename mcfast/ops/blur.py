"""Means: over a box, and weighted by a Gaussian."""

from __future__ import annotations

from typing import Any

from mcfast.arguments import integer, real
from mcfast.backends import run

__all__ = ["box_mean", "gaussian_blur"]


def box_mean(
    image: Any,
    radius: int,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Mean over the part of the (2 radius + 1)^2 window that lies inside the image.

    Equals `cv2.blur` and `scipy.ndimage.uniform_filter` away from the border; at the border those reflect.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or finite float32; rows may be strided.
    radius
        Half side of the window in pixels, >= 0. The window may be larger than the image.
    out
        (H, W) float32; must not overlap the image.

    Returns
    -------
    (H, W) float32. Sums of integers are exact; of float32 they are double sums of values shifted by the image's mean.
    O(1) per pixel in the radius.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For a negative radius, an image that is empty, not 2-D or not finite, or an `out` that does not fit.
    """
    return run(
        "box_mean",
        image,
        integer("box_mean", "radius", radius),
        out=out,
        threads=threads,
        stream=stream,
        backend=backend,
    )


def gaussian_blur(
    image: Any,
    sigma: float,
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Separable Gaussian blur, cut off at ceil(4 sigma) pixels.

    Outside pixels do not take part: the weights that fall inside the image are scaled to sum to 1. Away from the
    border this is `scipy.ndimage.gaussian_filter(image, sigma, radius=ceil(4 * sigma))`.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32; rows may be strided.
    sigma
        Standard deviation in pixels, 0.1 to 64.
    out
        (H, W) float32; must not overlap the image.

    Returns
    -------
    (H, W) float32, computed in float32 (error below 1e-5 of the largest value). O(sigma) per pixel.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For a sigma out of range, an image that is empty or not 2-D, or an `out` that does not fit.
    """
    return run(
        "gaussian_blur",
        image,
        real("gaussian_blur", "sigma", sigma),
        out=out,
        threads=threads,
        stream=stream,
        backend=backend,
    )
