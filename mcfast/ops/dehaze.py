"""Dehazing by the dark channel prior: raises the contrast of calcifications in dense tissue."""

from __future__ import annotations

from typing import Any

import numpy

from mcfast.arguments import integer, real
from mcfast.backends import run
from mcfast.backends.arrays import dtype_of
from mcfast.windows import pair

__all__ = ["dark_channel", "dehaze", "white_of"]


def white_of(image: Any) -> float:
    """The intensity of white that a dtype implies: 255, 65535, or 1 for floats."""
    dtype = dtype_of(image, "dehaze", "image")
    return float(numpy.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def dark_channel(
    image: Any,
    size: int | tuple[int, int],
    *,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Dark channel of He, Sun and Tang (PAMI 2011), equation 5: minimum over channels, then over a centred window.

    Parameters
    ----------
    image
        (H, W) or (H, W, C) uint8, uint16 or float32, without NaN; C-contiguous in the last axis. For one channel this
        is `min_filter`.
    size
        Side of the window, or (rows, columns), in pixels; odd.
    out
        (H, W) of the image's dtype; may be a 2-D image itself.

    Returns
    -------
    (H, W) of the image's dtype. O(C) per pixel, O(1) in the window's size.

    Raises
    ------
    TypeError, ValueError
        As `min_filter`.
    """
    return run(
        "dark_channel",
        image,
        pair("dark_channel", "size", size),
        out=out,
        threads=threads,
        stream=stream,
        backend=backend,
    )


def dehaze(
    image: Any,
    *,
    size: int | tuple[int, int] = 11,
    radius: int = 22,
    omega: float = 0.9,
    eps: float = 1e-3,
    t_min: float = 0.1,
    max_value: float | None = None,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Dehazed mammogram of Bria et al. (2018), with the airlight at white.

    With intensities I in [0, 1] (the image divided by `max_value`): dark = minimum over the window;
    t = max(1 - omega guided_filter(dark, guide=I), t_min); R = 1 + (I - 1) / t, clipped to [0, 1]. The guided filter
    is linear in its source, so it smooths the dark channel itself, in integers, instead of the transmission.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or finite float32, bright = dense; rows may be strided.
    size
        Window of the dark channel in pixels, odd (11 px of 0.1 mm in the paper).
    radius
        Radius of the guided filter in pixels, >= 0.
    omega
        Share of the haze to remove, 0 .. 1.
    eps
        Regularisation of the guided filter in squared units of I, >= 0.
    t_min
        Lowest transmission, > 0 and <= 1.
    max_value
        Intensity of white; `None` is 255, 65535, or 1 by dtype. 12-bit images need 4095.
    out
        (H, W) of the image's dtype; must not overlap the image.

    Returns
    -------
    (H, W) of the image's dtype, 0 .. max_value. Integers are rounded to nearest even. O(1) per pixel in both windows.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For a parameter out of its range, an image that is empty, not 2-D or not finite, or an `out` that does not fit.
    """
    return run(
        "dehaze",
        image,
        size=pair("dehaze", "size", size),
        radius=integer("dehaze", "radius", radius),
        omega=real("dehaze", "omega", omega),
        eps=real("dehaze", "eps", eps),
        t_min=real("dehaze", "t_min", t_min),
        max_value=white_of(image) if max_value is None else real("dehaze", "max_value", max_value),
        out=out,
        threads=threads,
        stream=stream,
        backend=backend,
    )
