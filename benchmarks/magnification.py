"""FSRCNN(56, 12, 4) on a frame and on the breast in it: ours and ONNX Runtime's with the same weights, in turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy

from benchmarks.inputs import WHITE, Inputs
from benchmarks.results import OURS
from benchmarks.rounds import Pace, interleave
from benchmarks.table import text
from mcfast import _core, detect, nets, runtimes
from mcfast.magnify import super_resolve

__all__ = ["PEER", "TITLES", "measure_magnification", "print_magnification", "table"]

PEER = "onnxruntime"
TOLERANCE = 1
"""Counts: both round, at places that differ by 1e-5 of white."""

TITLES = (
    "what", "threads", "s", "least", "area", "time", "onnxruntime", "its least", "ratio", "GFLOP/s", "done", "peak",
    "of peak",
)  # fmt: skip


def operations(size: tuple[int, int, int]) -> tuple[int, int]:
    """Floating-point operations per input pixel of FSRCNN(d, s, m): of the plain sums, and of those that ours does.

    Ours does 3x3 layers by F(4, 3), 5x5 and the deconvolution by F(4, 5) along rows; splitting and joining is not
    counted.
    """
    d, s, m = size
    both = d * s + s * d
    return 2 * (25 * d + both + 9 * s * s * m + 81 * d), 2 * (10 * d + both + 18 * s * s * m // 4 + 36 * d)


def measure_magnification(
    shapes: Sequence[tuple[int, int]],
    draw: Callable[[tuple[int, int]], Inputs],
    threads: Sequence[int],
    pace: Pace,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """One entry for each shape, number of threads, and frame or breast; answers are compared before they are timed.

    Frame and breast, ours and the peer's take turns, so that their ratios are of one time.
    """
    ours = runtimes.load(nets.weights("fsrcnn"), runtime="native")
    peer = runtimes.load(nets.weights("fsrcnn"), runtime=PEER, threads=1)
    found = []
    for shape in shapes:
        image = draw(shape).image
        breast = _breast(image)
        for count in threads:
            tell(f"magnification of the frame and the breast, {shape[0]} x {shape[1]}, {count} threads")
            entrants, apart = {}, {}
            for name, mask in (("frame", None), ("breast", breast)):
                calls = {library: _call(image, mask, net, count) for library, net in ((OURS, ours), (PEER, peer))}
                apart[name] = _apart(calls)
                entrants |= {f"{name} {library}": call for library, call in calls.items()}
            peak = _core.peak_flops(count, 0.3)
            times = interleave(entrants, pace)
            peak = max(peak, _core.peak_flops(count, 0.3))
            for name, pixels in (("frame", image.size), ("breast", int(breast.sum()))):
                seconds = {library: times[f"{name} {library}"] for library in (OURS, PEER)}
                entry = {"name": name, "shape": list(shape), "threads": count, "pixels": pixels, "seconds": seconds}
                found.append({**entry, "peak": peak, "apart": apart[name]})
    return found


def table(runs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Rows under `TITLES`; the share of the frame's time is of the least times, which load beside it disturbs least."""
    plain, executed = operations((56, 12, 4))
    lines = [list(TITLES)]
    frames = {(*run["shape"], run["threads"]): min(run["seconds"][OURS]) for run in runs if run["name"] == "frame"}
    for run in runs:
        ours, theirs = run["seconds"][OURS], run["seconds"][PEER]
        size = run["shape"][0] * run["shape"][1]
        rate = run["pixels"] / median(ours)
        lines.append(
            [
                f"{run['name']}, {run['shape'][0]} x {run['shape'][1]}",
                str(run["threads"]),
                f"{median(ours):.2f}",
                f"{min(ours):.2f}",
                f"{100 * run['pixels'] / size:.0f} %",
                f"{100 * min(ours) / frames[*run['shape'], run['threads']]:.0f} %",
                f"{median(theirs):.2f}",
                f"{min(theirs):.2f}",
                f"{median(theirs) / median(ours):.1f}x",
                f"{rate * plain / 1e9:.0f}",
                f"{rate * executed / 1e9:.0f}",
                f"{run['peak'] / 1e9:.0f}",
                f"{100 * rate * executed / run['peak']:.0f} %",
            ]
        )
    return lines


def print_magnification(runs: Sequence[dict[str, Any]]) -> None:
    """The table, with what its columns are."""
    if runs:
        print(
            f"\nFSRCNN(56, 12, 4) x 2, uint16, same weights; {PEER} in tiles of 256, its fastest way;\n"
            "breast: the rest of the frame is interpolated inside the clock"
        )
        print(text(table(runs)))


def _apart(calls: dict[str, Callable[[], Any]]) -> int:
    """Counts between the two answers. Raises `ValueError` if they are more than `TOLERANCE`."""
    ours = calls[OURS]().astype(numpy.int32)
    apart = int(numpy.abs(ours - calls[PEER]()).max())
    if apart > TOLERANCE:
        raise ValueError(f"magnification: {PEER} gives another answer, by {apart} counts")
    return apart


def _breast(image: Any) -> Any:
    import mcfast
    from mcfast.canonical import mask_in_input

    small = mcfast.resample(image, 0.7)
    return mask_in_input(detect.breast_mask(small, 0.1, max_value=WHITE), image.shape, (0.7, 0.7))


def _call(image: Any, mask: Any, network: Any, threads: int) -> Callable[[], Any]:
    out = numpy.zeros((2 * image.shape[0], 2 * image.shape[1]), image.dtype)
    return lambda: super_resolve(image, max_value=WHITE, mask=mask, network=network, threads=threads, out=out)
