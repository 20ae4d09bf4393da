"""FSRCNN's definition, its export to ONNX, and the receptive field that follows from its layers."""

import itertools

import numpy
import onnx
import pytest

from mcfast import nets, runtimes
from mcfast.errors import ConfigError
from mcfast.nets.receptive_field import Layer, Reach, layers_from_json, layers_to_json, reach

torch = pytest.importorskip("torch", reason="needs the train extra")

from torch import nn  # noqa: E402

from mcfast.evaluate.sr import interpolate  # noqa: E402
from mcfast.nets.export import export  # noqa: E402
from mcfast.nets.fsrcnn import fsrcnn, start_as_bicubic  # noqa: E402

SHAPES = {"input_shape": ("n", 1, "rows", "columns"), "output_shape": ("n", 1, "rows_out", "columns_out")}


def _exported(module, **options):
    return export(module, name="net", version="1", **(SHAPES | options))


def _random_fsrcnn(d=56, s=12, m=4, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = fsrcnn(d, s, m)
        for parameter in module.parameters():  # biases and slopes too, so that nothing is hidden by zeros
            nn.init.normal_(parameter, std=0.2)
    return module


def test_layers_of_the_paper():
    kinds = [type(layer).__name__ for layer in fsrcnn()]
    assert kinds == ["Conv2d", "PReLU"] * 7 + ["ConvTranspose2d"]
    weights = {
        name: tuple(p.shape) for name, p in fsrcnn().named_parameters() if name.endswith("weight") and p.dim() == 4
    }
    assert weights["feature.weight"] == (56, 1, 5, 5)
    assert weights["shrink.weight"] == (12, 56, 1, 1)
    assert [weights[f"map{i}.weight"] for i in (1, 2, 3, 4)] == [(12, 12, 3, 3)] * 4
    assert weights["expand.weight"] == (56, 12, 1, 1)
    assert weights["deconvolution.weight"] == (56, 1, 9, 9)
    # 12 464 multiplications per input pixel, and a slope for each map: section 3.3 of the paper counts them alike.
    assert sum(numpy.prod(shape) for shape in weights.values()) == 12464
    assert sum(p.numel() for name, p in fsrcnn().named_parameters() if name.endswith("prelu.weight")) == 2 * 56 + 5 * 12


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 1, 1, 9), (2, 1, 33, 20), (1, 1, 64, 64)])
@pytest.mark.parametrize("sizes", [(56, 12, 4), (16, 5, 1)])
def test_torch_and_onnxruntime_agree(shape, sizes):
    module = _random_fsrcnn(*sizes)
    batch = numpy.random.default_rng(1).random(shape, numpy.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(batch)).numpy()
    result = runtimes.load(_exported(module), threads=1).run(batch)
    assert result.shape == (shape[0], 1, 2 * shape[2], 2 * shape[3])
    numpy.testing.assert_allclose(result, expected, atol=1e-5 * max(1.0, numpy.abs(expected).max()))


def test_start_is_bicubic_interpolation():
    module = fsrcnn()
    start_as_bicubic(module)
    image = numpy.random.default_rng(2).random((40, 31), numpy.float32)
    with torch.no_grad():
        result = module(torch.from_numpy(image)[None, None])[0, 0].numpy()
    expected = interpolate(image, "bicubic (Keys, a = -0.5)")
    numpy.testing.assert_allclose(result[4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-5)


def test_export_is_deterministic_and_keeps_metadata():
    module = _random_fsrcnn(8, 4, 1)
    first = _exported(module, metadata={"b": "2", "a": "1"})
    assert first == _exported(module, metadata={"a": "1", "b": "2"})
    kept = runtimes.load(first).metadata
    assert kept["a"] == "1"
    assert kept["name"] == "net"
    assert kept["version"] == "1"
    model = onnx.load_from_string(first)
    assert model.opset_import[0].version == 17
    assert [value.name for value in model.graph.input] == ["input"]
    assert [value.name for value in model.graph.output] == ["output"]


def test_export_of_a_classifier_agrees_with_torch():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d()),
            nn.Sequential(nn.Conv2d(6, 8, 3, bias=False), nn.PReLU(8), nn.Identity()),
            nn.Flatten(),
            nn.Linear(8 * 4 * 4, 5),
            nn.Dropout(0.5),
            nn.Linear(5, 2),
            nn.Softmax(dim=1),
        ).eval()
        pooled = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1), nn.Sigmoid())
    batch = numpy.random.default_rng(4).standard_normal((3, 1, 12, 12), numpy.float32)
    for network, outputs in ((module, 2), (pooled, 1)):
        onnx_bytes = _exported(network, input_shape=("n", 1, 12, 12), output_shape=("n", outputs))
        with torch.no_grad():
            expected = network(torch.from_numpy(batch)).numpy()
        numpy.testing.assert_allclose(runtimes.load(onnx_bytes).run(batch), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.GroupNorm(1, 1), r"export\(0\): cannot write a GroupNorm; use layers of Conv2d"),
        (nn.BatchNorm2d(1, affine=False), r"export\(0\): cannot write a BatchNorm2d without weights or running means"),
        (nn.Conv2d(2, 2, 3, groups=2), r"export\(0\): cannot write a Conv2d with groups, dilation"),
        (nn.Conv2d(1, 1, 3, dilation=2), "with groups, dilation"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), "numbered zero padding"),
        (nn.Conv2d(1, 1, 3, padding="same"), "numbered zero padding"),
        (nn.Conv2d(1, 1, (3, 5)), r"expected the same for rows and columns, got \(3, 5\); use square windows"),
        (nn.MaxPool2d(2, ceil_mode=True), "cannot write a MaxPool2d with dilation or ceil_mode"),
        (nn.AdaptiveAvgPool2d(2), "cannot write an AdaptiveAvgPool2d of 2; use 1"),
        (nn.Identity(), r"export\(module\): expected at least one layer, got none"),
    ],
)
def test_what_cannot_be_exported_is_named(layer, message):
    with pytest.raises(ConfigError, match=message):
        _exported(nn.Sequential(layer))


# --- receptive field ----------------------------------------------------------------------------------------------


def _reach_by_trial(module) -> Reach:
    """Perturb one pixel and see which outputs change."""
    side, place = 41, 20
    image = torch.from_numpy(numpy.random.default_rng(5).random((1, 1, side, side), numpy.float32)).double()
    changed = image.clone()
    changed[0, 0, place, place] += 1.0
    with torch.no_grad():
        module = module.double()
        difference = (module(changed) - module(image))[0, 0].abs().numpy() > 1e-14
    scale = difference.shape[0] // side
    rows = numpy.flatnonzero(difference.any(axis=1)) // scale
    columns = numpy.flatnonzero(difference.any(axis=0)) // scale
    assert (rows.min(), rows.max()) == (columns.min(), columns.max())
    # An input pixel that changes outputs up to `first` before it is one that those outputs look ahead to.
    return Reach(scale=scale, before=int(rows.max() - place), after=int(place - rows.min()))


@pytest.mark.parametrize(("d", "s", "m"), [(56, 12, 4), (32, 5, 1), (8, 4, 0), (8, 4, 7)])
def test_reach_of_fsrcnn_is_that_of_trial(d, s, m):
    module = _random_fsrcnn(d, s, m)
    found = reach(layers_from_json(runtimes.load(_exported(module)).metadata["layers"]))
    assert found == _reach_by_trial(module)
    assert found.halo == 2 + m + 2


def test_reach_of_the_shipped_network_from_its_graph():
    layers = layers_from_json(runtimes.load(nets.weights("fsrcnn")).metadata["layers"])
    graph = onnx.load_from_string(nets.weights("fsrcnn")).graph
    expected = []
    for node in graph.node:
        if node.op_type.startswith("Conv"):
            read = {attribute.name: list(attribute.ints) for attribute in node.attribute}
            assert len(set(read["kernel_shape"])) == len(set(read["strides"])) == len(set(read["pads"])) == 1
            window = read["kernel_shape"][0], read["strides"][0], read["pads"][0]
            expected.append(Layer(node.op_type == "ConvTranspose", *window))
    assert layers == expected
    assert reach(layers) == Reach(scale=2, before=8, after=8)


@pytest.mark.parametrize(
    ("kernel", "pad", "stride"),
    [(k, p, s) for k, p, s in itertools.product((2, 3, 4, 6, 9), (0, 1, 2, 4), (1, 2, 3)) if p < k],
)
def test_reach_of_single_deconvolutions_is_that_of_trial(kernel, pad, stride):
    # Output of `stride` pixels for each input pixel: what the padding takes away or leaves is made up for at the end.
    extra = stride - (kernel - 2 * pad)
    module = nn.Sequential(nn.ConvTranspose2d(1, 1, kernel, stride=stride, padding=pad))
    nn.init.ones_(module[0].weight)

    class Cut(nn.Module):
        def forward(self, image):
            return nn.functional.pad(module.double()(image), (0, extra, 0, extra))

    found = reach([Layer(transposed=True, kernel=kernel, stride=stride, pad=pad)])
    trial = _reach_by_trial(Cut())
    assert found.scale == trial.scale
    assert found.before == max(0, trial.before)
    assert found.after == max(0, trial.after)


def test_reach_of_asymmetric_convolutions():
    assert reach([Layer(False, 4, 1, 1)]) == Reach(scale=1, before=1, after=2)
    assert reach([Layer(False, 4, 1, 1), Layer(False, 4, 1, 2)]) == Reach(scale=1, before=3, after=3)
    assert reach([]) == Reach(scale=1, before=0, after=0)


def test_shrinking_layers_have_no_reach():
    with pytest.raises(ConfigError, match="expected layers of stride 1 and deconvolutions, got strides of 2 together"):
        reach([Layer(False, 3, 2, 1)])


def test_layers_survive_json_and_damage_is_named():
    layers = [Layer(False, 5, 1, 2), Layer(True, 9, 2, 4)]
    assert layers_from_json(layers_to_json(layers)) == layers
    for text in ("", "[1]", '[["Pool", 1, 1, 0]]', '[["Conv", 1, 1]]', '[["Conv", "a", 1, 0]]', "7"):
        with pytest.raises(ConfigError, match="its metadata 'layers' is no list of"):
            layers_from_json(text)
