"""A DICOM file or a pydicom `Dataset` -> `Header` and the place of the pixel data, which stay where they are.

A file is read by `pydicom.filereader.read_dataset`, not by `dcmread`, which inflates a deflated dataset without limit
and does not tell where the pixels are. References: DICOM PS3.5 section 7 (encoding), PS3.10 section 7 (file format).
"""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from mcfast.dicom.frames import PixelData, pixel_data
from mcfast.dicom.header import LONGEST, Header
from mcfast.dicom.strict import UNDEFINED, Strict, quiet, require_nested_items, told
from mcfast.dicom.uids import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, NATIVE
from mcfast.errors import PixelDataError, UnreadableError

__all__ = ["parse", "parse_dataset"]

_PIXEL_DATA = 0x7FE00010
_FLOAT_PIXEL_DATA = 0x7FE00008  # the first element of the kinds of pixel data; what is behind them is not needed
_MAX_INFLATED = (1 << 29) + (1 << 24)  # 2**28 pixels of 2 bytes and a large header


def parse(file: BinaryIO, size: int, name: str) -> tuple[Header, PixelData | None]:
    """Read the header of a DICOM stream of `size` bytes.

    Returns
    -------
    The header ("TransferSyntaxUID" is always in it), and the place of the pixel data or `None` if there are none.
    The stream must stay open until the pixels are decoded.

    Raises
    ------
    UnreadableError
        If the file ends inside an element, or its structure is broken.
    """
    file.seek(0)
    begin = 132 if file.read(132)[128:] == b"DICM" else 0
    stream = Strict(file, size, name)
    stream.seek(begin)
    with quiet(), told(name):
        meta = _read(stream, explicit=True, little=True, stop=lambda tag, vr, length: tag >> 16 != 2)
    syntax = Header(name, (meta,)).text("TransferSyntaxUID")
    if syntax == DEFLATED:
        inflated = _inflate(stream.read(size - stream.tell()), name)
        stream = Strict(io.BytesIO(inflated), len(inflated), name)
    place: list[tuple[int, int, bool]] = []

    def at_pixels(tag: int, vr: str | None, length: int) -> bool:
        if tag == _PIXEL_DATA:
            place[:] = [(stream.tell(), length, vr in (None, "OW"))]
        return tag >= _FLOAT_PIXEL_DATA

    little = syntax != BIG_ENDIAN if syntax else _begins_little(stream)
    with quiet(), told(name):
        dataset = _read(stream, explicit=syntax not in (None, IMPLICIT), little=little, stop=at_pixels)
        require_nested_items(dataset, stream, little)
    return _header(dataset, meta, name), pixel_data(stream, *place[0]) if place else None


def _read(stream: Any, *, explicit: bool, little: bool, stop: Any) -> Dataset:
    """The elements up to `stop`; pydicom finds out by itself if they are not as `explicit` says."""
    return read_dataset(stream, not explicit, little, stop_when=stop, defer_size=LONGEST)


def parse_dataset(dataset: Dataset, name: str) -> tuple[Header, PixelData | None]:
    """The header of a pydicom `Dataset`, and where its pixel data are (`None` if it has none).

    Without file meta information the pixel data count as uncompressed. Raises as `parse`.
    """
    header = _header(dataset, getattr(dataset, "file_meta", None), name)
    if _PIXEL_DATA not in dataset:
        return header, None
    with quiet(), told(name):
        element: Any = dataset.get_item(_PIXEL_DATA)
    value = element.value
    if value is None:
        return header, None
    if hasattr(value, "read"):
        file: BinaryIO = value
        size = file.seek(0, io.SEEK_END)
    elif isinstance(value, bytes | bytearray | memoryview):
        file, size = io.BytesIO(value), len(value)
    else:
        raise PixelDataError(f"{name}: PixelData holds {type(value).__name__}, not bytes; set it to bytes")
    stream = Strict(file, size, name)
    stream.seek(0)
    encapsulated = header.text("TransferSyntaxUID") not in NATIVE and stream.read(min(size, 4)) == b"\xfe\xff\x00\xe0"
    return header, pixel_data(stream, 0, UNDEFINED if encapsulated else size, element.VR != "OB")


def _header(dataset: Dataset, meta: Dataset | None, name: str) -> Header:
    """The header with the transfer syntax, which the encoding tells where the meta information does not."""
    if meta is None or Header(name, (meta,)).text("TransferSyntaxUID") is None:
        implicit, little = dataset.original_encoding
        meta = Dataset()
        meta.TransferSyntaxUID = IMPLICIT if implicit else BIG_ENDIAN if little is False else EXPLICIT
    return Header(name, (meta, dataset))


def _begins_little(stream: Strict) -> bool:
    """Whether the next element, of a low group, is in little endian."""
    position = stream.tell()
    begins = stream.read(min(2, stream.size - position))
    stream.seek(position)
    return begins[1:] == b"\0"


def _inflate(data: bytes, name: str) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data, _MAX_INFLATED)
    except zlib.error as error:
        raise UnreadableError(f"{name}: the deflated dataset is damaged ({error}); fetch the file again") from None
    if not inflater.eof:
        cause = "larger than any mammogram" if len(inflated) == _MAX_INFLATED else "truncated"
        raise UnreadableError(f"{name}: the deflated dataset is {cause}; fetch the file again")
    return inflated
