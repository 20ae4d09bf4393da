"""What every runtime gives back: a network that is ready to run on batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy
from numpy.typing import NDArray

__all__ = ["Network", "Shape", "check_batch"]

Shape = tuple[int | None, ...]
"""One entry for each dimension; `None` where any size will do."""


class Network(Protocol):
    """A loaded network with one input and one output tensor, float32. Safe to call from several threads at once."""

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


def check_batch(name: str, batch: Any, expected: Shape) -> None:
    """Raise unless `batch` is a float32 array whose shape fits; the message names what was expected and what came."""
    if not isinstance(batch, numpy.ndarray):
        raise TypeError(f"{name}.run(batch): expected a NumPy array, got {type(batch).__name__}; use numpy.asarray")
    if batch.dtype != numpy.float32:
        raise TypeError(
            f"{name}.run(batch): expected float32, got {batch.dtype}; cast it with batch.astype(numpy.float32)"
        )
    fits = batch.ndim == len(expected) and all(
        want is None or want == got for want, got in zip(expected, batch.shape, strict=True)
    )
    if not fits or 0 in batch.shape:
        wanted = ", ".join("any" if side is None else str(side) for side in expected)
        raise ValueError(f"{name}.run(batch): expected shape ({wanted}), got {batch.shape}; reshape or crop it")
