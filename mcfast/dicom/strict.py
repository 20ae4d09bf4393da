"""pydicom, made strict and silent: what it passes over is an error of ours, and it neither warns nor logs.

pydicom takes a cut value for a short one, a file that ends inside an element for one that ends, and anything for the
item of a sequence. `Strict` and `require_items` tell these. `quiet` keeps its warnings from the caller, `told` makes
its exceptions one sentence.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from mcfast.errors import InputError, UnreadableError

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

__all__ = ["UNDEFINED", "Strict", "items_of", "quiet", "reason_of", "require_nested_items", "told"]

UNDEFINED = 0xFFFFFFFF  # the length of a value that ends with a delimiter

_LOCK = RLock()
_ITEM = {True: b"\xfe\xff\x00\xe0", False: b"\xff\xfe\xe0\x00"}
_SEQUENCE_END = {True: b"\xfe\xff\xdd\xe0", False: b"\xff\xfe\xe0\xdd"}


@contextmanager
def quiet(action: Any = "ignore") -> Iterator[None]:
    """Run pydicom without a word: its warnings meet `action` ("error" raises them), its log records are dropped.

    One thread at a time, since `catch_warnings` replaces the filters of the whole process and two threads that enter
    and leave in turn would leave the wrong ones behind. So only headers are read in here, not pixels.
    """
    owner, logger = get_ident(), logging.getLogger("pydicom")

    def is_of_another(record: logging.LogRecord) -> bool:
        return get_ident() != owner

    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter(action)
        # pydicom drops every element before a value whose delimiter is missing, and only warns.
        warnings.filterwarnings("error", "End of file reached")
        logger.addFilter(is_of_another)
        try:
            yield
        finally:
            logger.removeFilter(is_of_another)


@contextmanager
def told(
    name: str,
    kind: type[InputError] = UnreadableError,
    what: str = "the DICOM file is truncated or damaged",
    mend: str = "fetch the file again",
) -> Iterator[None]:
    """Turn whatever pydicom raises into `kind`, "NAME: WHAT (reason); MEND"."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk; pydicom's own have no number
            raise
        raise kind(f"{name}: {what} ({reason_of(error)}); {mend}") from None


def reason_of(error: Exception) -> str:
    """What a library says, on one line; the kind of error where it says nothing that can be printed."""
    text = " ".join(str(error).split())
    return text if text.isascii() and text.isprintable() and text else type(error).__name__


class Strict:
    """A binary file of `size` bytes that gives as many bytes as it is asked for, or none at its end, or raises.

    Nothing is allocated before the bytes are known to be there. `name` is what messages call the file. A file can be
    made that sends pydicom through the same items again for every element; so only as many bytes are given as a sound
    file needs several times over.
    """

    __slots__ = ("file", "given", "name", "size")

    def __init__(self, file: BinaryIO, size: int, name: str) -> None:
        self.file, self.size, self.name, self.given = file, size, name, 0

    def tell(self) -> int:
        """Position of the next byte."""
        return self.file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position. Raises `UnreadableError` behind the end."""
        position = self.file.seek(offset, whence)
        if position > self.size:
            self.cut(position)
        return position

    def read(self, count: int = -1) -> bytes:
        """`count` bytes, or none at the end. Raises `UnreadableError` if there are some, but fewer."""
        if count < 0:  # of offsets that are not in order; a file would give all that is left
            raise ValueError("a length is negative")
        position = self.file.tell()
        if position >= self.size:
            return b""
        data = self.file.read(count) if count <= self.size - position else b""
        if len(data) != count:
            self.cut(position + count)
        self.given += count
        if self.given > 4 * self.size + (1 << 16):
            raise UnreadableError(f"{self.name}: the DICOM file is damaged: its elements overlap; fetch the file again")
        return data

    def cut(self, end: int) -> NoReturn:
        """Raise `UnreadableError`: the file ends before `end`."""
        raise UnreadableError(
            f"{self.name}: the DICOM file is truncated or damaged: {end} bytes are announced, {self.size} are there; "
            "fetch the file again"
        )


def items_of(raw: RawDataElement, name: str) -> list[Dataset]:
    """The items of a sequence that pydicom left as bytes. Raises `UnreadableError` if it is damaged."""
    from pydicom.filereader import read_sequence

    value = raw.value or b""
    stream: Any = Strict(io.BytesIO(value), len(value), name)
    with quiet(), told(name):
        items = read_sequence(stream, raw.is_implicit_VR, raw.is_little_endian, len(value), "iso8859")
        require_items(items, stream, raw.is_little_endian)
    return list(items)


def require_items(items: Any, stream: Strict, little: bool) -> None:
    """Raise `UnreadableError` unless the items that pydicom read from `stream`, nested ones too, are as they say.

    Each must begin with an item's tag. Where it states its length, the next or the end of the sequence must follow.
    """
    following = None
    for item in items:
        begin = stream.seek(item.seq_item_tell)
        head = stream.read(8)
        if head[:4] != _ITEM[little] or following not in (None, begin):
            _refuse(stream)
        length = int.from_bytes(head[4:], "little" if little else "big")
        following = None if length == UNDEFINED else stream.seek(begin + 8 + length)
        require_nested_items(item, stream, little)
    if following is not None:
        stream.seek(following)
        if stream.read(4) not in (b"", _SEQUENCE_END[little]):
            _refuse(stream)


def _refuse(stream: Strict) -> NoReturn:
    raise UnreadableError(
        f"{stream.name}: the DICOM file is damaged: a sequence is not made of items; fetch the file again"
    )


def require_nested_items(dataset: Dataset, stream: Strict, little: bool) -> None:
    """`require_items` for the sequences of a dataset that pydicom parsed at once: those of undefined length."""
    for tag in list(dataset.keys()):
        element: Any = dataset.get_item(tag, keep_deferred=True)
        if not element.is_raw and element.VR == "SQ":
            require_items(element.value, stream, little)
