"""pydicom Dataset -> `Header` and the place of its pixel data, without converting (or warning about) raw elements."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from mcfast.dicom.elements import Encoding, Stream
from mcfast.dicom.frames import PixelData, encapsulated
from mcfast.dicom.header import Element, Header
from mcfast.dicom.parse import BIG_ENDIAN, EXPLICIT, items_of
from mcfast.dicom.tags import PIXEL_DATA, TAGS
from mcfast.errors import PixelDataError

__all__ = ["from_dataset"]


def from_dataset(dataset: Any, name: str) -> tuple[Header, PixelData | None]:
    """The header of a pydicom `Dataset`, and where its pixel data are (`None` if it has none).

    The dataset is not changed. Without file meta information the pixel data count as uncompressed.
    """
    elements = _elements(dataset, name)
    meta = getattr(dataset, "file_meta", None)
    syntax = str(meta.get("TransferSyntaxUID", "")) if meta is not None else ""
    if not syntax:
        original = getattr(dataset, "original_encoding", (None, None))
        syntax = BIG_ENDIAN if original[1] is False else EXPLICIT
    elements["TransferSyntaxUID"] = Element("UI", (syntax,))
    return Header(name, elements), _pixel_data(dataset, name)


def _elements(dataset: Any, name: str) -> dict[str, Element]:
    found: dict[str, Element] = {}
    for keyword, (tag, _) in TAGS.items():
        if tag in dataset:
            element = dataset.get_item(tag)
            found[keyword] = _raw(element, name) if hasattr(element, "is_little_endian") else _converted(element, name)
    return found


def _raw(element: Any, name: str) -> Element:
    """An element as it was in the file: bytes, or a sequence of defined length."""
    keyword_vr = next(vr for tag, vr in TAGS.values() if tag == element.tag)
    vr = element.VR if element.VR not in (None, "UN") else keyword_vr
    value = bytes(element.value or b"")
    if vr != "SQ":
        return Element(vr, value, element.is_little_endian)
    explicit = not element.is_implicit_VR and element.VR == "SQ"
    return Element(vr, items_of(value, Encoding(explicit, element.is_little_endian), name))


def _converted(element: Any, name: str) -> Element:
    value = element.value
    if element.VR == "SQ":
        return Element("SQ", tuple(Header(name, _elements(item, name)) for item in value or ()))
    if isinstance(value, bytes | bytearray):
        return Element(element.VR, bytes(value))
    if value is None:
        return Element(element.VR, ())
    several = not isinstance(value, str) and hasattr(value, "__iter__")
    return Element(element.VR, tuple(_plain(part) for part in (value if several else (value,)) if part is not None))


def _plain(value: Any) -> str | int | float:
    return value if isinstance(value, str | int | float) else str(value)


def _pixel_data(dataset: Any, name: str) -> PixelData | None:
    if PIXEL_DATA not in dataset:
        return None
    element = dataset.get_item(PIXEL_DATA)
    value = element.value
    if value is None:
        return None
    if hasattr(value, "read"):
        file: BinaryIO = value
        size = file.seek(0, io.SEEK_END)
    elif isinstance(value, bytes | bytearray | memoryview):
        file, size = io.BytesIO(value), len(value)
    else:
        raise PixelDataError(f"{name}: PixelData holds {type(value).__name__}, not bytes; set it to bytes")
    stream = Stream(file, size, name)
    if stream.read(0, 4) == b"\xfe\xff\x00\xe0" and _is_compressed(dataset):
        return encapsulated(stream, 0)
    return PixelData(stream, 0, size, words=element.VR != "OB")


def _is_compressed(dataset: Any) -> bool:
    meta = getattr(dataset, "file_meta", None)
    syntax = str(meta.get("TransferSyntaxUID", "")) if meta is not None else ""
    return syntax.startswith("1.2.840.10008.1.2.4") or syntax == "1.2.840.10008.1.2.5"
