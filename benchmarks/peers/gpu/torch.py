"""torch on a GPU: pooling, which it has for floats only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy
import torch

from benchmarks.call import Agreement, Call

VERSION = torch.__version__
DEVICE = "cuda"


def calls(host: numpy.ndarray) -> Iterator[tuple[str, Call]]:
    """(operation, call)."""
    if host.dtype != numpy.float32:
        return
    image = torch.from_numpy(host).to(DEVICE)[None, None]
    pool = torch.nn.functional

    def call(run: Callable[[], Any], tolerance: float, note: str = "") -> Call:
        return Call(run, Agreement(tolerance), note, lambda result: result[0, 0].cpu().numpy())

    note = "minus the maximum of the negative"
    yield "min_filter 11 x 11", call(lambda: -pool.max_pool2d(-image, 11, 1, 5), 0.0, note)
    yield "box_mean 22", call(lambda: pool.avg_pool2d(image, 45, 1, 22, False, False), 1e-5)
    yield "resample 0.5", call(lambda: pool.avg_pool2d(image, 2), 1e-6, "for sides that are even")
