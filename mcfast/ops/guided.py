"""Guided filter: edge-preserving smoothing in O(1) per pixel."""

from __future__ import annotations

from typing import Any

from mcfast.arguments import integer, real
from mcfast.backends import run

__all__ = ["guided_filter"]


def guided_filter(
    src: Any,
    radius: int,
    eps: float,
    *,
    guide: Any = None,
    subsample: int = 1,
    out: Any = None,
    threads: int | None = None,
    stream: Any = None,
    backend: str | None = None,
) -> Any:
    """Guided filter of He, Sun and Tang (PAMI 2013): q = mean(a) guide + mean(b), equations 5, 6 and 8.

    Windows are clipped at the border, which is the paper's own definition; OpenCV's `ximgproc.guidedFilter` reflects.

    Parameters
    ----------
    src
        (H, W) uint8, uint16 or finite float32; rows may be strided.
    radius
        Half side of the window in pixels, >= 0.
    eps
        Regularisation in squared units of the guide, >= 0. Where variance + eps is 0, a is 0: never a NaN.
    guide
        Like `src`, of the same shape and dtype; `None` is `src` itself, for which half the work is saved.
    subsample
        1 is exact. s from 2 to 64 computes a and b on an image smaller by s (He and Sun 2015), an approximation.
    out
        (H, W) float32; must not overlap the inputs.

    Returns
    -------
    (H, W) float32. The moments of integers are exact, so what remains of the error is about the rounding to float32:
    1.2e-4 of a 12-bit count. O(1) per pixel in the radius.

    Raises
    ------
    TypeError
        For another dtype, or a guide of another dtype than `src`.
    ValueError
        For a negative radius or eps, an eps of 0 with subsample > 1, a subsample out of range, a guide of another
        shape, an image that is empty, not 2-D or not finite, or an `out` that does not fit.
    """
    return run(
        "guided_filter",
        src,
        integer("guided_filter", "radius", radius),
        real("guided_filter", "eps", eps),
        name="src",
        guide=guide,
        subsample=integer("guided_filter", "subsample", subsample),
        out=out,
        threads=threads,
        stream=stream,
        backend=backend,
    )
