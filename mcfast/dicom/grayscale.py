"""The grayscale chain of one image as one lookup table: stored value -> presentation value.

stored bits -> sign -> modality LUT or rescale -> VOI LUT or window -> inversion, evaluated once per *possible* stored
value (at most 65536) instead of once per pixel. Presentation values run over 0 .. 2**bits - 1, with `bits` the bits
stored, but at least 8: as fine as the stored values, and bright means dense.

Without a VOI LUT or window, the range of the stored representation (after rescaling) maps linearly to the
presentation values, so that an unsigned image without rescaling keeps its stored values.

References: DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT, windows), C.11.6 (presentation LUT shape),
C.7.5.1.1.2 (pixel padding); PS3.4 N.2.
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.dicom.header import Header
from mcfast.dicom.windows import lookup, lut_of, windowed
from mcfast.errors import InputError, PixelDataError
from mcfast.mammogram import Mammogram

__all__ = ["presentation_bits", "presentation_table", "valid_pixels", "window"]


def window(mammogram: Mammogram, *, threads: int | None = None, out: Any = None) -> NDArray[numpy.uint16]:
    """The presentation image of a mammogram: its table applied to its pixels, padding set to 0.

    Parameters
    ----------
    mammogram
        As `mcfast.read` returns it.
    threads
        How many threads may work; `None` is the default of all operations.
    out
        (H, W) uint16 to write to; may be `mammogram.pixels` itself, which is then overwritten.

    Returns
    -------
    (H, W) uint16, 0 .. 2**mammogram.bits - 1, bright = dense. One pass over the pixels.
    """
    from mcfast.ops import lookup as apply

    image: NDArray[numpy.uint16] = apply(mammogram.pixels, mammogram.table, threads=threads, out=out)
    if mammogram.valid is not None:
        numpy.copyto(image, 0, where=~mammogram.valid)
    return image


def presentation_bits(stored: int) -> int:
    """Bits of the presentation values of an image with so many bits stored: the same, but at least 8."""
    return min(max(stored, 8), 16)


def presentation_table(header: Header, bits: int, signed: bool, voi: int = 0) -> NDArray[numpy.uint16]:
    """(2**bits,) uint16: the presentation value of every stored value of `bits` bits.

    Parameters
    ----------
    header
        Of the frame; the grayscale attributes are read from it.
    bits
        Bits of the stored values, 1 .. 16.
    signed
        Whether they are two's complement; the table is indexed by the bits, so the negative values come last.
    voi
        Which of the alternative VOI transforms to use; the VOI LUTs count first, the windows behind them.

    Raises
    ------
    InputError
        If there is no VOI transform of that number.
    PixelDataError
        If a LUT is damaged, a window has no width, or the table maps every value to the same.
    """
    values = stored_values(bits, signed)
    modality, low, high = _modality(header, values, signed)
    unit = _voi(header, modality, low, high, voi)
    # INVERSE goes with MONOCHROME1 in mammography (PS3.3 C.8.11.3.1.2): together they mean one inversion.
    if header.text("PhotometricInterpretation") == "MONOCHROME1" or header.text("PresentationLUTShape") == "INVERSE":
        unit = 1.0 - unit
    highest = (1 << presentation_bits(bits)) - 1
    table = numpy.floor(unit * highest + 0.5).astype(numpy.uint16)
    if bits > 1 and table.min() == table.max():
        raise PixelDataError(
            f"{header.name}: the grayscale transform maps every stored value to {table[0]}; "
            "choose another with voi= or correct the window"
        )
    return table


def stored_values(bits: int, signed: bool) -> NDArray[numpy.float64]:
    """(2**bits,) float64: what each pattern of bits stands for."""
    values = numpy.arange(1 << bits, dtype=numpy.float64)
    if signed:
        values[1 << (bits - 1) :] -= 1 << bits
    return values


def valid_pixels(header: Header, pixels: NDArray[numpy.uint16], bits: int, signed: bool) -> NDArray[numpy.bool_] | None:
    """(H, W) bool, `False` on padding (PixelPaddingValue, PixelPaddingRangeLimit); `None` if every pixel is valid."""
    value, limit = header.words("PixelPaddingValue"), header.words("PixelPaddingRangeLimit")
    if not value.size:
        return None
    words = [int(word) for word in (*value[:1], *limit[:1])]
    first, last = (word - (1 << 16) if signed and word >> 15 else word for word in (min(words), max(words)))
    low, high = min(first, last), max(first, last)
    is_padding = (stored_values(bits, signed) >= low) & (stored_values(bits, signed) <= high)
    if not is_padding.any():
        return None
    valid: NDArray[numpy.bool_] = pixels != numpy.flatnonzero(is_padding)[0] if low == high else ~is_padding[pixels]
    return None if valid.all() else valid


def _modality(
    header: Header, values: NDArray[numpy.float64], signed: bool
) -> tuple[NDArray[numpy.float64], float, float]:
    """Values after the modality step, and the lowest and highest value that its representation can hold."""
    for item in header.items("ModalityLUTSequence")[:1]:
        lut = lut_of(item, signed)
        return lookup(lut, values), 0.0, float((1 << lut.bits) - 1)
    slope = header.number("RescaleSlope")
    intercept = header.number("RescaleIntercept") or 0.0
    if slope == 0.0:
        raise PixelDataError(f"{header.name}: RescaleSlope is 0, which erases the image; correct the header")
    rescaled = values * (1.0 if slope is None else slope) + intercept
    return rescaled, float(rescaled.min()), float(rescaled.max())


def _voi(header: Header, values: NDArray[numpy.float64], low: float, high: float, voi: int) -> NDArray[numpy.float64]:
    """Values after the VOI step, 0 .. 1."""
    luts = header.items("VOILUTSequence")
    centres, widths = header.numbers("WindowCenter"), header.numbers("WindowWidth")
    choices = len(luts) + min(len(centres), len(widths))
    if not 0 <= voi < max(choices, 1):
        raise InputError(f"{header.name}: has {choices} VOI transform(s), not voi={voi}; count from 0")
    if voi < len(luts):
        lut = lut_of(luts[voi], signed=low < 0)
        return lookup(lut, values) / ((1 << lut.bits) - 1)
    if choices:
        index = voi - len(luts)
        function = header.text("VOILUTFunction") or "LINEAR"
        return windowed(values, centres[index], widths[index], function, header.name)
    return (values - low) / (high - low)
