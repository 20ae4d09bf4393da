"""Backgrounds: spectra, noise and blur of fields whose statistics are known, what is left out, the command."""

import json

import numpy
import pytest
from PIL import Image
from scipy import ndimage

from mcfast.cli import main
from mcfast.errors import InputError
from mcfast.evaluate.background import background_of, measure
from mcfast.evaluate.background_report import STATISTICS, compare_backgrounds
from mcfast.evaluate.spectrum import exponent, fit_blur, patch_spectra
from mcfast.rasters import read_array

SIDE = 460
FULL = numpy.ones((SIDE, SIDE), bool)


def power_law(beta: float, side: int, seed: int) -> numpy.ndarray:
    """Drawn here, apart from the phantoms' own: white noise shaped in double precision, unit deviation."""
    white = numpy.fft.rfft2(numpy.random.default_rng(seed).standard_normal((side, side)))
    frequency = numpy.hypot(numpy.fft.fftfreq(side)[:, None], numpy.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = 1
    field = numpy.fft.irfft2(white * frequency ** (-beta / 2), s=(side, side))
    return (field - field.mean()) / field.std()


def white_noise(seed: int) -> numpy.ndarray:
    return numpy.random.default_rng(seed).standard_normal((SIDE, SIDE))


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0, 3.0, 4.0])
def test_exponents_of_power_laws(beta: float) -> None:
    # Cut out of a larger field, so that its borders do not fit together.
    field = power_law(beta, 1500, int(10 * beta))[:1000, :900]
    found = measure(0.5 + 0.05 * field, numpy.ones(field.shape, bool), max_value=1.0, name="field")
    assert found.exponents == pytest.approx([beta] * 3, abs=0.1)
    assert found.patches == 12 * 10


def test_white_noise() -> None:
    found = measure(0.5 + 0.02 * white_noise(1), FULL, max_value=1.0, name="white")
    bright = 0.5 + 0.02 * 2.326  # the 99th percentile
    # The plane that is taken off has a part in the first two.
    assert found.power[2:] == pytest.approx(numpy.full(125, (0.02 / bright) ** 2 * 0.01), rel=0.3)
    assert found.exponents[1:] == pytest.approx((0, 0), abs=0.1)
    assert found.noise_percent == pytest.approx(100 * 0.02 / bright, rel=0.02)
    assert found.noise_exponent != found.noise_exponent  # one level has no slope
    assert found.correlation == pytest.approx(-0.026, abs=0.01)  # what the high pass leaves of 0
    assert found.half_width == numpy.inf


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.2])
def test_blurred_noise(sigma: float) -> None:
    # exp(-(2 pi sigma f)^2) is a half at sqrt(ln 2) / (2 pi sigma).
    down = numpy.fft.fftfreq(SIDE)[:, None]
    frequency = numpy.hypot(down, numpy.fft.fftfreq(SIDE)[None, :])
    blur = numpy.exp(-2 * (numpy.pi * sigma * frequency) ** 2)
    noise = numpy.fft.ifft2(numpy.fft.fft2(white_noise(2)) * blur).real
    found = measure(0.5 + 0.05 * noise, FULL, max_value=1.0, name="blurred")
    half = numpy.sqrt(numpy.log(2)) / (2 * numpy.pi * sigma * 0.1)
    assert found.half_width == pytest.approx(half, rel=0.04)
    # Of what a Gaussian of 3 pixels leaves, neighbours correlate as its spectrum says (Wiener and Khinchin).
    fine = (blur * (1 - numpy.exp(-2 * (numpy.pi * 3 * frequency) ** 2))) ** 2
    expected = (fine * numpy.cos(2 * numpy.pi * down)).sum() / fine.sum()
    assert found.correlation == pytest.approx(expected, abs=0.02)


def test_blur_over_tissue_and_noise() -> None:
    at = numpy.arange(2, 129) / 25.6
    sharp = 3e-4 / at**2.8 + 2e-5
    found = fit_blur(at, sharp * 2 ** -((at / 3.0) ** 2), 0.1)
    assert found.half_width == pytest.approx(3.0, rel=1e-2)
    assert found.noise == pytest.approx(2e-5, rel=5e-2)
    assert fit_blur(at, sharp, 0.1).half_width == numpy.inf
    assert fit_blur(at, numpy.zeros(127), 0.1).half_width == numpy.inf


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_noise_against_signal(power: float) -> None:
    signal = numpy.tile(numpy.linspace(0.2, 0.9, SIDE), (SIDE, 1))
    found = measure(signal + 0.02 * signal**power * white_noise(3), FULL, max_value=1.2, name="ramp")
    assert found.noise_exponent == pytest.approx(power, abs=0.06)
    assert len(found.levels) == len(found.deviations) == 10
    assert (numpy.diff(found.levels) > 0).all()


def test_counts_of_quanta() -> None:
    quanta = numpy.random.default_rng(4).poisson(numpy.tile(numpy.linspace(400, 4000, SIDE), (SIDE, 1)))
    found = measure(quanta.astype(numpy.uint16), FULL, max_value=65535, name="quanta")
    assert found.noise_exponent == pytest.approx(0.5, abs=0.05)


def test_unit_of_intensity_does_not_count() -> None:
    field = 0.5 + 0.05 * power_law(3.0, SIDE, 5) + 0.01 * white_noise(5)
    first = measure(field.astype(numpy.float32), FULL, max_value=1.0, name="unit")
    second = measure(numpy.rint(field * 40000).astype(numpy.uint16), FULL, max_value=40000, name="unit")
    assert second.exponents == pytest.approx(first.exponents, abs=0.01)
    assert second.noise_percent == pytest.approx(first.noise_percent, rel=0.01)


def test_specks_are_no_noise() -> None:
    plain = 0.4 + 0.02 * white_noise(6)
    specked = plain.copy()
    places = numpy.random.default_rng(7).integers(0, SIDE, (400, 2))
    specked[tuple(places.T)] += 0.4
    first, second = (measure(one, FULL, max_value=2.0, name="specks") for one in (plain, specked))
    share = numpy.percentile(plain, 99) / numpy.percentile(specked, 99)
    assert second.noise_percent == pytest.approx(first.noise_percent * share, rel=0.06)


def test_skin_edges_and_ends_of_the_range_are_left_out() -> None:
    field = 0.5 + 0.03 * power_law(2.5, 700, 8)
    full = numpy.ones(field.shape, bool)
    whole = measure(field, full, max_value=1.0, name="whole").patches
    mask = full.copy()
    mask[:, 500:] = False
    assert measure(field, mask, max_value=1.0, name="skin").patches < whole
    muscle = field + 0.3 * (ndimage.gaussian_filter((numpy.indices(field.shape).sum(axis=0) < 500).astype(float), 3))
    assert 0 < measure(muscle, full, max_value=1.0, name="muscle").patches < whole
    burnt = field.copy()
    burnt[60:160, 60:160] = 1.0
    assert 0 < measure(burnt, full, max_value=1.0, name="burnt").patches < whole


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"measure\(image, mask\): expected \(H, W\) of one shape, got \(460, 460\)"):
        measure(white_noise(0), FULL[:9], max_value=1.0, name="")
    for shape in ((200, 900), (30, 30)):
        with pytest.raises(InputError, match="small: no patch of 25.6 mm fits into the breast; leave it out"):
            measure(numpy.full(shape, 0.5), numpy.ones(shape, bool), max_value=1.0, name="small")
    with pytest.raises(InputError, match="black: no patch"):
        measure(numpy.zeros((SIDE, SIDE)), FULL, max_value=1.0, name="black")
    with pytest.raises(InputError, match="no patch"):
        measure(white_noise(0), ~FULL, max_value=1.0, name="air")
    with pytest.raises(InputError, match="flat: nothing varies within the breast; leave it out"):
        measure(numpy.full((SIDE, SIDE), 0.3), FULL, max_value=1.0, name="flat")
    film = read_array(numpy.arange(900, dtype=numpy.uint16).reshape(30, 30), "film", spacing_mm=0.2)
    with pytest.raises(InputError, match=r"film: expected pixels of at most 0.12 mm, got 0.2; .* leave it out"):
        background_of(film)
    with pytest.raises(ValueError, match=r"patch_spectra\(patches\): expected at least one patch, got none"):
        patch_spectra([], 0.1)
    with pytest.raises(ValueError, match=r"exponent\(low, high\): expected a band with two frequencies, got 6 .. 7"):
        exponent(numpy.arange(1, 5.0), numpy.ones(4), 6, 7)
    with pytest.raises(ValueError, match=r"expected images in every group, got none in 'real'"):
        compare_backgrounds({"real": []})


def test_command(small_phantom, tmp_path, capsys) -> None:
    files = tmp_path / "images"
    files.mkdir()
    small_phantom.save_dicom(files / "one.dcm")
    Image.fromarray((100 + white_noise(0)).astype(numpy.uint8)).save(files / "crop.png")
    out = tmp_path / "out"
    options = ["--spacing-mm", "0.05", "--phantoms", "0", "--tiles", "3", "--exports", "--out", str(out)]
    assert main(["evaluate", "backgrounds", str(files), *options]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("mcfast: left out: ") == 1
    assert "crop.png: no patch of 25.6 mm" in printed.err
    head = next(line for line in printed.out.splitlines() if line.startswith("| statistic"))
    assert "real (1 of 2) | real as 0.11 mm (1 of 2) | real as 0.14 mm (1 of 2) | tiles (" in head
    report = json.loads((out / "backgrounds.json").read_text())
    real, coarse = (report["groups"][name] for name in ("real", "real as 0.14 mm"))
    assert [one["name"] for one in real["each"]] == ["one.dcm"]
    assert set(real["statistics"]) == set(STATISTICS)
    # The phantom's noise is white at 0.07 mm and grows with the root of the signal.
    assert real["statistics"]["finest_exponent"]["median"] == pytest.approx(0.5, abs=0.12)
    assert real["statistics"]["half_width"]["median"] > coarse["statistics"]["half_width"]["median"]
    assert len(real["spectrum"]["median"]) == len(real["spectrum"]["frequency_per_mm"]) == 127
    with Image.open(out / "spectra.png") as picture:
        assert picture.size == (900, 640)
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 50


def test_command_errors(tmp_path, capsys) -> None:
    command, out = ["evaluate", "backgrounds"], ["--out", str(tmp_path)]
    assert main([*command, "--tiles", "-1", *out]) != 0
    assert "--phantoms, --tiles, --seed: expected at least 0" in capsys.readouterr().err
    assert main([*command, "--phantoms", "0", "--tiles", "0", *out]) != 0
    assert "got nothing to measure" in capsys.readouterr().err
    Image.fromarray((100 + white_noise(0)).astype(numpy.uint8)).save(tmp_path / "film.png")
    film = [str(tmp_path / "film.png"), "--spacing-mm", "0.2", "--phantoms", "0", "--tiles", "0"]
    assert main([*command, *film, *out]) != 0
    assert "backgrounds: nothing could be measured" in capsys.readouterr().err
