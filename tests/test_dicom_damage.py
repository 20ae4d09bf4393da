"""DICOM files that are cut, damaged, or made to harm: refused in one sentence, in little time and memory."""

from __future__ import annotations

import zlib
from struct import pack

import numpy
import pytest
from dicom_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG_LOSSLESS_SV1,
    as_bytes,
    compressed,
    mammogram_dataset,
    ramp,
)
from test_dicom_parse import parsed, rich_dataset

from mcfast.dicom.frames import encapsulated_frame
from mcfast.errors import InputError, UnreadableError, UnsupportedSyntaxError
from mcfast.reading import read

READ = ("SOPClassUID", "Modality", "ViewCodeSequence", "WindowCenter", "Rows", "BitsAllocated", "ImagerPixelSpacing")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN, JPEG_LOSSLESS_SV1])
def test_cut_at_any_byte(syntax):
    """A cut between two elements or fragments leaves a shorter file; every other cut is told, none gives pixels."""
    if syntax == JPEG_LOSSLESS_SV1:
        data = as_bytes(compressed(rich_dataset(), syntax, [bytes(range(64))]))[:-8]  # without the delimiter
    else:
        data = as_bytes(rich_dataset(), syntax)
    whole, cuts = 0, [*range(132, min(len(data), 1500)), *range(1500, len(data), 7), len(data) - 1]
    for length in cuts:
        try:
            header, pixels = parsed(data[:length])
            for keyword in READ:
                header.texts(keyword), header.items(keyword)
            assert pixels is None or encapsulated_frame(pixels, 1, 0, header)
        except InputError as error:
            assert str(error).startswith("FILE: ")
            assert "\n" not in str(error)
        else:
            whole += 1
            assert pixels is None
    assert whole < len(cuts) / 10


UNDEFINED = 0xFFFFFFFF
SEQUENCE = pack("<HH2sH", 0x0028, 0x3010, b"SQ", 0)  # VOILUTSequence, without its length


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        (pack("<HH2sH", 0x0028, 0x0010, b"US", 2), r"Rows \(0028,0010\) announces 2 bytes and holds 0"),
        (pack("<HH2sH", 0x0028, 0x0010, b"US", 2) + b"1", r"\d+ bytes are announced, \d+ are there"),
        (pack("<HH2sHL", 0x0028, 0x3006, b"OW", 0, 1 << 30), r"10737\d+ bytes are announced, \d+ are there"),
        (pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 1 << 30) + b"12", r"10737\d+ bytes are announced, \d+ are there"),
        (pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED), r"\(unpack requires a buffer of 4 bytes\)"),
        (
            pack("<HH2sHLHHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED, 0xFFFE, 0xE000, 96),
            r"\(unpack requires a buffer of 96 bytes\)",
        ),
        (
            pack("<HH2sHLHHLHHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED, 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, 1 << 30),
            r"10737\d+ bytes are announced, \d+ are there",
        ),
        (
            pack("<HH2sHLHHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED, 0x0008, 0x0001, 0),
            r"\(Found unexpected tag \(0008,0001\)",
        ),
        (SEQUENCE + pack("<L", 50) + b"123", r"\d+ bytes are announced, \d+ are there"),
        (SEQUENCE + pack("<L", 8) + b"12345678", "a sequence is not made of items"),
        (SEQUENCE + pack("<L", UNDEFINED) + b"12345678", "truncated or damaged"),
        (
            SEQUENCE + pack("<L8sHHL", UNDEFINED, b"12345678", 0xFFFE, 0xE0DD, 0) + bytes(900),
            "truncated or damaged|not made of items",
        ),
        (SEQUENCE + pack("<LHHL", 8, 0xFFFE, 0xE000, 9), "announced|No tag to read"),
        (SEQUENCE + pack("<LHHLHH2sH", 16, 0xFFFE, 0xE000, 8, 0x0028, 0x3002, b"US", 2), "holds 0"),
        (SEQUENCE + pack("<L", 4) + b"1234", "No tag to read at file position"),
        (b"\x28\0\x10\0", r"\d+ bytes are announced, \d+ are there"),
        (pack("<HH2sH", 0x0028, 0x3006, b"OW", 0), r"unpack requires a buffer|announced"),
        (
            pack("<HH2sHL", 0x0029, 0x1010, b"OB", 0, UNDEFINED) + bytes(8192 * 2),
            "End of file reached before delimiter|announced",
        ),
    ],
)
def test_damaged_files(tail, message):
    meta = as_bytes(mammogram_dataset(ramp())).split(pack("<HH", 0x0008, 0x0016))[0]
    element = pack("<HH2sH", 0x0008, 0x0060, b"CS", 2) + b"MG"
    with pytest.raises(UnreadableError, match=f"^FILE: the DICOM file is .*({message}).*; fetch the file again$"):
        header, _ = parsed(meta + element + tail)
        header.integer("Rows")
        for item in header.items("VOILUTSequence"):
            item.words("LUTDescriptor")


@pytest.mark.parametrize("inner", [pack("<HH2sHL", 0x0008, 0x1111, b"SQ", 0, UNDEFINED), b""])
def test_sequences_nested_without_end(inner):
    data = as_bytes(mammogram_dataset(ramp()))
    at = data.index(pack("<HH", 0x0008, 0x0016))
    element = inner or pack("<HHL", 0x0008, 0x1140, UNDEFINED)
    nested = (element + pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)) * 5000
    with pytest.raises(UnreadableError, match=r"^FILE: the DICOM file is truncated or damaged \(.*\); fetch the file"):
        parsed(data[:at] + nested)


def test_elements_that_send_the_reader_through_all_that_follow():
    """Every value begins with an item that hides its end and the next element: pydicom would walk on to the last."""
    element = pack("<HH2sHL", 0x0009, 0x1000, b"OB", 0, UNDEFINED) + pack(
        "<HHLHHL", 0xFFFE, 0xE000, 20, 0xFFFE, 0xE0DD, 0
    )
    data = as_bytes(mammogram_dataset(ramp()))
    at = data.index(pack("<HH", 0x0008, 0x0016))
    with pytest.raises(UnreadableError, match="^FILE: the DICOM file is damaged: its elements overlap; fetch the file"):
        parsed(data[:at] + element * 20000 + b"x" * 9000)


@pytest.mark.parametrize("tag", [0x00283006, 0x00291010])
def test_values_longer_than_any_that_is_read(tag):
    length = (1 << 20) + 2
    element = pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"OW", 0, length) + bytes(length)
    data = as_bytes(mammogram_dataset(ramp()))
    at = data.index(pack("<HH", 0x7FE0, 0x0010))
    data = data[:at] + element + data[at:]
    numpy.testing.assert_array_equal(read(data).pixels, ramp())
    header, _ = parsed(data)
    message = r"^FILE: LUTData \(0028,3006\) holds 1048578 bytes, expected 1048576 at most; correct the header$"
    if tag == 0x00283006:
        with pytest.raises(UnreadableError, match=message):
            header.words("LUTData")


def test_deflated_data_that_are_damaged():
    data = as_bytes(mammogram_dataset(ramp()), DEFLATED)
    with pytest.raises(UnreadableError, match="^FILE: the deflated dataset is truncated; fetch the file again$"):
        parsed(data[:-20])
    at = data.index(b"PYDICOM")
    with pytest.raises(UnreadableError, match=r"^FILE: the deflated dataset is damaged \(.*\); fetch the file again$"):
        parsed(data[: at + 20] + b"\xff" * 30 + data[at + 50 :])


def test_deflated_data_that_inflate_without_end(monkeypatch):
    monkeypatch.setattr("mcfast.dicom.parse._MAX_INFLATED", 1 << 20)
    data = as_bytes(mammogram_dataset(ramp()), DEFLATED)
    at = data.index(pack("<HH", 0x0002, 0x0010))
    end = 144 + int.from_bytes(data[140:144], "little")
    assert at < end
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = packer.compress(bytes(1 << 22)) + packer.flush()
    with pytest.raises(UnreadableError, match="the deflated dataset is larger than any mammogram"):
        parsed(data[:end] + bomb)


def test_unknown_syntax_in_the_meta_information():
    data = as_bytes(mammogram_dataset(ramp())).replace(EXPLICIT.encode() + b"\0", b"1.2.840.10008.9.9.9\0")
    with pytest.raises(UnsupportedSyntaxError, match=r"transfer syntax 1.2.840.10008.9.9.9 is not decoded"):
        read(data)
