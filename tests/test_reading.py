"""`read`: every kind of input, every refusal, and the real files."""

from __future__ import annotations

import io
import os
import pathlib
import subprocess
import sys
import zlib

import imagecodecs
import numpy
import pydicom
import pytest
from dicom_files import as_bytes, mammogram_dataset, ramp

from mcfast.dicom.grayscale import window
from mcfast.errors import InputError, PixelDataError, SpacingError, UnreadableError
from mcfast.reading import read


def test_a_path_bytes_and_a_dataset_give_the_same(tmp_path):
    data = as_bytes(mammogram_dataset(ramp()))
    path = tmp_path / "no suffix needed"
    path.write_bytes(data)
    items = [path, str(path), os.fsencode(path), data, bytearray(data), memoryview(data), pydicom.dcmread(path)]
    names = [str(path), str(path), "<bytes>", "<bytes>", "<bytes>", "<bytes>", "<dataset>"]
    for item, name in zip(items, names, strict=True):
        if isinstance(item, bytes) and item != data:
            continue  # a path as bytes is taken for the bytes of a file
        mammogram = read(item)
        numpy.testing.assert_array_equal(mammogram.pixels, ramp())
        assert mammogram.source.name == name
        assert mammogram.source.format == "dicom"


def test_the_name_of_a_file_does_not_matter(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(as_bytes(mammogram_dataset(ramp())))
    assert read(path).source.format == "dicom"
    path.write_bytes(imagecodecs.tiff_encode(ramp()))
    assert read(path, spacing_mm=0.1).source.format == "tiff"


def test_a_dataset_stays_as_it_was():
    dataset = mammogram_dataset(ramp())
    before = dataset.to_json()
    read(dataset)
    assert dataset.to_json() == before


def test_a_dataset_without_meta_information():
    dataset = mammogram_dataset(ramp())
    del dataset.file_meta
    numpy.testing.assert_array_equal(read(dataset).pixels, ramp())


def test_a_dataset_with_buffered_pixels():
    dataset = mammogram_dataset(ramp())
    dataset.PixelData = io.BytesIO(dataset.PixelData)
    numpy.testing.assert_array_equal(read(dataset).pixels, ramp())


def test_a_dataset_with_pixels_of_the_wrong_kind():
    dataset = mammogram_dataset(ramp())
    dataset["PixelData"]._value = 5
    with pytest.raises(PixelDataError, match="^<dataset>: PixelData holds int, not bytes; set it to bytes$"):
        read(dataset)
    dataset["PixelData"]._value = None
    with pytest.raises(PixelDataError, match="^<dataset>: the DICOM object has no pixel data; give an image$"):
        read(dataset)


@pytest.mark.parametrize(
    ("highest", "bits"),
    [(1, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16384, 16), (65535, 16)],
)
def test_bits_of_an_array(highest, bits):
    array = numpy.array([[0, highest]], numpy.uint16)
    assert read(array, spacing_mm=0.1).bits == bits
    assert read(array, spacing_mm=0.1, bits=16).bits == 16


def test_an_array_is_not_copied_when_it_need_not_be():
    array = ramp()
    assert read(array, spacing_mm=0.1).pixels is array
    strided = read(array[:, ::2], spacing_mm=0.1).pixels
    assert strided.flags.c_contiguous
    numpy.testing.assert_array_equal(strided, array[:, ::2])
    swapped = read(array.astype(">u2"), spacing_mm=0.1).pixels
    assert swapped.dtype == numpy.dtype(numpy.uint16)
    numpy.testing.assert_array_equal(swapped, array)


@pytest.mark.parametrize("dtype", [numpy.float32, numpy.float64])
def test_floats_fill_sixteen_bits(dtype):
    array = numpy.linspace(0, 1, 35, dtype=dtype).reshape(5, 7)
    mammogram = read(array, spacing_mm=0.1)
    assert mammogram.bits == 16
    expected = numpy.floor(array.astype(numpy.float64) * 65535 + 0.5)
    numpy.testing.assert_array_equal(window(mammogram), expected)
    shifted = read(array * 200 - 100, spacing_mm=0.1, value_range=(-100, 100)).pixels.astype(int)
    assert abs(shifted - expected).max() <= 1  # the shift itself rounds


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (
            numpy.zeros((3, 4, 5), numpy.uint16),
            {},
            r"expected a two-dimensional image, got shape \(3, 4, 5\); give one",
        ),
        (numpy.zeros(5, numpy.uint16), {}, r"got shape \(5,\)"),
        (numpy.zeros((0, 5), numpy.uint16), {}, r"got shape \(0, 5\)"),
        (numpy.zeros((3, 5), numpy.uint16), {}, "every pixel has the value 0; give an image with content"),
        (numpy.full((3, 5), 0.5), {}, "every pixel has the value 32768; give an image with content"),
        (numpy.array([[0.0, numpy.nan, numpy.inf]]), {}, "2 of 3 pixels are NaN or infinite; replace them"),
        (
            numpy.array([[0.0, 2.0]]),
            {},
            "values 0 .. 2 leave the value_range 0 .. 1; state the range with value_range=",
        ),
        (numpy.array([[-5.0, 2.0]]), {"value_range": (-4, 9)}, "values -5 .. 2 leave the value_range -4 .. 9"),
        (
            numpy.array([[0.0, 1.0]]),
            {"value_range": (1, 1)},
            r"value_range=\(1, 1\) is no range; give \(lowest, highest",
        ),
        (numpy.array([[0, 1]]), {}, r"got int64; cast it with array.astype\(numpy.uint16\)"),
        (numpy.array([[False, True]]), {}, "got bool; cast"),
        (numpy.array([[0, 1]], numpy.float16), {}, "got float16; cast"),
        (numpy.array([[0, 300]], numpy.uint16), {"bits": 8}, "the value 300 needs more than bits=8; state the bits"),
    ],
)
def test_arrays_that_are_no_image(array, options, message):
    with pytest.raises(PixelDataError, match=f"^<array>: .*{message}"):
        read(array, spacing_mm=0.1, **options)


@pytest.mark.parametrize("item", [ramp(), imagecodecs.png_encode(ramp()), imagecodecs.tiff_encode(ramp())])
def test_spacing_is_required(item):
    with pytest.raises(
        SpacingError, match=r"the pixel spacing is unknown; state it with spacing_mm= \(--spacing-mm\)$"
    ):
        read(item)


def test_wrong_arguments():
    with pytest.raises(TypeError, match=r"^read\(item\): expected a path, bytes, .* NumPy array, got builtins.int$"):
        read(5)
    for bits in (7, 17):
        with pytest.raises(ValueError, match=rf"^read\(bits\): expected 8 .. 16, got {bits}$"):
            read(ramp(), spacing_mm=0.1, bits=bits)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; fetch the file again"),
        (b"hello", "is of an unknown format; give DICOM, PNG or TIFF"),
        (b"\xff\xd8\xff\xe0JFIF", "is a JPEG picture; give DICOM, PNG or TIFF"),
        (b"PK\x03\x04", "is a ZIP archive; give"),
        (b"\x93NUMPY\1\0", r"is a NumPy file \(load it and give the array\); give"),
        (b"\x89PNG\r\n\x1a\nxxxx", "the PNG file is truncated or damaged; fetch the file again"),
        (imagecodecs.png_encode(ramp())[:-20], "the PNG file is truncated or damaged; fetch the file again"),
        (imagecodecs.tiff_encode(ramp())[:6], "the TIFF file is truncated or damaged; fetch the file again"),
        (b"II*\0\xff\xff\xff\x7f", "the TIFF file is truncated or damaged; fetch the file again"),
        (b"\0" * 128 + b"DICM", "the DICOM object has no pixel data; give an image"),
    ],
)
def test_files_of_no_use(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    for item, name in ((path, str(path)), (content, "<bytes>")):
        with pytest.raises(InputError, match=f"{message}") as caught:
            read(item, spacing_mm=0.1, any_modality=True)
        assert str(caught.value).startswith(f"{name}: ")


def test_pictures_of_impossible_size():
    header = bytearray(imagecodecs.png_encode(ramp()))
    header[16:24] = (1 << 30).to_bytes(4) * 2
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4)
    with pytest.raises(PixelDataError, match="1073741824 x 1073741824 pixels are declared, expected 1 .. 268435456"):
        read(bytes(header), spacing_mm=0.1)


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(UnreadableError, match=r"missing.dcm: there is no such file; check the path$"):
        read(tmp_path / "missing.dcm")
    with pytest.raises(UnreadableError, match=r": is a directory; give the files in it$"):
        read(tmp_path)
    with pytest.raises(UnreadableError, match="there is no such file; check the path"):
        read("a\0b")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableError, match=r"pipe: is no regular file; give a file or its bytes$"):
        read(tmp_path / "pipe")
    with pytest.raises(UnreadableError, match=r"cannot be read \(.*\); check the disk"):
        read(tmp_path / ("x" * 5000))


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "secret.dcm"
    path.write_bytes(b"x")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "open", refuse)  # permissions do not bind a test that runs as root
    with pytest.raises(UnreadableError, match=r"secret.dcm: permission denied; make the file readable$"):
        read(path)


def test_an_image_that_does_not_fit_into_memory(monkeypatch):
    def exhaust(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("mcfast.dicom.assemble.decode", exhaust)
    with pytest.raises(PixelDataError, match="^<bytes>: the image does not fit into memory; give a smaller one or add"):
        read(as_bytes(mammogram_dataset(ramp())))


@pytest.mark.parametrize(
    ("data", "heavy"),
    [
        (as_bytes(mammogram_dataset(ramp())), ("scipy", "onnxruntime", "imagecodecs")),
        (imagecodecs.png_encode(ramp()), ("PIL", "scipy", "onnxruntime", "pydicom")),
    ],
)
def test_reading_loads_only_what_it_needs(data, heavy):
    """`import mcfast.reading` loads no pydicom, and so does a picture, so that a command starts fast."""
    code = (
        "import sys; import mcfast; from mcfast.reading import read; early = 'pydicom' in sys.modules;"
        "read(sys.stdin.buffer.read(), spacing_mm=0.07);"
        f"sys.exit(early or any(name in sys.modules for name in {heavy!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], input=data, check=True, env=environment)


def test_the_seven_encodings_of_one_image_are_one_image(real_data):
    paths = sorted((real_data / "ingest" / "derived").glob("*.dcm"))
    if not paths:
        pytest.skip("the seven encodings are not in the folder of real mammograms")
    assert len(paths) == 7
    first = None
    for path in paths:
        mammogram = read(path)
        image = window(mammogram)
        first = image if first is None else first
        numpy.testing.assert_array_equal(image, first)
        assert mammogram.shape == (3328, 2560)
        assert mammogram.bits == 12
        assert mammogram.spacing_mm == (0.07, 0.07)
        assert (mammogram.laterality, mammogram.view) == ("L", "CC")
        assert mammogram.flags == ()


@pytest.mark.parametrize("name", ["MG1_J2KI", "MG1_JPLY"])
def test_foreign_headers(real_data, name):
    path = real_data / "ingest" / "nema" / name
    if not path.exists():
        pytest.skip(f"{name} is not in the folder of real mammograms")
    with pytest.raises(InputError, match="is no mammogram but a Secondary Capture Image of modality RG; read it all"):
        read(path)
    with pytest.raises(SpacingError, match="the header tells no pixel spacing; state it with spacing_mm="):
        read(path, any_modality=True)
    mammogram = read(path, any_modality=True, spacing_mm=0.07)
    assert mammogram.shape == (4664, 3064)
    assert mammogram.flags == ("lossy_compression", "not_mammography", "secondary_capture", "spacing_given")
    assert (mammogram.laterality, mammogram.view) == ("L", "MLO")
    image = window(mammogram).astype(float)
    assert image.max() > 3000
    assert image.std() > 300
