"""PNG and TIFF: every kind that is read, and those that are not."""

from __future__ import annotations

import io

import imagecodecs
import numpy
import pytest
from dicom_files import ramp
from PIL import Image

from mcfast.errors import InputError, PixelDataError
from mcfast.reading import read


@pytest.mark.parametrize("dtype", [numpy.uint8, numpy.uint16])
@pytest.mark.parametrize("form", ["png", "tiff"])
def test_pictures(form, dtype):
    bits = 8 if dtype == numpy.uint8 else 12
    pixels = ramp(bits=bits).astype(dtype)
    data = imagecodecs.png_encode(pixels) if form == "png" else imagecodecs.tiff_encode(pixels)
    mammogram = read(data, spacing_mm=(0.1, 0.2))
    numpy.testing.assert_array_equal(mammogram.pixels, pixels)
    assert mammogram.pixels.dtype == numpy.uint16
    assert mammogram.bits == bits
    numpy.testing.assert_array_equal(mammogram.table, numpy.arange(1 << bits))
    assert mammogram.spacing_mm == (0.1, 0.2)
    assert mammogram.spacing_source == "given"
    assert mammogram.source.format == form
    assert mammogram.valid is None
    assert mammogram.flags == ()
    assert mammogram.laterality is mammogram.view is None
    assert set(mammogram.seconds) == {"parse", "decode"}


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_pictures_of_pillow(form, mode):
    pixels = ramp(bits=8).astype(numpy.uint8)
    picture = Image.fromarray(pixels.astype(numpy.uint16) * 257) if mode == "I;16" else Image.fromarray(pixels)
    file = io.BytesIO()
    (picture if mode in ("L", "I;16") else picture.convert(mode)).save(file, form)
    expected = pixels.astype(int) * 257 if mode == "I;16" else pixels
    numpy.testing.assert_array_equal(read(file.getvalue(), spacing_mm=0.1).pixels, expected)


@pytest.mark.parametrize("options", [{"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}])
def test_compressed_tiff(options):
    pixels = ramp(bits=8).astype(numpy.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF", **options)
    numpy.testing.assert_array_equal(read(file.getvalue(), spacing_mm=0.1).pixels, pixels)


@pytest.mark.parametrize("options", [{"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}])
def test_other_tiff_layouts(options):
    data = imagecodecs.tiff_encode(ramp(), **options)
    numpy.testing.assert_array_equal(read(data, spacing_mm=0.1).pixels, ramp())


def test_tiff_whose_zero_is_white():
    data = imagecodecs.tiff_encode(ramp(bits=16), photometric="miniswhite")
    numpy.testing.assert_array_equal(read(data, spacing_mm=0.1).pixels, 65535 - ramp(bits=16))


def test_tiff_of_several_images():
    first, second = (Image.fromarray(ramp(bits=8, seed=seed).astype(numpy.uint8)) for seed in (1, 2))
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=[second])
    with pytest.raises(PixelDataError, match="the TIFF file holds several images; choose one with frame="):
        read(file.getvalue(), spacing_mm=0.1)
    numpy.testing.assert_array_equal(read(file.getvalue(), spacing_mm=0.1, frame=1).pixels, numpy.asarray(second))
    numpy.testing.assert_array_equal(read(file.getvalue(), spacing_mm=0.1, frame=0).pixels, numpy.asarray(first))
    for frame in (-1, 2):
        with pytest.raises(InputError, match=f"the TIFF file has no image frame={frame}; count from 0"):
            read(file.getvalue(), spacing_mm=0.1, frame=frame)


def test_png_with_a_colour_profile_prints_nothing(capfd):
    file = io.BytesIO()
    Image.fromarray(ramp(bits=8).astype(numpy.uint8)).save(file, "PNG", icc_profile=b"no profile", dpi=(300, 300))
    read(file.getvalue(), spacing_mm=0.1)
    assert capfd.readouterr().err == ""


def test_colour_is_refused():
    colour = numpy.dstack([ramp(bits=8).astype(numpy.uint8)] * 3)
    colour[3, 3, 1] ^= 1
    with pytest.raises(PixelDataError, match="^<bytes>: the picture is in colour; convert it to gray$"):
        read(imagecodecs.png_encode(colour), spacing_mm=0.1)
    file = io.BytesIO()
    Image.fromarray(ramp(bits=8).astype(numpy.uint8)).convert("P").save(file, "TIFF")
    with pytest.raises(PixelDataError, match="TIFF photometric interpretation 3 is not gray; convert it to gray"):
        read(file.getvalue(), spacing_mm=0.1)


def test_tiff_of_floats_is_read_over_zero_to_one_or_refused():
    unit = (ramp() / 4095).astype(numpy.float32)
    assert read(imagecodecs.tiff_encode(unit), spacing_mm=0.1).bits == 16
    with pytest.raises(PixelDataError, match="expected uint8, uint16, float32 or float64, got int16; cast it"):
        read(imagecodecs.tiff_encode(ramp().astype(numpy.int16)), spacing_mm=0.1)
