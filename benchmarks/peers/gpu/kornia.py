"""Kornia's blurs, of floats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kornia
import numpy
import torch

from benchmarks.call import Agreement, Call

VERSION = kornia.__version__
DEVICE = "cuda"


def calls(host: numpy.ndarray) -> Iterator[tuple[str, Call]]:
    """(operation, call)."""
    if host.dtype != numpy.float32:
        return
    image, filters = torch.from_numpy(host).to(DEVICE)[None, None], kornia.filters

    def down(result: Any) -> numpy.ndarray:
        return result[0, 0].cpu().numpy()

    border = "it reflects at the border"
    # Its variance is a difference of float32 means.
    rule = Agreement(1e-3, 44, f"{border}; variance in float32")
    yield "guided_filter 22", Call(lambda: filters.guided_blur(image, image, 45, 1e-3), rule, answer=down)
    rule = Agreement(1e-5, 8, border)
    yield "gaussian_blur 2", Call(lambda: filters.gaussian_blur2d(image, (17, 17), (2.0, 2.0)), rule, answer=down)
