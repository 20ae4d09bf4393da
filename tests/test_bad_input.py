"""Bad input: one clear sentence and an exception of our own in Python, whatever comes."""

import numpy
import pytest

import mcfast
from mcfast.errors import InputError, NotMammogramError, PixelDataError, SpacingError, UnreadableError

BAD = [
    ("not DICOM", lambda folder: _file(folder, b"hello, this is a text file\n" * 40), UnreadableError),
    ("zero bytes", lambda folder: _file(folder, b""), UnreadableError),
    ("missing", lambda folder: folder / "nowhere.dcm", UnreadableError),
    ("a folder", lambda folder: folder, UnreadableError),
    ("all zero", lambda folder: numpy.zeros((50, 60), numpy.uint16), PixelDataError),
    ("constant", lambda folder: numpy.full((50, 60), 7, numpy.uint16), PixelDataError),
    ("NaN", lambda folder: numpy.full((50, 60), numpy.nan, numpy.float32), PixelDataError),
    ("3-D", lambda folder: numpy.zeros((5, 50, 60), numpy.uint16), PixelDataError),
]


@pytest.mark.parametrize(
    ("make_item", "error"), [(item, error) for _, item, error in BAD], ids=[name for name, *_ in BAD]
)
def test_bad_input_raises_one_clear_sentence(engine, tmp_path, make_item, error):
    item = make_item(tmp_path)
    with pytest.raises(error) as raised:
        engine(item)
    message = str(raised.value)
    assert isinstance(raised.value, InputError)
    assert "\n" not in message
    assert message.startswith("<array>: " if isinstance(item, numpy.ndarray) else f"{item}: ")


def test_truncated_and_wrong_modality(engine, small_dicom, tmp_path):
    import pydicom

    content = small_dicom.read_bytes()
    with pytest.raises(InputError):
        engine(_file(tmp_path, content[: len(content) // 2]))
    dataset = pydicom.dcmread(small_dicom)
    dataset.Modality = "CT"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.save_as(tmp_path / "ct.dcm")
    with pytest.raises(NotMammogramError):
        engine(tmp_path / "ct.dcm")
    anything = mcfast.Engine(mcfast.Config(any_modality=True))(tmp_path / "ct.dcm")
    assert "not_mammography" in anything.mammogram.flags


def test_missing_spacing(small_phantom):
    with pytest.raises(SpacingError, match="spacing_mm"):
        mcfast.Engine()(small_phantom.image)


def _file(folder, content):
    path = folder / "input.dcm"
    path.write_bytes(content)
    return path
