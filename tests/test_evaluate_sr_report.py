"""`mcfast evaluate sr`: tables, peers, contrast of calcifications, and what it refuses."""

import json

import numpy
import pytest
from PIL import Image

from mcfast.cli import main
from mcfast.errors import ConfigError, PixelDataError, UnreadableError
from mcfast.evaluate.contrast import contrast_to_noise, magnified_contrast
from mcfast.evaluate.sr import METHODS, compare
from mcfast.evaluate.sr_report import OURS, PEER, evaluate_image, read_image, restorers, tables
from mcfast.magnify import super_resolve


def _image(shape, white=4000):
    return numpy.rint(numpy.random.default_rng(0).random(shape) * white).astype(numpy.uint16)


def test_command_prints_and_saves(tmp_path, capsys):
    image = _image((65, 48))
    Image.fromarray(image).save(tmp_path / "one.png")
    (tmp_path / "notes.txt").write_text("no image")
    saved = tmp_path / "numbers.json"
    assert main(["evaluate", "sr", str(tmp_path), "--piqe", "--json", str(saved)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "PSNR in dB after 2x2 binning, frame / breast:"
    assert lines[2].startswith("| | fsrcnn | bicubic (Keys")
    cells = [cell.strip() for cell in lines[4].strip("|").split("|")]
    expected = compare(image, lambda small: super_resolve(small, max_value=4095), peak=4095, mask=image > 0)
    assert cells[0] == "one.png (peak 4095)"
    assert cells[1] == f"{expected['fsrcnn']['frame']:.2f} / {expected['fsrcnn']['breast']:.2f}"
    values = json.loads(saved.read_text())["images"]
    assert [one["name"] for one in values] == ["one.png"]
    assert set(values[0]["piqe"]) == {"original", OURS, *METHODS}


def test_scores_are_those_of_compare():
    image = _image((40, 60))
    image[:, :20] = 0
    found = evaluate_image("a", image, 4095, restorers(4095))
    expected = compare(image, lambda small: super_resolve(small, max_value=4095), peak=4095, mask=image > 0)
    for method, numbers in expected.items():
        assert found.psnr[method] == pytest.approx((numbers["frame"], numbers["breast"]))
        assert found.ssim[method][1] <= 1
    assert found.piqe == {}
    assert "PIQE" not in tables([found])


def test_dicom_goes_through_its_window(small_dicom, small_phantom):
    image, peak = read_image(small_dicom)
    numpy.testing.assert_array_equal(image, small_phantom.image)
    assert peak == 4095


def test_natural_image_peer(real_data):
    methods = restorers(4095, peer=real_data / "peers" / "FSRCNN_x2.pb")
    image = _image((20, 30), 4095)
    large = methods[PEER](image)
    assert large.shape == (40, 60)
    assert large.dtype == numpy.uint16
    assert 1000 < large.mean() < 3000


def test_our_psnr_is_above_interpolation_on_real_images(real_data):
    """On the middle of every real mammogram; the whole frames are in the model card."""
    files = sorted((real_data / "ffdm").glob("*.png"))
    assert len(files) == 8
    for path in files:
        image, peak = read_image(path)
        rows, columns = numpy.nonzero(image > 0)
        top, left = int(numpy.median(rows)) - 200, max(0, int(numpy.median(columns)) - 200)
        scores = evaluate_image(path.name, image[top : top + 400, left : left + 400], peak, restorers(peak)).psnr
        assert all(scores[OURS][0] > scores[method][0] for method in METHODS), path.name


def test_contrast_by_hand():
    random = numpy.random.default_rng(0)
    image = random.normal(100, 2, (101, 101))
    rows, columns = numpy.indices(image.shape)
    image[numpy.hypot(rows - 50, columns - 50) * 0.1 <= 0.25] += 20
    value = contrast_to_noise(image, [(50, 50)], [0.5], 0.1)[0]
    assert value == pytest.approx(10, rel=0.15)
    assert numpy.isnan(contrast_to_noise(image, [(3, 50)], [0.5], 0.1)[0])
    assert numpy.isnan(contrast_to_noise(numpy.ones((101, 101)), [(50, 50)], [0.5], 0.1)[0])


def test_a_neighbour_is_no_background():
    image = numpy.random.default_rng(0).normal(100, 2, (101, 101))
    rows, columns = numpy.indices(image.shape)
    for column in (50, 59):
        image[numpy.hypot(rows - 50, columns - column) * 0.1 <= 0.25] += 50
    alone = contrast_to_noise(image, [(50, 50)], [0.5], 0.1)[0]
    both = contrast_to_noise(image, [(50, 50), (50, 59)], [0.5, 0.5], 0.1)[0]
    assert both == pytest.approx(25, rel=0.2)
    assert alone < 0.7 * both


def test_contrast_before_and_after_on_a_phantom(small_phantom):
    found = magnified_contrast([small_phantom])
    assert set(found) == {"original", "fsrcnn", *METHODS, "calcifications"}
    assert 5 < found["calcifications"] <= len(small_phantom.calcifications)
    assert all(0.5 < value < 100 for name, value in found.items() if name != "calcifications")
    # A linear interpolation keeps mean and contrast nearly, and smooths noise.
    assert found["Lanczos-3"] > 0.9 * found["original"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "PATH: no image there; give PNG, TIFF or DICOM files, or a folder"),
        (["--phantoms", "-1"], "--phantoms: expected at least 0, got -1"),
        (["gone.png"], "gone.png"),
        (["one.png", "--peer", "gone.pb"], "gone.pb: OpenCV cannot read it"),
        (["one.png", "--network", "gone.onnx"], "gone.onnx: cannot be read"),
    ],
)
def test_the_command_refuses(arguments, message, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(_image((20, 20))).save(tmp_path / "one.png")
    assert main(["evaluate", "sr", *arguments]) == 1
    assert message in capfd.readouterr().err


def test_colours_are_refused_by_name(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "red.png")
    with pytest.raises(PixelDataError, match=r"red.png: expected one gray plane of 8 or 16 bit, got uint8 \(9, 9, 3\)"):
        read_image(tmp_path / "red.png")


@pytest.mark.parametrize("name", ["text.png", "cut.png"])
def test_damaged_pictures_are_refused_by_name(tmp_path, name):
    Image.fromarray(_image((200, 200))).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2] if name == "cut.png" else b"no picture")
    with pytest.raises(UnreadableError, match=rf"{name}: the picture cannot be read; fetch the file again"):
        read_image(tmp_path / name)


def test_a_peer_that_is_no_network_is_refused(tmp_path):
    (tmp_path / "other.pb").write_bytes(b"no network")
    with pytest.raises(ConfigError, match=r"other.pb: OpenCV cannot read it"):
        restorers(255, peer=tmp_path / "other.pb")
