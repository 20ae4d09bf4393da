"""`Header`: the attributes of a pydicom `Dataset` or sequence item, with strict typed access.

Values are converted from their raw bytes when they are asked for, so that a broken attribute that nobody needs breaks
nothing, and not by pydicom's value classes, which warn about some broken values and accept others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from mcfast.dicom.strict import UNDEFINED, items_of, quiet, told
from mcfast.errors import UnreadableError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["LONGEST", "Header", "described"]

LONGEST = 1 << 24  # bytes of a sequence; the functional groups of a hundred frames take a hundredth of them
_LONGEST_VALUE = 1 << 20  # bytes of another value; the longest that is needed is a lookup table of 65536 words

_BINARY = {"US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "FL": "f4", "FD": "f8", "US or SS": "u2"}

# The functional groups with attributes that single-frame objects have at their top level.
_MACROS = (
    "FrameAnatomySequence",
    "PixelMeasuresSequence",
    "FrameVOILUTSequence",
    "PixelValueTransformationSequence",
)


@dataclass(frozen=True, slots=True)
class Header:
    """Attributes by keyword. `name` is what messages call the input.

    An attribute is that of the first of the `datasets` that has it: file meta information, the dataset itself, and
    what lies under it (see `of_frame`).
    """

    name: str
    datasets: tuple[Dataset, ...]

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
        element = self._element(keyword)
        stored = _stored(element)
        if stored is not None:
            whole = stored[: len(stored) // 2 * 2]
            return numpy.frombuffer(whole, f"{_order(element)}u2").astype(numpy.uint16)
        return numpy.array([int(number) & 0xFFFF for number in self.numbers(keyword)], numpy.uint16)

    def raw(self, keyword: str) -> bytes | None:
        """The bytes of the value as they are stored; `None` if absent or held as converted values."""
        return _stored(self._element(keyword))

    def items(self, keyword: str) -> list[Header]:
        """The items of a sequence; empty if the attribute is absent."""
        element = self._element(keyword)
        if element is None or _vr(element) != "SQ":
            return []
        items = items_of(element, self.name) if element.is_raw else element.value or ()
        return [Header(self.name, (item,)) for item in items]

    def of_frame(self, frame: int) -> Header:
        """This header with the functional groups of one frame laid under it: what a single-frame object would say."""
        groups = self.items("PerFrameFunctionalGroupsSequence")[frame : frame + 1]
        groups += self.items("SharedFunctionalGroupsSequence")[:1]
        items = [item for group in groups for macro in _MACROS for item in group.items(macro)]
        return Header(self.name, (*self.datasets, *(item.datasets[0] for item in items)))

    def _values(self, keyword: str) -> tuple[Any, ...]:
        element = self._element(keyword)
        if element is None or element.value is None or _vr(element) == "SQ":
            return ()
        stored, value = _stored(element), element.value
        if stored is None:
            several = not isinstance(value, str) and hasattr(value, "__iter__")
            return tuple(part for part in (value if several else (value,)) if part is not None)
        kind = _BINARY.get(_vr(element))
        if kind is None:
            return tuple(_text(stored).split("\\"))
        dtype = numpy.dtype(_order(element) + kind)
        return tuple(numpy.frombuffer(stored[: len(stored) // dtype.itemsize * dtype.itemsize], dtype).tolist())

    def _element(self, keyword: str) -> Any:
        """The attribute as pydicom holds it: raw or converted; `None` if it is absent.

        Raises `UnreadableError` if it is longer than any that is needed, or shorter than it says.
        """
        from pydicom.tag import Tag

        tag = Tag(keyword)
        dataset = next((dataset for dataset in self.datasets if tag in dataset), None)
        if dataset is None:
            return None
        element: Any = dataset.get_item(tag, keep_deferred=True)
        if not element.is_raw or element.length == UNDEFINED:
            return element
        longest = LONGEST if _vr(element) == "SQ" else _LONGEST_VALUE
        if element.length > longest:
            raise UnreadableError(
                f"{self.name}: {described(keyword)} holds {element.length} bytes, expected {longest} at most; "
                "correct the header"
            )
        if element.value is None and element.length:  # the caller's pydicom put off reading it
            with quiet(), told(self.name):
                return dataset.get_item(tag)
        if len(element.value or b"") != element.length:
            raise UnreadableError(
                f"{self.name}: the DICOM file is truncated or damaged: {described(keyword)} announces "
                f"{element.length} bytes and holds {len(element.value or b'')}; fetch the file again"
            )
        return element


def described(keyword: str) -> str:
    """`Rows (0028,0010)`: an attribute as messages name it."""
    from pydicom.tag import Tag

    return f"{keyword} {Tag(keyword)}"


def _vr(element: Any) -> str:
    """The value representation; that of the dictionary where the file does not tell it."""
    from pydicom.datadict import dictionary_VR

    if element.VR not in (None, "UN"):
        return str(element.VR)
    try:
        return str(dictionary_VR(element.tag))
    except KeyError:
        return "UN"


def _stored(element: Any) -> bytes | None:
    """The bytes of the value, if it is held as bytes."""
    value = getattr(element, "value", None)
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None


def _order(element: Any) -> str:
    """The byte order of the stored bytes; what was converted or set is little endian."""
    return "<" if getattr(element, "is_little_endian", True) else ">"


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(part if part.isprintable() else "?" for part in text)


def _text(value: bytes) -> str:
    # The character set only matters for the manufacturer's name: everything else that is read is plain ASCII.
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
