"""`read`: whatever holds a mammogram -> `Mammogram`."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

import numpy

from mcfast.dicom.sniff import looks_like_dicom
from mcfast.errors import DependencyError, PixelDataError, UnreadableError
from mcfast.mammogram import Mammogram

__all__ = ["read"]

_HEAD = 256  # bytes that tell the format
_OTHERS = {  # how files begin that are taken for mammograms, and are not read
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"BM": "a BMP picture",
    b"P5": "a PGM picture",
    b"GIF8": "a GIF picture",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "a NumPy file (load it and give the array)",
    b"\x89HDF": "an HDF5 file",
    b"SIMPLE  =": "a FITS file",
}


def read(
    item: Any,
    *,
    spacing_mm: float | tuple[float, float] | None = None,
    any_modality: bool = False,
    bits: int | None = None,
    value_range: tuple[float, float] | None = None,
    voi: int = 0,
    frame: int | None = None,
) -> Mammogram:
    """Read one mammogram.

    Parameters
    ----------
    item
        A path (`str` or `os.PathLike`), the bytes of a file, a pydicom `Dataset`, or a two-dimensional NumPy array of
        uint8, uint16, float32 or float64 with bright = dense. Files are DICOM (with or without preamble), PNG or TIFF
        of 8 or 16 bits; their content tells which, not their name.
    spacing_mm
        Distance of pixel centres in millimetres, one number or (row, column), 0.01 .. 1. Needed for arrays, PNG and
        TIFF. For DICOM it counts only where the header tells no possible spacing (flag "spacing_given"); a header's
        spacing wins, with the flag "spacing_given_ignored" if the two differ by more than 1 %.
    any_modality
        Read DICOM images that are no mammograms by their header; they get the flag "not_mammography".
    bits
        Arrays of integers, PNG and TIFF only: bits of the values, 8 .. 16. The default is the smallest of 8, 10, 12,
        14, 16 that holds the largest value.
    value_range
        Arrays of floats only: (lowest, highest) possible value, by default (0, 1); becomes 0 .. 65535.
    voi
        DICOM only: which of several VOI transforms to use, counted from 0; VOI LUTs come before windows.
    frame
        Which frame of a multi-frame DICOM object or image of a TIFF file, counted from 0. Without it such files are
        refused.

    Returns
    -------
    Mammogram

    Raises
    ------
    UnreadableError
        If the file is missing, empty, damaged or of another format.
    UnsupportedSyntaxError
        If the transfer syntax is not decoded.
    NotMammogramError
        If the header tells another kind of image (and not `any_modality`), or several frames (and no `frame`).
    SpacingError
        If the spacing is unknown or impossible.
    PixelDataError
        If the pixels are missing, constant, not finite, in colour, not two-dimensional, or fewer than declared.
    InputError
        Base class of all of these; itself if `voi` or `frame` do not exist.
    DependencyError
        If pydicom or imagecodecs is not installed and the file cannot be read without; arrays need neither.
    TypeError
        If `item` is nothing of the above.
    ValueError
        If `bits` is not 8 .. 16.
    """
    if bits is not None and not 8 <= bits <= 16:
        raise ValueError(f"read(bits): expected 8 .. 16, got {bits}")
    if isinstance(item, numpy.ndarray):
        from mcfast.rasters import read_array

        return read_array(item, "<array>", spacing_mm=spacing_mm, bits=bits, value_range=value_range)
    dicom = {"spacing_mm": spacing_mm, "any_modality": any_modality, "voi": voi, "frame": frame}
    picture = {"spacing_mm": spacing_mm, "bits": bits, "frame": frame}
    if isinstance(item, bytes | bytearray | memoryview):
        return _read_stream(io.BytesIO(item), len(item), "<bytes>", dicom, picture)
    if isinstance(item, str | os.PathLike):
        return _read_path(os.fsdecode(item) or "''", dicom, picture)
    if hasattr(item, "get_item") and hasattr(item, "group_dataset"):  # a pydicom Dataset, without importing pydicom
        from mcfast.dicom.assemble import read_dataset

        return read_dataset(item, "<dataset>", **dicom)
    kind = f"{type(item).__module__}.{type(item).__qualname__}"
    raise TypeError(f"read(item): expected a path, bytes, a pydicom Dataset or a NumPy array, got {kind}")


def _read_path(name: str, dicom: dict[str, Any], picture: dict[str, Any]) -> Mammogram:
    try:
        with _open(name) as file:
            return _read_stream(file, os.fstat(file.fileno()).st_size, name, dicom, picture)
    except OSError as error:
        raise UnreadableError(f"{name}: cannot be read ({error.strerror or error}); check the disk") from None


def _open(name: str) -> BinaryIO:
    """Open a regular file; anything else is refused before it is opened, since opening a pipe waits for a writer."""
    path = Path(name)
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.open("rb")
    except FileNotFoundError:
        raise UnreadableError(f"{name}: there is no such file; check the path") from None
    except PermissionError:
        raise UnreadableError(f"{name}: permission denied; make the file readable") from None
    except ValueError:  # a null byte
        raise UnreadableError(f"{name!r}: there is no such file; check the path") from None
    if stat.S_ISDIR(mode):
        raise UnreadableError(f"{name}: is a directory; give the files in it")
    raise UnreadableError(f"{name}: is no regular file; give a file or its bytes")


def _read_stream(file: BinaryIO, size: int, name: str, dicom: dict[str, Any], picture: dict[str, Any]) -> Mammogram:
    head = file.read(_HEAD)
    if not head:
        raise UnreadableError(f"{name}: is empty; fetch the file again")
    try:
        if looks_like_dicom(head):
            from mcfast.dicom.assemble import read_stream

            return read_stream(file, size, name, **dicom)
        from mcfast.rasters import PNG, TIFF, read_picture

        if head.startswith((PNG, *TIFF)):
            file.seek(0)
            return read_picture(file.read(), name, **picture)
    except ImportError as error:
        raise DependencyError(
            f"{name}: reading such files needs {error.name or 'a package'} ({error}); pip install pydicom imagecodecs, "
            "or give the pixels as an array"
        ) from error
    except MemoryError:
        raise PixelDataError(f"{name}: the image does not fit into memory; give a smaller one or add memory") from None
    other = next((kind for start, kind in _OTHERS.items() if head.startswith(start)), "of an unknown format")
    raise UnreadableError(f"{name}: is {other}; give DICOM, PNG or TIFF")
