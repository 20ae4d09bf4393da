"""The grayscale chain against highdicom and pydicom, and by hand where they differ from the standard."""

from __future__ import annotations

import itertools

import highdicom
import numpy
import pytest
from dicom_files import as_bytes, mammogram_dataset, ramp
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence

from mcfast.dicom.grayscale import window
from mcfast.errors import InputError, PixelDataError
from mcfast.reading import read

DEPTHS = {"10": (10, False), "12": (12, False), "13 signed": (13, True), "14": (14, False), "16": (16, False)}


def voi_attributes(kind: str, bits: int, signed: bool) -> dict[str, object]:
    low = -(1 << (bits - 1)) if signed else 0
    centre, width = low + (1 << bits) * 0.45, (1 << bits) * 0.6
    match kind:
        case "none":
            return {}
        case "rescale":
            return {"RescaleSlope": 1.5, "RescaleIntercept": -100, "RescaleType": "US"}
        case "voi lut":
            return {"VOILUTSequence": Sequence([lut(low, (1 << bits) // 2, 16)])}
        case _:
            return {
                "WindowCenter": round(centre),
                "WindowWidth": round(width),
                "VOILUTFunction": kind,
                "RescaleSlope": 1,
                "RescaleIntercept": 0,
                "RescaleType": "US",
            }


def lut(first: int, count: int, bits: int, vr: str = "OW") -> Dataset:
    item = Dataset()
    entries = (numpy.sqrt(numpy.linspace(0, 1, count)) * ((1 << bits) - 1)).astype(numpy.uint16)
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [0 if count == 1 << 16 else count, first, bits])
    item.add_new("LUTData", vr, entries.astype("<u2").tobytes() if vr == "OW" else entries.tolist())
    return item


def stored_image(bits: int, signed: bool) -> numpy.ndarray:
    pixels = ramp(bits=bits)
    return (pixels ^ (1 << (bits - 1))).astype(numpy.uint16) if signed else pixels


def sign_extended(pixels: numpy.ndarray, bits: int) -> numpy.ndarray:
    return (pixels.astype(numpy.uint16) << (16 - bits)).view(numpy.int16) >> (16 - bits)


def a_dataset(photometric: str, kind: str, depth: str, padding: bool) -> Dataset:
    bits, signed = DEPTHS[depth]
    pixels = stored_image(bits, signed)
    container = sign_extended(pixels, bits).view(numpy.uint16) if signed else pixels
    attributes = voi_attributes(kind, bits, signed)
    dataset = mammogram_dataset(
        container, bits, PhotometricInterpretation=photometric, PixelRepresentation=int(signed), **attributes
    )
    if padding:
        dataset.add_new("PixelPaddingValue", "SS" if signed else "US", -(1 << (bits - 1)) if signed else 0)
    return dataset


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("kind", ["none", "rescale", "voi lut", "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("depth", list(DEPTHS))
@pytest.mark.parametrize("padding", [False, True], ids=["", "padded"])
def test_presentation_is_that_of_highdicom(photometric, kind, depth, padding):
    dataset = a_dataset(photometric, kind, depth, padding)
    bits, signed = DEPTHS[depth]
    mammogram = read(as_bytes(dataset))
    expected = reference_presentation(dataset, kind, bits, signed)
    top = (1 << bits) - 1
    invalid = stored_image(bits, signed) == (1 << (bits - 1) if signed else 0)
    if padding:
        numpy.testing.assert_array_equal(mammogram.valid, ~invalid)
        expected[invalid] = 0
    else:
        assert mammogram.valid is None
    assert mammogram.bits == bits
    image = window(mammogram)
    assert image.dtype == numpy.uint16
    numpy.testing.assert_allclose(image, expected * top, rtol=0, atol=0.5 + 1e-6)


def reference_presentation(dataset: Dataset, kind: str, bits: int, signed: bool) -> numpy.ndarray:
    """0 .. 1, by highdicom; without a VOI transform it gives modality values, which fill their representation."""
    has_voi = kind not in ("none", "rescale")
    frame = highdicom.Image.from_dataset(dataset, copy=True).get_frame(
        1,
        apply_real_world_transform=False,
        apply_modality_transform=None,
        apply_voi_transform=has_voi,
        apply_presentation_lut=has_voi,
        dtype=numpy.float64,
    )
    if has_voi:
        return frame
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if kind == "rescale":
        low, high = 1.5 * low - 100, 1.5 * high - 100
    unit = (frame - low) / (high - low)
    return 1 - unit if dataset.PhotometricInterpretation == "MONOCHROME1" else unit


@pytest.mark.parametrize(("kind", "depth"), list(itertools.product(["LINEAR", "LINEAR_EXACT", "SIGMOID"], DEPTHS)))
def test_windows_are_those_of_pydicom(kind, depth):
    bits, signed = DEPTHS[depth]
    dataset = a_dataset("MONOCHROME2", kind, depth, padding=False)
    stored = sign_extended(stored_image(bits, signed), bits) if signed else stored_image(bits, signed)
    low = -(1 << (bits - 1)) if signed else 0
    expected = apply_voi_lut(apply_modality_lut(stored, dataset), dataset) - low
    numpy.testing.assert_allclose(window(read(dataset)), expected, rtol=0, atol=0.5 + 1e-6)


def table(dataset: Dataset, **options: object) -> numpy.ndarray:
    return read(as_bytes(dataset), **options).table


def test_without_transform_the_stored_values_stay():
    for bits in (8, 10, 12, 14, 16):
        numpy.testing.assert_array_equal(table(mammogram_dataset(ramp(bits=bits), bits)), numpy.arange(1 << bits))


def test_fewer_than_eight_bits_fill_eight():
    mammogram = read(as_bytes(mammogram_dataset(ramp(bits=6), 6)))
    assert mammogram.bits == 8
    numpy.testing.assert_array_equal(mammogram.table, numpy.floor(numpy.arange(64) * 255 / 63 + 0.5))


def test_negative_slope_inverts():
    dataset = mammogram_dataset(ramp(), RescaleSlope=-1, RescaleIntercept=4095)
    numpy.testing.assert_array_equal(table(dataset), numpy.arange(4096)[::-1])


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME1", None, True),
    ],
)
def test_inversion_happens_once(photometric, shape, inverted):
    dataset = mammogram_dataset(ramp(), PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    numpy.testing.assert_array_equal(table(dataset), numpy.arange(4096)[:: -1 if inverted else 1])


def test_window_of_width_one_is_a_step():
    values = table(mammogram_dataset(ramp(), WindowCenter=100, WindowWidth=1))
    numpy.testing.assert_array_equal(values, numpy.where(numpy.arange(4096) > 99.5, 4095, 0))


def test_voi_chooses_luts_first_then_windows():
    dataset = mammogram_dataset(
        ramp(),
        VOILUTSequence=Sequence([lut(0, 4096, 12), lut(0, 4096, 16)]),
        WindowCenter=[500, 2048],
        WindowWidth=[10, 4096],
    )
    root = numpy.sqrt(numpy.linspace(0, 1, 4096))
    assert abs(table(dataset) - root * 4095).max() <= 1.5
    assert abs(table(dataset, voi=1) - root * 4095).max() <= 1.5
    assert table(dataset, voi=2)[600] == 4095
    numpy.testing.assert_array_equal(table(dataset, voi=3), numpy.arange(4096))
    with pytest.raises(InputError, match=r"<bytes>: has 4 VOI transform\(s\), not voi=4; count from 0"):
        read(as_bytes(dataset), voi=4)
    with pytest.raises(InputError, match="voi=-1"):
        read(as_bytes(dataset), voi=-1)


@pytest.mark.parametrize("vr", ["OW", "US"])
def test_lut_of_65536_entries_is_declared_as_zero(vr):
    dataset = mammogram_dataset(ramp(bits=16), 16, VOILUTSequence=Sequence([lut(0, 1 << 16, 16, "OW")]))
    if vr == "US":
        dataset = mammogram_dataset(ramp(bits=16), 16, VOILUTSequence=Sequence([lut(0, 1 << 15, 16, "US")]))
    values = read(dataset).table
    count = 1 << 16 if vr == "OW" else 1 << 15
    expected = numpy.sqrt(numpy.linspace(0, 1, count)) * 65535
    assert abs(values[:count] - expected).max() <= 1
    assert values[-1] == 65535


def test_many_luts():
    """A sequence may be longer than any other value."""
    dataset = mammogram_dataset(ramp(), VOILUTSequence=Sequence([lut(0, 1 << 16, 16) for _ in range(9)]))
    data = as_bytes(dataset)
    assert len(data) > 1 << 20
    numpy.testing.assert_array_equal(read(data, voi=8).table, read(dataset, voi=8).table)
    with pytest.raises(InputError, match=r"has 9 VOI transform\(s\), not voi=9"):
        read(data, voi=9)


def test_negative_first_value_of_a_modality_lut():
    dataset = a_dataset("MONOCHROME2", "none", "13 signed", padding=False)
    dataset.ModalityLUTSequence = Sequence([lut(-4096, 8192, 16)])
    mammogram = read(as_bytes(dataset))
    in_order = numpy.roll(mammogram.table, 4096)
    assert (numpy.diff(in_order.astype(int)) >= 0).all()
    assert in_order[0] == 0
    assert in_order[-1] == 8191


def test_lut_packed_as_bytes():
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [256, 0, 8])
    item.add_new("LUTData", "OW", bytes(range(255, -1, -1)))
    values = table(mammogram_dataset(ramp(bits=8), 8, VOILUTSequence=Sequence([item])))
    numpy.testing.assert_array_equal(values, numpy.arange(255, -1, -1))


def test_lut_with_more_bits_than_declared():
    item = lut(0, 4096, 12)
    item.LUTDescriptor = [4096, 0, 8]
    assert table(mammogram_dataset(ramp(), VOILUTSequence=Sequence([item])))[-1] == 4095


def test_padding_range():
    pixels = ramp()
    dataset = mammogram_dataset(pixels)
    dataset.add_new("PixelPaddingValue", "US", 4095)
    dataset.add_new("PixelPaddingRangeLimit", "US", 4000)
    numpy.testing.assert_array_equal(read(dataset).valid, pixels < 4000)


def test_padding_that_no_pixel_has():
    dataset = mammogram_dataset(ramp())
    dataset.add_new("PixelPaddingValue", "US", 60000)
    assert read(dataset).valid is None


def test_signed_padding_range():
    bits, signed = DEPTHS["13 signed"]
    dataset = a_dataset("MONOCHROME2", "none", "13 signed", padding=False)
    dataset.add_new("PixelPaddingValue", "SS", -4096)
    dataset.add_new("PixelPaddingRangeLimit", "SS", -3000)
    values = sign_extended(stored_image(bits, signed), bits)
    numpy.testing.assert_array_equal(read(as_bytes(dataset)).valid, values > -3000)


def test_window_writes_into_out():
    dataset = mammogram_dataset(ramp(), PhotometricInterpretation="MONOCHROME1")
    dataset.add_new("PixelPaddingValue", "US", 0)
    mammogram = read(dataset)
    out = numpy.empty(mammogram.shape, numpy.uint16)
    assert window(mammogram, out=out, threads=2) is out
    numpy.testing.assert_array_equal(out, numpy.where(ramp() == 0, 0, 4095 - ramp()))


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"WindowCenter": 5, "WindowWidth": 0}, "window width 0 is impossible for LINEAR; correct the header"),
        (
            {"WindowCenter": 5, "WindowWidth": -3, "VOILUTFunction": "SIGMOID"},
            "window width -3 is impossible for SIGMOID",
        ),
        (
            {"WindowCenter": 5, "WindowWidth": 3, "VOILUTFunction": "CUBIC"},
            "VOI LUT function CUBIC is unknown; expected LINEAR, LINEAR_EXACT or SIGMOID",
        ),
        ({"WindowCenter": 9999, "WindowWidth": 2}, "the grayscale transform maps every stored value to 0; choose"),
        ({"RescaleSlope": 0, "RescaleIntercept": 1}, "RescaleSlope is 0, which erases the image"),
    ],
)
def test_impossible_transforms(attributes, message):
    with pytest.raises(PixelDataError, match=f"^<bytes>: {message}"):
        read(as_bytes(mammogram_dataset(ramp(), **attributes)))


def test_damaged_luts():
    item = lut(0, 100, 12)
    item.LUTDescriptor = [200, 0, 12]
    with pytest.raises(PixelDataError, match="a LUT declares 200 entries and holds 100; correct the header"):
        read(mammogram_dataset(ramp(), VOILUTSequence=Sequence([item])))
    del item.LUTDescriptor
    with pytest.raises(PixelDataError, match="a LUT has no descriptor of three values; correct the header"):
        read(mammogram_dataset(ramp(), VOILUTSequence=Sequence([item])))
