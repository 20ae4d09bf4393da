"""Headers of files and datasets: every way to write one, every way to damage one, and nothing passes in silence."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from struct import pack

import numpy
import pydicom
import pytest
from dicom_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
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
from mcfast.errors import UnreadableError
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
