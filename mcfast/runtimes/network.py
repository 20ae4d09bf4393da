"""What every runtime gives back: a network that is ready to run on batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn, Protocol, get_args

import numpy
from numpy.typing import NDArray

from mcfast.errors import ConfigError, DeviceError

__all__ = ["PRECISIONS", "Network", "OnHost", "Precision", "Shape", "StreamExecutor", "check_batch", "check_shapes"]

Precision = Literal["float32", "float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""What a network computes in; batches and outputs are float32 either way."""

Shape = tuple[int | None, ...]
"""One entry for each dimension; `None` where any size will do."""


class StreamExecutor(Protocol):
    """A network on one stream of a GPU."""

    def enqueue(self, source: int, target: int, shape: tuple[int, ...]) -> None:
        """Put a batch on the stream: float32 NCHW of this shape at `source`, the output to `target`, both on the GPU.

        Waits for nothing. Calls with a shape that has been seen before allocate nothing.
        """

    def keep_compiled(self) -> None:
        """Keep what has been compiled for this GPU, for the next process. To be called when the stream is idle."""


class Network(Protocol):
    """A loaded network with one input and one output tensor, float32. Safe to call from several threads at once.

    `run` takes a batch on the host; `on_stream` gives the network on a stream, for batches that are on a GPU already,
    where the runtime is a GPU's. Every runtime gives this one protocol.
    """

    @property
    def name(self) -> str:
        """What the network calls itself."""

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the ONNX file: which weights made a result."""

    @property
    def runtime(self) -> str:
        """Name of the runtime, a key of `mcfast.runtimes.available()`."""

    @property
    def runtime_version(self) -> str:
        """Version of the runtime's library."""

    @property
    def precision(self) -> Precision:
        """What it computes in."""

    @property
    def input_shape(self) -> Shape:
        """NCHW."""

    @property
    def output_shape(self) -> Shape:
        """As the file states it."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the ONNX file keeps about itself: version, input range, recipe, the layers' windows."""

    def run(self, batch: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
        """The output for a batch of NCHW float32.

        Raises
        ------
        TypeError
            If the batch is no NumPy array of float32.
        ValueError
            If its shape does not fit `input_shape`.
        """

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether a batch of this shape can be run in one piece."""

    def prepare(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Make ready for batches of these shapes, whatever that takes: a GPU's engines are built and opened.

        Raises
        ------
        ConfigError
            If one of them does not fit.
        DeviceError
            If an engine can be neither built nor loaded.
        """

    def on_stream(self, stream: Any) -> StreamExecutor:
        """The network on a stream (`mcfast.device.runtime.Stream`); several of them may run at the same time.

        Raises
        ------
        DeviceError
            If the runtime computes on the host.
        """


class OnHost:
    """The parts of `Network` that all runtimes on the host share: float32, any shape that fits, no streams."""

    name: str
    runtime: str
    input_shape: Shape
    precision: Precision = "float32"

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether a batch of this shape fits."""
        return _fits(shape, self.input_shape)

    def prepare(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Nothing but to check that they fit. Raises `ConfigError` if one does not."""
        check_shapes(self.name, shapes, self.input_shape)

    def on_stream(self, stream: Any) -> NoReturn:
        """Raises `DeviceError`: there are no streams on the host."""
        raise DeviceError(
            f"{self.name}.on_stream: expected a runtime on a GPU, got {self.runtime!r}, which computes on the host; "
            "load it with runtime='tensorrt'"
        )


def check_shapes(name: str, shapes: Sequence[tuple[int, ...]], expected: Shape) -> None:
    """Raise `ConfigError` unless batches of all these shapes fit the network."""
    for shape in shapes:
        if not isinstance(shape, Sequence) or not _fits(tuple(shape), expected):
            raise ConfigError(
                f"{name}.prepare(shapes): expected batches of ({_words(expected)}), got {shape!r}; give shapes that "
                "the network takes"
            )


def _fits(shape: tuple[int, ...], expected: Shape) -> bool:
    return len(shape) == len(expected) and all(
        isinstance(got, int) and got > 0 and want in (None, got) for want, got in zip(expected, shape, strict=True)
    )


def _words(expected: Shape) -> str:
    return ", ".join("any" if side is None else str(side) for side in expected)


def check_batch(name: str, batch: Any, expected: Shape) -> None:
    """Raise unless `batch` is a float32 array whose shape fits; the message names what was expected and what came."""
    if not isinstance(batch, numpy.ndarray):
        raise TypeError(f"{name}.run(batch): expected a NumPy array, got {type(batch).__name__}; use numpy.asarray")
    if batch.dtype != numpy.float32:
        raise TypeError(
            f"{name}.run(batch): expected float32, got {batch.dtype}; cast it with batch.astype(numpy.float32)"
        )
    if not _fits(batch.shape, expected):
        raise ValueError(
            f"{name}.run(batch): expected shape ({_words(expected)}), got {batch.shape}; reshape or crop it"
        )
