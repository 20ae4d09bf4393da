"""What we write is valid by a validator of other people's making: dciodvfy of dicom3tools."""

import shutil
import subprocess

import numpy
import pytest

from mcfast import phantom
from mcfast.dicom.write import write_mammogram

SYNTAXES = {
    "explicit": "1.2.840.10008.1.2.1",
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG Lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
}


def errors(path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: apt install dicom3tools)")
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert "MammographyImageForPresentation" in said.stdout + said.stderr
    return [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_every_syntax(syntax, tmp_path):
    pixels = numpy.random.default_rng(1).integers(0, 4096, (64, 48)).astype(numpy.uint16)
    write_mammogram(
        tmp_path / "x.dcm", pixels, spacing_mm=0.07, laterality="R", view="MLO", bits=12, transfer_syntax=syntax
    )
    assert errors(tmp_path / "x.dcm") == []


def test_a_phantom(small_phantom, tmp_path):
    small_phantom.save_dicom(tmp_path / "x.dcm")
    assert errors(tmp_path / "x.dcm") == []
    tiny = phantom.mammogram(1, shape=(300, 200), laterality="R", label=False)
    tiny.save_dicom(tmp_path / "y.dcm")
    assert errors(tmp_path / "y.dcm") == []
