"""Spacing with its source, laterality and view."""

from __future__ import annotations

import pytest
from dicom_files import as_bytes, mammogram_dataset, ramp
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mcfast.errors import SpacingError
from mcfast.reading import read


def read_with(spacing_mm=None, **attributes):
    return read(as_bytes(mammogram_dataset(ramp(), **attributes)), spacing_mm=spacing_mm)


IMAGER = {"ImagerPixelSpacing": [0.1, 0.08]}


@pytest.mark.parametrize(
    ("attributes", "spacing", "source", "flags"),
    [
        (IMAGER, (0.1, 0.08), "imager", ()),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 1}, (0.1, 0.08), "imager", ()),
        (
            {**IMAGER, "EstimatedRadiographicMagnificationFactor": 1.25},
            (0.08, 0.064),
            "imager_over_magnification",
            (),
        ),
        (
            {**IMAGER, "DistanceSourceToDetector": 660, "DistanceSourceToPatient": 600},
            (0.1 / 1.1, 0.08 / 1.1),
            "imager_over_magnification",
            (),
        ),
        (
            {
                **IMAGER,
                "EstimatedRadiographicMagnificationFactor": 2,
                "DistanceSourceToDetector": 660,
                "DistanceSourceToPatient": 600,
            },
            (0.05, 0.04),
            "imager_over_magnification",
            (),
        ),
        ({**IMAGER, "DistanceSourceToDetector": 660, "DistanceSourceToPatient": 0}, (0.1, 0.08), "imager", ()),
        ({**IMAGER, "PixelSpacing": [0.1, 0.08]}, (0.1, 0.08), "imager", ()),
        ({**IMAGER, "PixelSpacing": [0.5, 0.5]}, (0.1, 0.08), "imager", ()),
        (
            {**IMAGER, "PixelSpacing": [0.09, 0.07], "PixelSpacingCalibrationType": "GEOMETRY"},
            (0.09, 0.07),
            "pixel_spacing",
            (),
        ),
        (
            {"ImagerPixelSpacing": None, "PixelSpacing": [0.09, 0.07]},
            (0.09, 0.07),
            "pixel_spacing",
            ("uncalibrated_spacing",),
        ),
        (
            {"ImagerPixelSpacing": None, "NominalScannedPixelSpacing": [0.05, 0.05]},
            (0.05, 0.05),
            "pixel_spacing",
            ("uncalibrated_spacing",),
        ),
    ],
)
def test_spacing_and_its_source(attributes, spacing, source, flags):
    mammogram = read_with(**attributes)
    assert mammogram.spacing_mm == pytest.approx(spacing)
    assert mammogram.spacing_source == source
    assert mammogram.flags == flags


def test_a_given_spacing_fills_a_gap():
    mammogram = read_with(spacing_mm=(0.05, 0.06), ImagerPixelSpacing=None)
    assert mammogram.spacing_mm == (0.05, 0.06)
    assert mammogram.spacing_source == "given"
    assert mammogram.flags == ("spacing_given",)
    assert read_with(spacing_mm=0.05, ImagerPixelSpacing=[0, 0]).spacing_mm == (0.05, 0.05)


def test_a_given_spacing_does_not_overrule_the_header():
    mammogram = read_with(spacing_mm=0.05, **IMAGER)
    assert mammogram.spacing_mm == (0.1, 0.08)
    assert mammogram.flags == ("spacing_given_ignored",)
    assert read_with(spacing_mm=(0.1, 0.0801), **IMAGER).flags == ()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"ImagerPixelSpacing": None}, "the header tells no pixel spacing"),
        ({"ImagerPixelSpacing": [0, 0]}, "ImagerPixelSpacing tells the impossible spacing 0 x 0 mm"),
        ({"ImagerPixelSpacing": [-0.1, 0.1]}, "ImagerPixelSpacing tells the impossible spacing -0.1 x 0.1 mm"),
        ({"ImagerPixelSpacing": [70, 70]}, "ImagerPixelSpacing tells the impossible spacing 70 x 70 mm"),
        ({"ImagerPixelSpacing": [0.001, 0.1]}, "impossible spacing 0.001 x 0.1 mm"),
        ({"ImagerPixelSpacing": None, "PixelSpacing": [2, 2]}, "PixelSpacing tells the impossible spacing 2 x 2 mm"),
        ({"EstimatedRadiographicMagnificationFactor": 0.5}, "the header tells the impossible magnification 0.5"),
        ({"EstimatedRadiographicMagnificationFactor": 9}, "the header tells the impossible magnification 9"),
    ],
)
def test_missing_or_impossible_spacing(attributes, message):
    with pytest.raises(SpacingError) as caught:
        read_with(**attributes)
    assert str(caught.value).startswith("<bytes>: ")
    assert message in str(caught.value)
    assert str(caught.value).endswith("; state it with spacing_mm= (--spacing-mm)")


def test_a_spacing_that_is_no_number():
    data = as_bytes(mammogram_dataset(ramp(), ImagerPixelSpacing=["0.07", "0.07"])).replace(
        b"0.07\\0.07", b"wide\\0.07"
    )
    with pytest.raises(SpacingError, match=r"ImagerPixelSpacing \(0018,1164\) holds 'wide', which is no number; state"):
        read(data)
    assert read(data, spacing_mm=0.1).spacing_mm == (0.1, 0.1)


@pytest.mark.parametrize("spacing", [0, -0.1, 1.5, (0.1, 0), float("nan")])
def test_impossible_given_spacing(spacing):
    with pytest.raises(SpacingError, match=r"is impossible; give 0.01 .. 1.0 mm \(--spacing-mm\)"):
        read_with(spacing_mm=spacing)


@pytest.mark.parametrize("spacing", ["wide", (0.1,), (0.1, 0.1, 0.1)])
def test_a_given_spacing_of_the_wrong_kind(spacing):
    with pytest.raises(SpacingError, match=r"is no spacing; give one number or \(row, column\)"):
        read_with(spacing_mm=spacing)


@pytest.mark.parametrize(
    ("attributes", "laterality"),
    [
        ({"ImageLaterality": "L"}, "L"),
        ({"ImageLaterality": "r "}, "R"),
        ({"ImageLaterality": "R", "Laterality": "L"}, "R"),
        ({"Laterality": "L"}, "L"),
        ({"ImageLaterality": "B", "Laterality": "L"}, None),
        ({"ImageLaterality": "", "Laterality": "R"}, "R"),
        ({}, None),
    ],
)
def test_laterality(attributes, laterality):
    data = as_bytes(mammogram_dataset(ramp(), **{key: value.upper() for key, value in attributes.items()}))
    assert read(data).laterality == laterality


def code(value: str, modifiers: tuple[str, ...] = ()) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodeMeaning = "meaning"
    item.ViewModifierCodeSequence = Sequence([code(modifier) for modifier in modifiers])
    return item


@pytest.mark.parametrize(
    ("attributes", "view"),
    [
        ({"ViewPosition": "CC"}, "CC"),
        ({"ViewPosition": "MLO"}, "MLO"),
        ({"ViewPosition": "ML"}, "ML"),
        ({"ViewPosition": "WHATEVER"}, None),
        ({"ViewCodeSequence": Sequence([code("R-10224")])}, "ML"),
        ({"ViewCodeSequence": Sequence([code("R-10226")])}, "MLO"),
        ({"ViewCodeSequence": Sequence([code("399162004")]), "ViewPosition": "MLO"}, "CC"),
        ({"ViewCodeSequence": Sequence([code("unknown")]), "ViewPosition": "LM"}, "LM"),
        ({"ViewCodeSequence": Sequence([])}, None),
        ({}, None),
    ],
)
def test_view(attributes, view):
    dataset = mammogram_dataset(ramp(), **attributes)
    assert read(as_bytes(dataset)).view == view
    assert read(dataset).view == view


def test_view_modifiers_are_flags():
    views = Sequence([code("399368009", ("399055006", "R-102D6", "unknown"))])
    assert read_with(ViewCodeSequence=views).flags == ("magnification", "spot_compression")
    assert read_with(ViewModifierCodeSequence=Sequence([code("399209000")])).flags == ("implant_displaced",)
