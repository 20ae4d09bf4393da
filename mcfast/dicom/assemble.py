"""DICOM -> `Mammogram`: every cheap check on the header first, then the pixels."""

from __future__ import annotations

import time
from typing import Any, BinaryIO

from mcfast.dicom.decode import decode, require_supported
from mcfast.dicom.frames import PixelData
from mcfast.dicom.geometry import laterality_of, spacing_of, view_of
from mcfast.dicom.grayscale import presentation_bits, presentation_table, valid_pixels
from mcfast.dicom.header import Header
from mcfast.dicom.layout import chosen_frame, layout_of
from mcfast.dicom.parse import parse, parse_dataset
from mcfast.dicom.suitability import flags_of, require_mammogram, require_one_frame
from mcfast.errors import PixelDataError
from mcfast.mammogram import Mammogram, Source

__all__ = ["read_dataset", "read_stream"]


def read_stream(file: BinaryIO, size: int, name: str, **options: Any) -> Mammogram:
    """The mammogram in a DICOM stream of `size` bytes; options as in `mammogram_of`."""
    started = time.perf_counter()
    header, data = parse(file, size, name)
    return mammogram_of(header, data, started=started, **options)


def read_dataset(dataset: Any, name: str, **options: Any) -> Mammogram:
    """The mammogram in a pydicom `Dataset`; options as in `mammogram_of`."""
    started = time.perf_counter()
    header, data = parse_dataset(dataset, name)
    return mammogram_of(header, data, started=started, **options)


def mammogram_of(
    header: Header,
    data: PixelData | None,
    *,
    started: float,
    spacing_mm: float | tuple[float, float] | None,
    any_modality: bool,
    voi: int,
    frame: int | None,
) -> Mammogram:
    """Put a mammogram together. `started` is when reading began (`time.perf_counter`).

    Raises an `InputError` of the kind that names the first thing that is wrong; see `mcfast.read`.
    """
    name = header.name
    require_mammogram(header, any_modality)
    if data is None:
        raise PixelDataError(f"{name}: the DICOM object has no pixel data; give an image")
    layout = layout_of(header)
    require_one_frame(header, layout.frames, frame)
    index = chosen_frame(header, layout, frame)
    require_supported(header)
    header = header.of_frame(index)
    spacing = spacing_of(header, spacing_mm)
    parsed = time.perf_counter()
    stored = decode(header, data, layout, index)
    decoded = time.perf_counter()
    lowest, highest = int(stored.pixels.min()), int(stored.pixels.max())
    if lowest == highest:
        raise PixelDataError(f"{name}: every pixel has the stored value {lowest}; give an image with content")
    table = presentation_table(header, stored.bits, layout.signed, voi)
    valid = valid_pixels(header, stored.pixels, stored.bits, layout.signed)
    if valid is not None and not _has_content(stored.pixels, valid):
        raise PixelDataError(f"{name}: every pixel that is no padding has the same value; give an image with content")
    return Mammogram(
        pixels=stored.pixels,
        table=table,
        bits=presentation_bits(stored.bits),
        spacing_mm=spacing.mm,
        spacing_source=spacing.source,
        laterality=laterality_of(header),
        view=view_of(header),
        valid=valid,
        flags=tuple(sorted(flags_of(header).union(spacing.flags))),
        source=_source(header),
        seconds={"parse": parsed - started + time.perf_counter() - decoded, "decode": decoded - parsed},
    )


def _has_content(pixels: Any, valid: Any) -> bool:
    lowest = int(pixels.min(where=valid, initial=0xFFFF))
    return lowest < int(pixels.max(where=valid, initial=0))


def _source(header: Header) -> Source:
    return Source(
        name=header.name,
        format="dicom",
        sop_instance_uid=header.text("SOPInstanceUID"),
        sop_class_uid=header.text("SOPClassUID"),
        study_instance_uid=header.text("StudyInstanceUID"),
        series_instance_uid=header.text("SeriesInstanceUID"),
        modality=header.text("Modality"),
        manufacturer=header.text("Manufacturer"),
        transfer_syntax_uid=header.text("TransferSyntaxUID"),
        photometric_interpretation=header.text("PhotometricInterpretation"),
    )
