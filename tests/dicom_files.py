"""DICOM objects made on the fly for tests, by pydicom: independent of the reader and of `mcfast.dicom.write`."""

from __future__ import annotations

import io

import numpy
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K = "1.2.840.10008.1.2.4.201"


def ramp(rows: int = 33, columns: int = 47, bits: int = 12, seed: int = 0) -> numpy.ndarray:
    """(rows, columns) uint16 that takes the lowest and the highest value of so many bits."""
    rng = numpy.random.default_rng(seed)
    top = (1 << bits) - 1
    smooth = numpy.linspace(0, top, rows * columns).reshape(rows, columns)
    pixels = numpy.clip(smooth + rng.normal(0, top / 50, smooth.shape), 0, top).astype(numpy.uint16)
    pixels[0, 0], pixels[-1, -1] = 0, top
    return pixels


def mammogram_dataset(pixels: numpy.ndarray, bits: int = 12, **attributes: object) -> Dataset:
    """A minimal mammogram, uncompressed, whose stored bits are `pixels`; an attribute of value `None` is left out."""
    dataset = Dataset()
    allocated = 8 if pixels.dtype == numpy.uint8 else 16
    values = {
        "SOPClassUID": FOR_PRESENTATION,
        "SOPInstanceUID": "1.2.3.4",
        "StudyInstanceUID": "1.2.3.5",
        "SeriesInstanceUID": "1.2.3.6",
        "Modality": "MG",
        "Manufacturer": "Maker",
        "ImagerPixelSpacing": [0.07, 0.07],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "BitsAllocated": allocated,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        **attributes,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    data = pixels.astype("<u2" if allocated == 16 else "u1").tobytes()
    dataset.add_new(0x7FE00010, "OW", data + b"\0" * (len(data) % 2))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    dataset.file_meta.MediaStorageSOPClassUID = UID(FOR_PRESENTATION)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    return dataset


def compressed(dataset: Dataset, syntax: str, frames: list[bytes], **options: object) -> Dataset:
    """The dataset with its pixels replaced by compressed frames."""
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.PixelData = encapsulate(frames, **options)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def as_bytes(dataset: Dataset, syntax: str | None = None) -> bytes:
    """The dataset as a DICOM file, in another uncompressed transfer syntax if one is named."""
    if syntax is not None:
        if syntax == BIG_ENDIAN:
            swapped = numpy.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
            dataset["PixelData"]._value = swapped
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def without_preamble(data: bytes) -> bytes:
    """The dataset alone: no preamble, no file meta information."""
    length = int.from_bytes(data[140:144], "little")
    return data[144 + length :]
