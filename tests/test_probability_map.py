"""Maps of patch classifiers over a breast: dense and patch by patch alike, and in a mammogram's own coordinates."""

import json

import numpy
import onnx
import pytest
from patch_networks import Builder
from PIL import Image

import mcfast
from mcfast import detect, nets, phantom, runtimes
from mcfast.canonical import at_canonical, headroom
from mcfast.cli import main
from mcfast.detect.classify import candidate_patches
from mcfast.detect.noise_units import candidates_at, in_noise
from mcfast.errors import ConfigError
from mcfast.report.map_files import map_picture, write_map


def unpadded(channels=1, side=12, **metadata):
    """As `vgg12`, without padding; random weights."""
    network = Builder(channels, side, side).conv(8, 3).add("Relu").conv(8, 3).add("Relu").pool(2, 2)
    network.conv(8, 3).add("Relu").pool(2, 2).add("Flatten", axis=1)
    left = ((side - 4) // 2 - 2) // 2
    model = onnx.load_from_string(network.full(8 * left**2, 16).add("Relu").full(16, 1).add("Sigmoid").onnx())
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    return model.SerializeToString()


@pytest.fixture(scope="module")
def image():
    return phantom.mammogram(2, shape=(416, 320), clusters=1).image


@pytest.fixture(scope="module")
def seen(image):
    """Image and breast at 0.1 mm, and white there."""
    mammogram = mcfast.read(image, spacing_mm=0.14)
    small, valid, _ = at_canonical(image, mammogram, 0.1)
    white = ((1 << mammogram.bits) - 1) * headroom(mammogram)
    return small, detect.breast_mask(small, 0.1, max_value=white, valid=valid), white


@pytest.mark.parametrize("units", ["intensity", "pixel-noise"])
@pytest.mark.parametrize(("side", "stride"), [(12, 1), (12, None), (17, 3), (12, 7)])
def test_dense_and_patch_by_patch_are_the_same(image, units, side, stride):
    options = {"units": units, "mean": 0.3, "std": 0.05, "stride": stride, "spacing_mm": 0.14}
    maps = [
        mcfast.probability_map(image, unpadded(side=side), method=method, **options) for method in ("auto", "patches")
    ]
    assert [one.method for one in maps] == ["dense", "patches"] and [one.reason for one in maps] == ["", ""]
    assert maps[0].stride == (stride or side // 3)
    known = maps[0].values[numpy.isfinite(maps[0].values)]
    assert len(known) > 400 and known.std() > 1e-3, "a constant would show nothing"
    numpy.testing.assert_allclose(maps[0].values, maps[1].values, atol=1e-5)


def test_cells_are_the_networks_word_on_patches_cut_by_hand(image, seen):
    small, mask, white = seen
    found = mcfast.probability_map(image, unpadded(), units="intensity", mean=0.2, std=0.1, spacing_mm=0.14, stride=5)
    assert found.values.shape == tuple(len(range(2, length, 5)) for length in small.shape)
    numpy.testing.assert_array_equal(numpy.isfinite(found.values), mask[2::5, 2::5])
    network, padded = runtimes.load(unpadded()), numpy.pad(small / white, 6, mode="edge")
    cells = numpy.argwhere(numpy.isfinite(found.values))
    edge = cells[(cells[:, 1] * 5 + 2 < 6) | (cells[:, 1] * 5 + 8 > small.shape[1])]
    assert len(edge), "patches that hang over the border too"
    for row, column in (*cells[::97], *edge[::9]):
        patch = padded[row * 5 + 2 :, column * 5 + 2 :][:12, :12]
        said = network.run(((patch - 0.2) / 0.1).astype(numpy.float32)[None, None])[0, 0]
        assert found.values[row, column] == pytest.approx(said, abs=1e-5)


def test_in_units_of_the_noise_at_its_centre_a_patch_is_what_a_detector_sees(image, seen):
    """At the candidates' own places the map of a detector is its score, and nothing claims a dense form."""
    small, mask, white = seen
    found = mcfast.probability_map(image, nets.weights("vgg12"), spacing_mm=0.14, stride=1)
    assert (found.units, found.method, found.network) == ("noise", "patches", "vgg12")
    assert found.reason == "in units of 'noise' each patch is divided by the noise at its own centre"
    spots = detect.propose(small, mask, threshold=-1e9, limit=200, max_value=white)
    scores = detect.classify(spots, runtimes.load(nets.weights("vgg12")))
    numpy.testing.assert_allclose(found.values[tuple(spots.positions.T)], scores, atol=1e-5)
    again = candidates_at(small, mask, spots.positions, white)
    numpy.testing.assert_array_equal(again.noise, spots.noise)


def test_why_a_dense_map_of_patches_divided_one_by_one_would_be_wrong(image, seen):
    """A network with biases says another thing of a patch that is divided by another number."""
    small, mask, white = seen
    network, places = runtimes.load(unpadded()), numpy.argwhere(mask)[::2003].astype(numpy.int32)
    candidates = candidates_at(small, mask, places, white)
    own = network.run(candidate_patches(candidates, side=12, scales=1))[:, 0]
    dense = mcfast.dense(unpadded()).scan(in_noise(small, mask, white))[0][tuple(candidates.positions.T)]
    assert numpy.nanmax(numpy.abs(own - dense)) > 1e-3


def test_where_cells_lie(image):
    found = mcfast.probability_map(image, unpadded(), units="intensity", spacing_mm=(0.2, 0.25), stride=4)
    assert found.pixels == pytest.approx((2.0, 1.6))
    assert found.first == pytest.approx((2.5 / 2 - 0.5, 2.5 / 2.5 - 0.5))
    told = found.as_dict()
    assert told["shape"] == list(found.values.shape) and told["pixels"] == list(found.pixels)
    assert told["sha256"] == runtimes.load(unpadded()).sha256


def test_networks_say_what_they_see(image):
    stated = "flattened image in deviations of the noise around each pixel, -8 .. 24"
    network = unpadded(input_range=stated, spacing_mm="0.2", name="patches")
    found = mcfast.probability_map(image, network, spacing_mm=0.14)
    assert (found.units, found.spacing_mm, found.network, found.method) == ("pixel-noise", 0.2, "patches", "dense")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"map\(units\): expected one of .*, got None, and network 'small' does not tell; name the one it was"),
        ({"units": "inches"}, r"map\(units\): expected one of intensity, pixel-noise, noise, got 'inches'$"),
        ({"method": "magic"}, r"map\(method\): expected one of auto, dense, patches, got 'magic'"),
        ({"units": "noise", "method": "dense"}, r"map\(method\): expected 'patches' or 'auto', got 'dense', .*: in "),
        ({"stride": 0}, r"map\(stride\): expected at least 1 pixel, got 0"),
        ({"std": 0.0}, r"map\(mean, std\): expected a number and one above 0, got 0.0 and 0.0"),
        ({"output": 1}, r"map\(output\): expected one of the network's 1 outputs, got 1"),
        ({"output": 1, "method": "patches"}, r"map\(output\): expected one of the network's 1 outputs, got 1"),
        ({"network": nets.weights("fsrcnn")}, r"map\(network\): expected input \(any, 1, side, side\), .* 'fsrcnn'"),
        ({"network": nets.weights("vgg12"), "method": "dense"}, r"dense\(conv1_1\): .*it pads"),
        ({"network": unpadded(2)}, r"map\(network\): expected input \(any, 1, side, side\), .*\(None, 2, 12, 12\)"),
    ],
)
def test_refusals(image, options, message):
    own = {"units": "intensity"} if options else {}
    with pytest.raises(ConfigError, match=message):
        mcfast.probability_map(image, **{"network": unpadded(), "spacing_mm": 0.14} | own | options)


def test_outputs_that_are_no_probabilities_are_refused(image):
    logits = Builder(1, 8, 8).conv(2, 3).add("Flatten", axis=1).full(72, 1).onnx()
    with pytest.raises(ConfigError, match=r"expected probabilities, got values of -.* from 'small'; let it end with"):
        mcfast.probability_map(image, logits, units="intensity", std=0.01, spacing_mm=0.14)


def test_without_a_breast_all_is_unknown(tmp_path):
    air = numpy.zeros((120, 101), numpy.uint16)
    air[3, 4] = 1
    for units in ("intensity", "noise", "pixel-noise"):
        found = mcfast.probability_map(air, unpadded(), units=units, spacing_mm=0.14)
        assert not numpy.isfinite(found.values).any()
        write_map(found, tmp_path)


def test_files_and_command_line(image, tmp_path, capsys):
    """From a picture and an ONNX file to the map, by the dense form and patch by patch."""
    phantom.mammogram(2, shape=(416, 320), clusters=1).save_dicom(tmp_path / "view.dcm")
    (tmp_path / "own.onnx").write_bytes(unpadded())
    maps = {}
    for method in ("auto", "patches"):
        out = tmp_path / method
        own = ["--network", str(tmp_path / "own.onnx"), "--units", "intensity", "--std", "0.1", "--method", method]
        assert main(["map", str(tmp_path / "view.dcm"), "--out", str(out), *own]) == 0
        assert {path.name for path in (out / "view").iterdir()} == {"map.npy", "map.tif", "map.png", "map.json"}
        maps[method] = numpy.load(out / "view" / "map.npy")
        numpy.testing.assert_array_equal(maps[method], numpy.asarray(Image.open(out / "view" / "map.tif")))
        told = json.loads((out / "view" / "map.json").read_text())
        assert (told["method"], told["stride"]) == ("dense" if method == "auto" else "patches", 4)
        line = capsys.readouterr().out.splitlines()[0]
        assert f"cells 0.4 mm apart, highest {numpy.nanmax(maps[method]):.3f}, " in line
        assert line.endswith(f"method: {told['method']}")
    numpy.testing.assert_allclose(maps["auto"], maps["patches"], atol=1e-5)
    picture = numpy.asarray(Image.open(tmp_path / "auto" / "view" / "map.png"))
    assert picture.shape[2] == 3 and (picture[..., 0] != picture[..., 2]).any(), "in colour"
    assert main(["map", str(tmp_path / "own.onnx"), "--network", "vgg12", "--out", str(tmp_path / "bad")]) == 1
    assert "own.onnx" in capsys.readouterr().err
    assert main(["map", str(tmp_path / "view.dcm"), "--network", "none.onnx", "--out", str(tmp_path / "bad")]) == 1
    assert "--network: none.onnx cannot be read (No such file or directory); give an ONNX" in capsys.readouterr().err


def test_the_picture_shows_probabilities_where_they_are(image):
    found = mcfast.probability_map(image, unpadded(), units="intensity", spacing_mm=0.14, stride=8)
    found.values[...] = 0
    plain = map_picture(found).astype(int)
    found.values[10, 5] = 1
    changed = numpy.argwhere((map_picture(found) != plain).any(axis=2))
    scale = 1400 / image.shape[0]
    middle = [(place + 0.5) * side * scale for place, side in zip((10, 5), found.pixels, strict=True)]
    assert changed.mean(axis=0) == pytest.approx(middle, abs=3)
