"""Pixel data that are not what the header says, cut off, or broken: refused in one sentence."""

from __future__ import annotations

import pytest
from dicom_files import (
    HTJ2K,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    RLE,
    as_bytes,
    compressed,
    mammogram_dataset,
    ramp,
)
from test_dicom_decode import ENCODERS, run_length

from mcfast.errors import PixelDataError, UnsupportedSyntaxError
from mcfast.reading import read


def test_the_codestream_must_be_as_large_as_declared():
    pixels = ramp()
    for syntax, name in ((JPEG_LOSSLESS_SV1, "JPEG"), (JPEG_2000_LOSSLESS, "JPEG 2000"), (JPEG_LS, "JPEG-LS")):
        dataset = compressed(mammogram_dataset(pixels, Rows=34), syntax, [ENCODERS[syntax](pixels, 12)])
        message = rf"declares 34 x 47 pixels, the {name} codestream 33 x 47 with 1 component\(s\); correct the file"
        with pytest.raises(PixelDataError, match=message):
            read(as_bytes(dataset))


def test_small_compressed_file_of_huge_declared_size():
    dataset = compressed(mammogram_dataset(ramp(), Rows=16000, Columns=16000), RLE, [run_length(ramp(), 12)])
    with pytest.raises(PixelDataError, match="RLE bytes cannot hold 16000 x 16000 pixels"):
        read(as_bytes(dataset))
    with pytest.raises(PixelDataError, match="65535 x 65535 pixels are declared, more than the 268435456"):
        read(as_bytes(mammogram_dataset(ramp(), Rows=65535, Columns=65535)))


def test_small_uncompressed_file_of_huge_declared_size():
    dataset = mammogram_dataset(ramp(), Rows=16000, Columns=16000)
    with pytest.raises(PixelDataError, match="the header declares 512000000 bytes of pixels, 3102 are there"):
        read(as_bytes(dataset))


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS_SV1, JPEG_LS, JPEG_2000_LOSSLESS, HTJ2K])
def test_a_codestream_that_is_cut_off(syntax):
    pixels = ramp()
    data = ENCODERS[syntax](pixels, 12)
    with pytest.raises(PixelDataError, match="codestream is cut off before its end marker; fetch the file again"):
        read(as_bytes(compressed(mammogram_dataset(pixels), syntax, [data[: len(data) // 2]])))
    with pytest.raises(PixelDataError, match="the pixel data are no .* codestream"):
        read(as_bytes(compressed(mammogram_dataset(pixels), syntax, [b"nothing of the kind"])))


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS_SV1, JPEG_LS, JPEG_2000_LOSSLESS, HTJ2K])
def test_a_codestream_that_is_broken_inside(syntax):
    data = ENCODERS[syntax](ramp(), 12)
    broken = data[:-300] + b"\xff\xd9" if syntax != JPEG_2000_LOSSLESS else data[:60] + bytes(40) + data[100:]
    dataset = compressed(mammogram_dataset(ramp()), syntax, [broken])
    try:
        mammogram = read(as_bytes(dataset))
    except PixelDataError as error:
        assert "pixel data cannot be decoded (" in str(error)
    else:  # libjpeg-turbo fills what is missing: nothing in a JPEG tells how many rows its data hold
        assert syntax == JPEG_LOSSLESS_SV1
        assert mammogram.shape == (33, 47)


def test_damaged_run_lengths():
    data = bytearray(run_length(ramp(), 12))
    data[4:8] = b"\xff\xff\xff\x7f"
    with pytest.raises(PixelDataError, match=r"<bytes>: the RLE "):
        read(as_bytes(compressed(mammogram_dataset(ramp()), RLE, [bytes(data)])))


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.53", r" \(JPEG Spectral"),
        ("1.2.840.10008.1.2.4.52", r" \(JPEG Extended"),
        ("1.2.840.10008.1.2.4.99", ""),
    ],
)
def test_other_syntaxes_are_refused_by_name(syntax, name):
    data = as_bytes(compressed(mammogram_dataset(ramp()), JPEG_LOSSLESS, [b"whatever"]))
    data = data.replace(JPEG_LOSSLESS.encode(), syntax.encode() + b"\0" * (len(JPEG_LOSSLESS) - len(syntax)))
    with pytest.raises(UnsupportedSyntaxError, match=rf"^<bytes>: transfer syntax {syntax}{name}.* not decoded; tran"):
        read(data)


def test_compressed_syntax_without_encapsulation():
    dataset = mammogram_dataset(ramp())
    data = as_bytes(dataset).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
    with pytest.raises(PixelDataError, match="the pixel data are not encapsulated, as transfer syntax"):
        read(data)


def test_encapsulation_without_compressed_syntax():
    """The tags and lengths of the items are not taken for pixels."""
    dataset = compressed(mammogram_dataset(ramp()), RLE, [run_length(ramp(), 12), bytes(ramp().nbytes)])
    data = as_bytes(dataset).replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0")
    with pytest.raises(
        PixelDataError, match=r"the pixel data are encapsulated, as transfer syntax 1\S* forbids; write"
    ):
        read(data)


def test_no_fragments():
    with pytest.raises(PixelDataError, match="the compressed pixel data are empty; fetch the file again"):
        read(
            as_bytes(compressed(mammogram_dataset(ramp()), RLE, [b"12"])).replace(
                b"\xfe\xff\x00\xe0\x02\0\0\0" + b"12", b""
            )
        )
