"""`Header`: the attributes of one dataset or sequence item, with typed access.

Values stay raw bytes until they are asked for, so that a broken attribute that nobody needs breaks nothing, and no
conversion of a library is involved that would warn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy
from numpy.typing import NDArray

from mcfast.dicom.tags import TAGS, described
from mcfast.errors import UnreadableError

__all__ = ["Element", "Header"]

_BINARY = {"US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "FL": "f4", "FD": "f8", "US/SS": "u2", "OV": "u8"}


@dataclass(frozen=True, slots=True)
class Element:
    """One attribute: raw bytes with their VR and byte order, converted values, or the items of a sequence."""

    vr: str
    value: bytes | tuple[str | int | float, ...] | tuple[Header, ...]
    little: bool = True


@dataclass(frozen=True, slots=True)
class Header:
    """Attributes by keyword. `name` is what messages call the input."""

    name: str
    elements: Mapping[str, Element] = field(default_factory=dict)

    def texts(self, keyword: str) -> list[str]:
        """The values as text without padding, characters that cannot be printed as "?"; empty values are left out."""
        texts = (_printable(str(value).strip(" \0\r\n\t")) for value in self._values(keyword))
        return [text for text in texts if text]

    def text(self, keyword: str) -> str | None:
        """The first value as text; `None` if the attribute is absent or empty."""
        return next(iter(self.texts(keyword)), None)

    def numbers(self, keyword: str) -> list[float]:
        """The values as finite numbers. Raises `UnreadableError` if one is no number."""
        numbers = []
        for text in self.texts(keyword):
            try:
                number = float(text)
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                raise UnreadableError(
                    f"{self.name}: {described(keyword)} holds {text[:32]!r}, which is no number; correct the header"
                )
            numbers.append(number)
        return numbers

    def number(self, keyword: str) -> float | None:
        """The first value as a number; `None` if the attribute is absent or empty."""
        return next(iter(self.numbers(keyword)), None)

    def integer(self, keyword: str) -> int | None:
        """The first value as an integer; `None` if the attribute is absent or empty."""
        number = self.number(keyword)
        return None if number is None else int(number)

    def words(self, keyword: str) -> NDArray[numpy.uint16]:
        """The values as 16-bit words, whatever their sign; empty if the attribute is absent."""
        element = self.elements.get(keyword)
        if element is None:
            return numpy.empty(0, numpy.uint16)
        if isinstance(element.value, bytes):
            whole = element.value[: len(element.value) // 2 * 2]
            return numpy.frombuffer(whole, "<u2" if element.little else ">u2").astype(numpy.uint16)
        return numpy.array([int(number) & 0xFFFF for number in self.numbers(keyword)], numpy.uint16)

    def raw(self, keyword: str) -> bytes | None:
        """The bytes of the value as they are stored; `None` if absent or held as converted values."""
        element = self.elements.get(keyword)
        return element.value if element is not None and isinstance(element.value, bytes) else None

    def items(self, keyword: str) -> list[Header]:
        """The items of a sequence; empty if the attribute is absent."""
        element = self.elements.get(keyword)
        if element is None or isinstance(element.value, bytes):
            return []
        return [item for item in element.value if isinstance(item, Header)]

    def of_frame(self, frame: int) -> Header:
        """This header with the functional groups of one frame laid under it: what a single-frame object would say."""
        groups = self.items("SharedFunctionalGroupsSequence")[:1]
        groups += self.items("PerFrameFunctionalGroupsSequence")[frame : frame + 1]
        merged: dict[str, Element] = {}
        for group in groups:
            for element in group.elements.values():
                if isinstance(element.value, bytes):
                    continue
                for item in element.value:
                    if isinstance(item, Header):
                        merged.update(item.elements)
        return Header(self.name, {**merged, **self.elements})

    def _values(self, keyword: str) -> tuple[str | int | float, ...]:
        element = self.elements.get(keyword)
        if element is None:
            return ()
        if not isinstance(element.value, bytes):
            return tuple(value for value in element.value if not isinstance(value, Header))
        vr = element.vr if element.vr != "UN" else TAGS[keyword][1]
        if vr in _BINARY:
            kind = numpy.dtype(("<" if element.little else ">") + _BINARY[vr])
            whole = element.value[: len(element.value) // kind.itemsize * kind.itemsize]
            return tuple(numpy.frombuffer(whole, kind).tolist())
        return tuple(_text(element.value).split("\\"))


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(part if part.isprintable() else "?" for part in text)


def _text(value: bytes) -> str:
    # The character set only matters for the manufacturer's name: everything else that is read is plain ASCII.
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
