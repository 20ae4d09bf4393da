"""Headers of files and datasets: every way to write one, every way to damage one, and nothing passes in silence."""

from __future__ import annotations

import io
import logging
import threading
import warnings
import zlib
from struct import pack

import numpy
import pydicom
import pytest
from dicom_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG_LOSSLESS_SV1,
    RLE,
    as_bytes,
    compressed,
    mammogram_dataset,
    ramp,
    without_preamble,
)
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from mcfast.dicom.frames import encapsulated_frame
from mcfast.dicom.header import Header, described
from mcfast.dicom.parse import parse, parse_dataset
from mcfast.dicom.sniff import looks_like_dicom
from mcfast.dicom.strict import quiet
from mcfast.errors import InputError, UnreadableError, UnsupportedSyntaxError
from mcfast.reading import read


def parsed(data: bytes):
    return parse(io.BytesIO(data), len(data), "FILE")


def rich_dataset(**attributes) -> Dataset:
    """With sequences in sequences, private elements, long text and empty values around what is read."""
    item, inner = Dataset(), Dataset()
    inner.CodeValue = "399163009"
    item.CodeValue = "399368009"
    item.CodeMeaning = "medio-lateral oblique"
    item.ViewModifierCodeSequence = Sequence([inner])
    dataset = mammogram_dataset(ramp(), ViewCodeSequence=Sequence([item]), **attributes)
    dataset.PatientName = "Somebody^Else"
    dataset.WindowCenter = [100, 200.5]
    dataset.WindowWidth = [10, 20]
    dataset.StudyDescription = "x" * 64
    dataset.ReferencedImageSequence = Sequence([Dataset(), Dataset()])
    dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2"
    block = dataset.private_block(0x0011, "MCFAST TEST", create=True)
    block.add_new(1, "UN", b"\x01\x02\x03\x04")
    block.add_new(2, "SQ", Sequence([Dataset()]))
    return dataset


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN])
@pytest.mark.parametrize("undefined", [False, True])
def test_values_in_every_encoding(syntax, undefined):
    dataset = rich_dataset(PixelPaddingValue=7)
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.value.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
            element.is_undefined_length = undefined
    header, pixels = parsed(as_bytes(dataset, syntax))
    check_rich(header)
    assert header.text("TransferSyntaxUID") == syntax
    assert pixels.length == 33 * 47 * 2
    check_rich(parse_dataset(dataset, "FILE")[0])
    check_rich(parse_dataset(pydicom.dcmread(io.BytesIO(as_bytes(dataset))), "FILE")[0])


def check_rich(header: Header) -> None:
    assert header.text("SOPClassUID") == "1.2.840.10008.5.1.4.1.1.1.2"
    assert header.integer("Rows") == 33
    assert header.numbers("WindowCenter") == [100, 200.5]
    assert header.numbers("ImagerPixelSpacing") == [0.07, 0.07]
    assert header.words("PixelPaddingValue").tolist() == [7]
    (view,) = header.items("ViewCodeSequence")
    assert view.text("CodeMeaning") == "medio-lateral oblique"
    assert [item.text("CodeValue") for item in view.items("ViewModifierCodeSequence")] == ["399163009"]
    assert header.text("ImageLaterality") is None
    assert header.number("WindowWidth") == 10
    assert header.items("VOILUTSequence") == header.items("Modality") == []
    assert header.words("LUTData").size == 0


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_without_preamble_and_meta_information(syntax):
    data = without_preamble(as_bytes(rich_dataset(), syntax))
    assert looks_like_dicom(data[:256])
    header, _ = parsed(data)
    check = header.text("TransferSyntaxUID")
    assert check == syntax
    numpy.testing.assert_array_equal(read(data).pixels, ramp())


def test_without_preamble_but_with_meta_information():
    data = as_bytes(mammogram_dataset(ramp()), IMPLICIT)[132:]
    numpy.testing.assert_array_equal(read(data).pixels, ramp())


def test_meta_information_that_lies_about_the_value_representations():
    explicit = as_bytes(mammogram_dataset(ramp()))
    data = explicit.replace(EXPLICIT.encode() + b"\0", IMPLICIT.encode() + b"\0\0\0", 1)
    numpy.testing.assert_array_equal(read(data).pixels, ramp())


def test_sequence_written_as_unknown():
    """PS3.5 6.2.2: a sequence whose writer did not know it has VR UN and is in implicit VR inside."""
    item = pack("<HHL", 0x0008, 0x0100, 8) + b"R-10226 "
    for body, length in (
        (pack("<HHL", 0xFFFE, 0xE000, len(item)) + item, None),
        (
            pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
            + item
            + pack("<HHL", 0xFFFE, 0xE00D, 0)
            + pack("<HHL", 0xFFFE, 0xE0DD, 0),
            0xFFFFFFFF,
        ),
    ):
        element = pack("<HH2sHL", 0x0054, 0x0220, b"UN", 0, len(body) if length is None else length) + body
        data = as_bytes(mammogram_dataset(ramp()))
        at = data.index(pack("<HH", 0x7FE0, 0x0010))
        mammogram = read(data[:at] + element + data[at:])
        assert mammogram.view == "MLO"


def test_encapsulated_value_before_the_pixels():
    body = pack("<HHL", 0xFFFE, 0xE000, 4) + b"abcd" + pack("<HHL", 0xFFFE, 0xE0DD, 0)
    element = pack("<HH2sHL", 0x0029, 0x1010, b"OB", 0, 0xFFFFFFFF) + body
    data = as_bytes(mammogram_dataset(ramp()))
    at = data.index(pack("<HH", 0x7FE0, 0x0010))
    numpy.testing.assert_array_equal(read(data[:at] + element + data[at:]).pixels, ramp())


def test_what_lies_behind_the_pixels_does_not_matter():
    data = as_bytes(mammogram_dataset(ramp()))
    numpy.testing.assert_array_equal(read(data + b"\0garbage").pixels, ramp())


def test_missing_sequence_delimiter_at_the_end():
    dataset = compressed(mammogram_dataset(ramp()), RLE, [b"12345678"])
    data = as_bytes(dataset)
    assert data.endswith(pack("<HHL", 0xFFFE, 0xE0DD, 0))
    header, pixels = parsed(data[:-8])
    assert pixels.encapsulated
    assert encapsulated_frame(pixels, 1, 0, header) == b"12345678"
    assert header.text("TransferSyntaxUID") == RLE


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


def test_a_dataset_whose_reader_put_off_its_values(tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(as_bytes(rich_dataset(PixelPaddingValue=7)))
    dataset = pydicom.dcmread(path, defer_size=10)
    check_rich(parse_dataset(dataset, "FILE")[0])
    numpy.testing.assert_array_equal(read(pydicom.dcmread(path, defer_size=10)).pixels, ramp())
    dataset = pydicom.dcmread(path, defer_size=10)
    path.unlink()
    with pytest.raises(
        UnreadableError, match=r"^<dataset>: the DICOM file is truncated or damaged \(Deferred read .*\);"
    ):
        read(dataset)


def test_a_dataset_that_pydicom_read_from_a_truncated_file():
    data = as_bytes(mammogram_dataset(ramp()))
    at = data.index(b"\x28\0\x10\0US")
    with pytest.raises(
        UnreadableError, match=r"Rows \(0028,0010\) announces 2 bytes and holds 1; fetch the file again$"
    ):
        parse_dataset(pydicom.dcmread(io.BytesIO(data[: at + 9])), "FILE")[0].integer("Rows")


def test_warnings_and_records_of_pydicom_reach_nobody(caplog, recwarn):
    """An unknown character set and a lie about the encoding: pydicom warns of both, through `warnings` and `logging`."""
    data = as_bytes(mammogram_dataset(ramp()))
    at = data.index(pack("<HH", 0x0008, 0x0016))
    odd = data[:at] + pack("<HH2sH", 0x0008, 0x0005, b"CS", 8) + b"ISO_XX 9" + data[at:]
    odd = odd.replace(EXPLICIT.encode() + b"\0", IMPLICIT.encode() + b"\0\0\0", 1)
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        pydicom.dcmread(io.BytesIO(odd))
    assert len(raised) == len(caplog.records) > 1
    caplog.clear()
    numpy.testing.assert_array_equal(read(odd).pixels, ramp())
    assert not caplog.records
    assert not recwarn.list


def test_pydicom_is_silenced_in_one_thread_only(caplog):
    """Who uses pydicom in another thread at the same time keeps the records of the log."""
    logger = logging.getLogger("pydicom")
    with quiet():
        logger.warning("dropped")
        thread = threading.Thread(target=logger.warning, args=("kept",))
        thread.start()
        thread.join()
    logger.warning("kept too")
    assert caplog.messages == ["kept", "kept too"]


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


@pytest.mark.parametrize(
    ("start", "answer"),
    [
        (b"\0" * 128 + b"DICM", True),
        (b"II*\0" + b"\0" * 124 + b"DICM", True),  # a TIFF inside the preamble
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", True),
        (b"\x08\0\x16\0\x1a\0\0\0" + b"1.2.840.10008.5.1.4.1.1.1.2", True),
        (b"\0\x08\0\x16UI\0\x1a1.2.840", True),
        (b"\x02\0\0\0UL\x04\0\xb4\0\0\0", True),
        (b"\x08\0\x16\0\xff\xff\xff\x7f1234567", False),
        (b"\x08\0\xff\xffUI\x1a\0123456", False),
        (b"hello, this is text", False),
        (b"\x08\0", False),
        (b"", False),
    ],
)
def test_what_looks_like_dicom(start, answer):
    assert looks_like_dicom(start) is answer


def raw(keyword: str, vr: str | None, value: bytes, little: bool = True) -> RawDataElement:
    return RawDataElement(Tag(keyword), vr, len(value), value, 0, False, little)


def test_header_values_of_every_kind():
    dataset = Dataset()
    for element in (
        raw("Rows", "UN", b"\x21\x00"),
        raw("Columns", None, b"\x00\x21", little=False),
        raw("BitsStored", "US", b"\x0c\x00\xff"),
        raw("Manufacturer", "LO", "Müller".encode("latin-1")),
        raw("InstitutionName", "LO", "Ä\x07b".encode()),
        raw("Modality", "CS", b"MG\0 "),
        raw("WindowCenter", "DS", b"1e3 \\ 5\\\\"),
        raw("WindowWidth", "DS", b"inf"),
        raw("LUTData", "OW", b"\x01\x02\x03", little=False),
        raw("ViewCodeSequence", "OB", b"1234"),
        DataElement(Tag("LUTDescriptor"), "SS", [0, -5, 16]),
        DataElement(Tag("PixelSpacing"), "DS", [0.1, "0.2"]),
        DataElement(Tag("ViewPosition"), "CS", None),
    ):
        dataset[element.tag] = element
    header = Header("FILE", (Dataset(), dataset))
    assert header.integer("Rows") == header.integer("Columns") == 33
    assert header.integer("BitsStored") == 12
    assert header.text("Manufacturer") == "Müller"
    assert header.text("InstitutionName") == "Ä?b"
    assert header.text("Modality") == "MG"
    assert header.numbers("WindowCenter") == [1000, 5]
    assert header.words("LUTDescriptor").tolist() == [0, 65531, 16]
    assert header.words("LUTData").tolist() == [0x0102]
    assert header.raw("LUTData") == b"\x01\x02\x03"
    assert header.raw("LUTDescriptor") is header.raw("HighBit") is None
    assert header.numbers("PixelSpacing") == [0.1, 0.2]
    assert header.text("ViewPosition") is header.text("PatientName") is None
    assert header.items("ViewCodeSequence") == []
    with pytest.raises(
        UnreadableError, match=r"^FILE: WindowWidth \(0028,1051\) holds 'inf', which is no number; corr"
    ):
        header.numbers("WindowWidth")
    assert described("Rows") == "Rows (0028,0010)"
