"""Pixel data of every transfer syntax come back bit for bit; what cannot be decoded is refused by name."""

from __future__ import annotations

from struct import pack

import imagecodecs
import jpeg_ls
import numpy
import pytest
from dicom_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    HTJ2K,
    IMPLICIT,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_LS_NEAR,
    RLE,
    as_bytes,
    compressed,
    mammogram_dataset,
    ramp,
)
from pydicom.encaps import encapsulate_extended
from pydicom.pixels import get_encoder

from mcfast.dicom.codestream import jpeg, jpeg2000
from mcfast.errors import InputError, NotMammogramError, PixelDataError
from mcfast.reading import read


def jpeg_lossless(pixels: numpy.ndarray, bits: int, predictor: int = 1) -> bytes:
    return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)


def jpeg_2000(pixels: numpy.ndarray, bits: int) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="J2K", bitspersample=bits, reversible=True)


def jpeg_ls_frame(pixels: numpy.ndarray, bits: int) -> bytes:
    return jpeg_ls.encode_array(pixels)


def htj2k(pixels: numpy.ndarray, bits: int) -> bytes:
    return imagecodecs.htj2k_encode(pixels, reversible=True)


def run_length(pixels: numpy.ndarray, bits: int) -> bytes:
    return get_encoder(RLE).encode(
        pixels.astype("<u2").tobytes() if pixels.dtype == numpy.uint16 else pixels.tobytes(),
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=1,
        number_of_frames=1,
        bits_allocated=8 * pixels.dtype.itemsize,
        bits_stored=bits,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        encoding_plugin="pydicom",
    )


ENCODERS = {
    RLE: run_length,
    JPEG_LOSSLESS: lambda pixels, bits: jpeg_lossless(pixels, bits, predictor=6),
    JPEG_LOSSLESS_SV1: jpeg_lossless,
    JPEG_LS: jpeg_ls_frame,
    JPEG_LS_NEAR: jpeg_ls_frame,
    JPEG_2000_LOSSLESS: jpeg_2000,
    JPEG_2000: jpeg_2000,
    HTJ2K: htj2k,
    "1.2.840.10008.1.2.4.202": htj2k,
    "1.2.840.10008.1.2.4.203": htj2k,
}


@pytest.mark.parametrize("bits", [8, 10, 12, 13, 14, 16])
@pytest.mark.parametrize("syntax", list(ENCODERS))
def test_lossless_syntaxes_are_exact(syntax, bits):
    pixels = ramp(bits=bits).astype(numpy.uint8 if bits == 8 else numpy.uint16)
    dataset = compressed(mammogram_dataset(pixels, bits), syntax, [ENCODERS[syntax](pixels, bits)])
    mammogram = read(as_bytes(dataset))
    numpy.testing.assert_array_equal(mammogram.pixels, pixels)
    assert mammogram.pixels.dtype == numpy.uint16
    assert mammogram.pixels.flags.c_contiguous
    assert mammogram.pixels.flags.writeable
    assert mammogram.bits == bits
    assert mammogram.source.transfer_syntax_uid == syntax
    assert set(mammogram.seconds) == {"parse", "decode"}
    numpy.testing.assert_array_equal(read(dataset).pixels, pixels)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN])
def test_uncompressed_syntaxes_are_exact(syntax, bits):
    pixels = ramp(rows=31, columns=45, bits=bits)  # an odd number of pixels
    mammogram = read(as_bytes(mammogram_dataset(pixels, bits), syntax))
    numpy.testing.assert_array_equal(mammogram.pixels, pixels)
    assert mammogram.pixels.dtype == numpy.uint16
    assert mammogram.pixels.dtype.isnative


def test_bytes_of_odd_length():
    pixels = ramp(rows=31, columns=45, bits=8).astype(numpy.uint8)
    numpy.testing.assert_array_equal(read(as_bytes(mammogram_dataset(pixels, 8))).pixels, pixels)


def test_bytes_written_as_big_endian_words():
    pixels = ramp(rows=30, columns=45, bits=8).astype(numpy.uint8)
    data = as_bytes(mammogram_dataset(pixels, 8), BIG_ENDIAN)
    numpy.testing.assert_array_equal(read(data).pixels, pixels)
    odd = as_bytes(mammogram_dataset(pixels[:29], 8), BIG_ENDIAN)
    with pytest.raises(PixelDataError, match="8-bit big endian pixels are read from even single frames only"):
        read(odd)


@pytest.mark.parametrize(("syntax", "bits"), [(JPEG_BASELINE, 8), (JPEG_EXTENDED, 8), (JPEG_EXTENDED, 12)])
def test_lossy_jpeg_is_close_and_flagged(syntax, bits):
    pixels = ramp(64, 64, bits=bits).astype(numpy.uint8 if bits == 8 else numpy.uint16)
    data = imagecodecs.jpeg8_encode(pixels, level=98, bitspersample=bits)
    mammogram = read(as_bytes(compressed(mammogram_dataset(pixels, bits), syntax, [data])))
    numpy.testing.assert_array_equal(mammogram.pixels, imagecodecs.jpeg8_decode(data))
    assert abs(mammogram.pixels.astype(int) - pixels).mean() < 0.01 * (1 << bits)
    assert mammogram.flags == ("lossy_compression",)


@pytest.mark.parametrize("predictor", range(1, 8))
def test_every_lossless_jpeg_predictor(predictor):
    pixels = ramp()
    data = jpeg_lossless(pixels, 12, predictor)
    dataset = compressed(mammogram_dataset(pixels), JPEG_LOSSLESS, [data])
    numpy.testing.assert_array_equal(read(as_bytes(dataset)).pixels, pixels)


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS_SV1, JPEG_LS, JPEG_2000_LOSSLESS, HTJ2K])
@pytest.mark.parametrize("has_table", [False, True])
def test_a_frame_in_many_fragments(syntax, has_table):
    pixels = ramp()
    dataset = compressed(
        mammogram_dataset(pixels), syntax, [ENCODERS[syntax](pixels, 12)], fragments_per_frame=5, has_bot=has_table
    )
    numpy.testing.assert_array_equal(read(as_bytes(dataset)).pixels, pixels)


def frames_of(count: int) -> list[numpy.ndarray]:
    return [ramp(bits=12, seed=seed) for seed in range(count)]


def multi_frame(frames: list[numpy.ndarray]):
    dataset = mammogram_dataset(numpy.stack(frames))
    dataset.NumberOfFrames = len(frames)
    return dataset


@pytest.mark.parametrize("frame", [0, 1, 2])
def test_one_frame_of_several(frame):
    frames = frames_of(3)
    dataset = multi_frame(frames)
    numpy.testing.assert_array_equal(read(as_bytes(dataset), frame=frame).pixels, frames[frame])
    encoded = [jpeg_lossless(pixels, 12) for pixels in frames]
    for options in (
        {},
        {"has_bot": False},
        {"fragments_per_frame": 2},
        {"fragments_per_frame": 2, "has_bot": False},
    ):
        data = as_bytes(compressed(multi_frame(frames), JPEG_LOSSLESS_SV1, encoded, **options))
        numpy.testing.assert_array_equal(read(data, frame=frame).pixels, frames[frame])


def test_extended_offset_table():
    frames = frames_of(3)
    encoded = [jpeg_lossless(pixels, 12) for pixels in frames]
    dataset = compressed(multi_frame(frames), JPEG_LOSSLESS_SV1, encoded)
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(encoded)
    numpy.testing.assert_array_equal(read(as_bytes(dataset), frame=2).pixels, frames[2])


def test_frames_that_nothing_tells_apart():
    frames = frames_of(3)
    encoded = [run_length(pixels, 12) for pixels in frames]
    for count, options, reason in (
        (2, {"has_bot": False}, "The end of the encapsulated pixel data .*"),
        (2, {}, "the basic offset table has 2 entries"),
        (4, {}, "the basic offset table has 4 entries"),
    ):
        data = as_bytes(compressed(multi_frame(frames), RLE, (encoded * 2)[:count], **options))
        message = (
            rf"^<bytes>: frame 0 of 3 cannot be found \({reason}\); write the file again with a basic offset table$"
        )
        with pytest.raises(PixelDataError, match=message):
            read(data, frame=0)


@pytest.mark.parametrize("offsets", [(0, 1 << 30, 1 << 31), (0, 4, 8), (400, 200, 0)])
def test_offset_tables_that_lead_nowhere(offsets):
    encoded = [jpeg_lossless(pixels, 12) for pixels in frames_of(3)]
    data = as_bytes(compressed(multi_frame(frames_of(3)), JPEG_LOSSLESS_SV1, encoded))
    at = data.index(b"\xfe\xff\x00\xe0\x0c\0\0\0") + 8
    for frame in (0, 1):
        with pytest.raises(InputError, match="truncated or damaged|cannot be found|no JPEG codestream|cut off"):
            read(data[:at] + pack("<3L", *offsets) + data[at + 12 :], frame=frame)


def test_several_frames_need_a_choice():
    data = as_bytes(multi_frame(frames_of(3)))
    with pytest.raises(
        NotMammogramError, match=r"of 3 frame\(s\), not one mammogram; read one of them with frame=0 .. 2"
    ):
        read(data)
    with pytest.raises(ValueError, match=r"<bytes>: has 3 frame\(s\), not frame=3; count from 0"):
        read(data, frame=3)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
def test_unused_high_bits_are_cleared(syntax):
    pixels = ramp()
    overlaid = pixels | (numpy.arange(pixels.size).reshape(pixels.shape) % 16 << 12).astype(numpy.uint16)
    mammogram = read(as_bytes(mammogram_dataset(overlaid, 12), syntax))
    numpy.testing.assert_array_equal(mammogram.pixels, pixels)


def test_unused_high_bits_of_compressed_data_are_cleared():
    pixels = ramp()
    dataset = compressed(mammogram_dataset(pixels), JPEG_LOSSLESS_SV1, [jpeg_lossless(pixels | 0xA000, 16)])
    numpy.testing.assert_array_equal(read(as_bytes(dataset)).pixels, pixels)


def test_high_bit_above_the_stored_bits():
    pixels = ramp()
    dataset = mammogram_dataset((pixels << 4) | 5, 12, HighBit=15)
    numpy.testing.assert_array_equal(read(as_bytes(dataset)).pixels, pixels)


def test_fewer_bits_in_the_codestream_than_declared():
    pixels = ramp(bits=14)
    dataset = compressed(mammogram_dataset(pixels, 16), JPEG_2000_LOSSLESS, [jpeg_2000(pixels, 14)])
    mammogram = read(as_bytes(dataset))
    assert mammogram.bits == 14
    numpy.testing.assert_array_equal(mammogram.table, numpy.arange(1 << 14))


@pytest.mark.parametrize("encoded_signed", [False, True])
@pytest.mark.parametrize("declared_signed", [False, True])
def test_the_header_tells_the_sign_of_jpeg_2000(encoded_signed, declared_signed):
    bits = 13
    words = ramp(bits=bits)  # the low 13 bits of every sample
    signed = ((words.astype(numpy.uint16) << 3).view(numpy.int16) >> 3).astype(numpy.int16)
    data = jpeg_2000(signed if encoded_signed else words, bits)
    attributes = {"PixelRepresentation": int(declared_signed)}
    dataset = compressed(mammogram_dataset(words, bits, **attributes), JPEG_2000_LOSSLESS, [data])
    mammogram = read(as_bytes(dataset))
    numpy.testing.assert_array_equal(mammogram.pixels, words)
    expected = signed.astype(int) + 4096 if declared_signed else words
    numpy.testing.assert_array_equal(mammogram.table[mammogram.pixels], expected)


def test_jp2_file_in_the_place_of_a_codestream():
    pixels = ramp()
    data = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="JP2", bitspersample=12, reversible=True)
    dataset = compressed(mammogram_dataset(pixels), JPEG_2000_LOSSLESS, [bytes(data)])
    numpy.testing.assert_array_equal(read(as_bytes(dataset)).pixels, pixels)


def test_codestreams_describe_themselves():
    pixels = ramp(21, 35)
    for data, precision in ((jpeg_lossless(pixels, 12), 12), (jpeg_ls_frame(pixels, 12), 12)):
        stated = jpeg(b"\xff\xd8\xff" + data[2:])  # a fill byte before a marker is legal
        assert (stated.rows, stated.columns, stated.components, stated.precision) == (21, 35, 1, precision)
    stated = jpeg2000(jpeg_2000(pixels, 12))
    assert (stated.rows, stated.columns, stated.components, stated.precision) == (21, 35, 1, 12)
    assert jpeg(b"") is jpeg(b"\xff\xd8") is jpeg(b"\xff\xd8\xff\xda\0\1") is jpeg2000(b"\xff\x4f\xff\x51") is None
    assert jpeg2000(b"no") is jpeg(b"\xff\xd8\x12\x34\0\1") is None
