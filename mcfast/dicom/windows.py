"""The two kinds of VOI transforms: lookup tables and windows (DICOM PS3.3 C.11.1.1, C.11.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from mcfast.dicom.header import Header
from mcfast.errors import PixelDataError

__all__ = ["Lut", "lookup", "lut_of", "windowed"]


@dataclass(frozen=True, slots=True)
class Lut:
    """A lookup table: `entries[0]` is for input `first` and below; values have `bits` bits."""

    entries: NDArray[numpy.uint16]
    first: int
    bits: int


def lut_of(item: Header, signed: bool) -> Lut:
    """The LUT of a sequence item.

    The descriptor's first mapped value is signed where the input of the LUT can be negative. The descriptor counts
    65536 entries as 0. Entries may be packed as bytes; they may have more bits than the descriptor says, then the
    bits are those of the largest entry.

    Raises `PixelDataError` if descriptor or data are missing or do not fit each other.
    """
    descriptor = [int(word) for word in item.words("LUTDescriptor")]
    if len(descriptor) != 3:
        raise PixelDataError(f"{item.name}: a LUT has no descriptor of three values; correct the header")
    count = descriptor[0] or 1 << 16
    first = descriptor[1] - (1 << 16) if signed and descriptor[1] >> 15 else descriptor[1]
    entries = _entries(item, count, descriptor[2])
    if len(entries) < count:
        raise PixelDataError(
            f"{item.name}: a LUT declares {count} entries and holds {len(entries)}; correct the header"
        )
    entries = entries[:count]
    bits = max(int(entries.max()).bit_length(), min(max(descriptor[2], 1), 16))
    return Lut(entries, first, bits)


def lookup(lut: Lut, values: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
    """Entries for the values, which are rounded and clipped to the table."""
    index = numpy.clip(numpy.rint(values - lut.first), 0, len(lut.entries) - 1).astype(numpy.intp)
    return lut.entries[index].astype(numpy.float64)


def windowed(
    values: NDArray[numpy.float64], centre: float, width: float, function: str, name: str
) -> NDArray[numpy.float64]:
    """Values through a window, 0 .. 1. Raises `PixelDataError` for an impossible width or an unknown function."""
    if width <= 0 or (function == "LINEAR" and width < 1):
        raise PixelDataError(f"{name}: window width {width:g} is impossible for {function}; correct the header")
    if function == "LINEAR":
        if width == 1:  # the ramp has no width: a step
            return (values > centre - 0.5).astype(numpy.float64)
        return numpy.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    if function == "LINEAR_EXACT":
        return numpy.clip((values - centre) / width + 0.5, 0, 1)
    if function == "SIGMOID":
        # tanh is the logistic function without its overflow: 1 / (1 + exp(-2 x)) = (1 + tanh x) / 2
        sigmoid: NDArray[numpy.float64] = 0.5 * (1 + numpy.tanh(2 * (values - centre) / width))
        return sigmoid
    raise PixelDataError(f"{name}: VOI LUT function {function} is unknown; expected LINEAR, LINEAR_EXACT or SIGMOID")


def _entries(item: Header, count: int, bits: int) -> NDArray[numpy.uint16]:
    raw = item.raw("LUTData")
    if raw is not None and bits <= 8 and count <= len(raw) < 2 * count:
        return numpy.frombuffer(raw, numpy.uint8).astype(numpy.uint16)
    return item.words("LUTData")
