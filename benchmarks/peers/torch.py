"""PyTorch on the CPU: pooling as morphology, unfold as patches. Its operations allocate their results."""

from __future__ import annotations

import math

import numpy
import torch
from torch.nn import functional

from benchmarks.call import Agreement, Call
from benchmarks.inputs import Inputs
from benchmarks.ours import MEAN, STD

VERSION = torch.__version__
MANY_THREADS = True
FLOAT_INPUT = "float32 input, converted outside the clock"


def use_threads(threads: int) -> None:
    torch.set_num_threads(threads)


def _plane(image: numpy.ndarray) -> torch.Tensor:
    return torch.from_numpy(image)[None, None]


def erode_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    """Minus the maximum of the negative, one axis after the other; pooling takes no uint16, but int16."""
    negative = _plane(-inputs.image.astype(numpy.int16))

    def run() -> torch.Tensor:
        across = functional.max_pool2d(negative, (1, k), 1, (0, k // 2))
        return functional.max_pool2d(across, (k, 1), 1, (k // 2, 0))

    note = "negated and converted to int16 outside the clock, and left negated"
    return Call(run, note=note, answer=lambda result: -result.numpy()[0, 0])


def box_mean(inputs: Inputs, threads: int, *, r: int) -> Call:
    real, k = _plane(inputs.real), 2 * r + 1

    def run() -> torch.Tensor:
        across = functional.avg_pool2d(real, (1, k), 1, (0, r), count_include_pad=False)
        return functional.avg_pool2d(across, (k, 1), 1, (r, 0), count_include_pad=False)

    return Call(run, Agreement(0.01), FLOAT_INPUT, lambda result: result.numpy()[0, 0])


def gaussian(inputs: Inputs, threads: int, *, sigma: float) -> Call:
    real, radius = _plane(inputs.real), math.ceil(4 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()

    def run() -> torch.Tensor:
        across = functional.conv2d(real, kernel.view(1, 1, 1, -1), padding=(0, radius))
        return functional.conv2d(across, kernel.view(1, 1, -1, 1), padding=(radius, 0))

    rule = Agreement(0.01, radius, "it pads with zeros")
    return Call(run, rule, FLOAT_INPUT, lambda result: result.numpy()[0, 0])


def local_maxima(inputs: Inputs, threads: int, *, r: int, threshold: float) -> Call:
    image = _plane(inputs.response)

    def run() -> torch.Tensor:
        across = functional.max_pool2d(image, (1, 2 * r + 1), 1, (0, r))
        highest = functional.max_pool2d(across, (2 * r + 1, 1), 1, (r, 0))
        return torch.nonzero(((image == highest) & (image > threshold))[0, 0])

    rule = Agreement(why="of a tie it reports every pixel, of which all but the first are dropped")
    return Call(run, rule, answer=lambda found: inputs.first_of_equals(found.numpy(), r))


def gather_patches(inputs: Inputs, threads: int, *, size: int) -> Call:
    windows = torch.from_numpy(inputs.real).unfold(0, size, 1).unfold(1, size, 1)
    rows, columns = torch.from_numpy((inputs.centres - size // 2).astype(numpy.int64)).T
    mean, std = float(MEAN), float(STD)
    rule = Agreement(1e-5, 0, "order of the arithmetic")
    return Call(lambda: windows[rows, columns].sub_(mean).div_(std)[:, None], rule, FLOAT_INPUT)
