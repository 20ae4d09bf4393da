"""Native operations of mcfast. Called through mcfast.ops, which documents them."""

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

Array = NDArray[Any]
Chords = list[tuple[int, int, int]]

def cpu_level() -> str: ...
def default_threads() -> int: ...
def peak_flops(threads: int, seconds: float) -> float: ...
def erode(
    image: Array, rows: int, columns: int, chords: Chords, out: Array | None = None, threads: int | None = None
) -> Array: ...
def min_filter(
    image: Array, rows: int, columns: int, chords: Chords, out: Array | None = None, threads: int | None = None
) -> Array: ...
def max_filter(
    image: Array, rows: int, columns: int, chords: Chords, out: Array | None = None, threads: int | None = None
) -> Array: ...
def dilate(
    image: Array, rows: int, columns: int, chords: Chords, out: Array | None = None, threads: int | None = None
) -> Array: ...
def opening(
    image: Array, rows: int, columns: int, chords: Chords, out: Array | None = None, threads: int | None = None
) -> Array: ...
def closing(
    image: Array, rows: int, columns: int, chords: Chords, out: Array | None = None, threads: int | None = None
) -> Array: ...
def white_tophat(
    image: Array, rows: int, columns: int, chords: Chords, out: Array | None = None, threads: int | None = None
) -> Array: ...
def black_tophat(
    image: Array, rows: int, columns: int, chords: Chords, out: Array | None = None, threads: int | None = None
) -> Array: ...
def dark_channel(
    image: Array, rows: int, columns: int, out: Array | None = None, threads: int | None = None
) -> Array: ...
def box_mean(image: Array, radius: int, out: Array | None = None, threads: int | None = None) -> Array: ...
def gaussian_blur(image: Array, sigma: float, out: Array | None = None, threads: int | None = None) -> Array: ...
def guided_filter(
    src: Array,
    guide: Array,
    radius: int,
    eps: float,
    out: Array | None = None,
    second: Array | None = None,
    threads: int | None = None,
) -> Array: ...
def check_guided_filter(src: Array, guide: Array, radius: int, eps: float, out: Array) -> None: ...
def dehaze(
    image: Array,
    size: tuple[int, int],
    radius: int,
    omega: float,
    eps: float,
    t_min: float,
    max_value: float,
    out: Array | None = None,
    threads: int | None = None,
) -> Array: ...
def resample(
    image: Array, row_scale: float, column_scale: float, out: Array | None = None, threads: int | None = None
) -> Array: ...
def lookup(image: Array, table: Array, out: Array | None = None, threads: int | None = None) -> Array: ...
def gather_patches(
    image: Array,
    centres: Array,
    size: int,
    mean: Array | None = None,
    std: Array | None = None,
    out: Array | None = None,
    threads: int | None = None,
) -> Array: ...
def stitch(
    patches: Array,
    shape: tuple[int, int],
    stride: tuple[int, int],
    out: Array | None = None,
    threads: int | None = None,
) -> Array: ...
def local_maxima(
    image: Array, radius: int, threshold: float, mask: Array | None = None, threads: int | None = None
) -> tuple[NDArray[numpy.int32], NDArray[numpy.float32]]: ...

class Fsrcnn:
    def __init__(self, layers: Sequence[tuple[Array, Array, Array | None]]) -> None: ...
    @property
    def d(self) -> int: ...
    @property
    def s(self) -> int: ...
    @property
    def m(self) -> int: ...
    def magnify(
        self,
        image: Array,
        white: float,
        boxes: Sequence[tuple[int, int, int, int]],
        outs: Sequence[Array],
        mask: Array | None = None,
        tile: int | None = None,
        clip: bool = True,
        threads: int | None = None,
    ) -> None: ...
