"""Every operation that runs on a GPU, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcfast.backends.gpu import candidates, gaussian, mask, morphology, patches, pixels, resample, windows

__all__ = ["PLANS"]

PLANS: dict[str, Callable[..., Any]] = {
    plan.__name__: plan
    for plan in (
        morphology.erode,
        morphology.dilate,
        morphology.min_filter,
        morphology.max_filter,
        morphology.opening,
        morphology.closing,
        morphology.white_tophat,
        morphology.black_tophat,
        morphology.dark_channel,
        windows.box_mean,
        gaussian.gaussian_blur,
        windows.guided_filter,
        windows.dehaze,
        resample.resample,
        pixels.lookup,
        patches.gather_patches,
        patches.sliding_windows,
        patches.stitch,
        candidates.local_maxima,
        mask.breast_mask,
    )
}
