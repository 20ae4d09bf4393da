"""Dense networks: at every position what the classifier says of that patch, and refusals that name the layer."""

import builtins

import numpy
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from patch_networks import Builder

import mcfast
from mcfast import nets, runtimes
from mcfast.errors import ConfigError, DeviceError


def per_patch(network, image, patch):
    """(K, H, W): the classifier on each patch by itself, NaN where it does not lie inside the image."""
    channels, rows, columns = patch
    image = image.reshape(channels, *image.shape[-2:])
    windows = numpy.lib.stride_tricks.sliding_window_view(image, (rows, columns), axis=(1, 2))
    high, wide = windows.shape[1:3]
    batch = numpy.ascontiguousarray(windows.transpose(1, 2, 0, 3, 4).reshape(-1, channels, rows, columns))
    outputs = runtimes.load(network, threads=1).run(batch).reshape(high, wide, -1)
    result = numpy.full((outputs.shape[-1], *image.shape[1:]), numpy.nan, numpy.float32)
    result[:, rows // 2 :, columns // 2 :][:, :high, :wide] = outputs.transpose(2, 0, 1)
    return result


def image_of(*shape, seed=0):
    return numpy.random.default_rng(seed).normal(0, 2, shape).astype(numpy.float32)


def valid_vgg12():
    """As `vgg12`, without padding."""
    network = Builder(1, 12, 12).conv(8, 3).add("Relu").conv(8, 3).add("Relu").pool(2, 2)
    network.conv(8, 3).add("Relu").pool(2, 2).add("Flatten", axis=1)
    return network.full(8, 16).add("Relu").full(16, 1).add("Sigmoid")


def valid_vgg24():
    """Two scales and a first stride of 2, as in `vgg24`, without padding."""
    network = Builder(2, 24, 24).conv(8, 5, stride=2).add("Relu").conv(8, 3).add("Relu").pool(2, 2)
    network.conv(12, 2).add("Relu").add("Flatten", axis=1)
    return network.full(12 * 9, 16).add("Relu").full(16, 1).add("Sigmoid")


def nine_by_nine(pooling):
    """Convolutions of 9 x 9 and global pooling (Luna-Lozoya et al. 2024), fewer maps."""
    network = Builder(1, 21, 19).conv(4, 9).add("Relu").conv(6, 9).add("Relu").add(pooling)
    return network.add("Flatten", axis=1).full(6, 1).add("Sigmoid")


def alexnet():
    """Overlapping pooling and local response normalisation, as in `alexnet12`, without padding."""
    network = Builder(1, 16, 16).conv(8, 5).add("Relu").add("LRN", size=5, alpha=0.1, beta=0.75, bias=2.0).pool(3, 2)
    network.conv(8, 3).add("PRelu", [numpy.linspace(-1, 1, 8).reshape(-1, 1, 1)]).add("Dropout").add("Flatten", axis=1)
    return network.full(72, 3, transposed=False).add("Softmax", axis=-1)


def averages():
    network = Builder(3, 14, 11).conv(6, 3).pool(2, 2, "AveragePool")
    scale, offset, mean, variance = network.values(4, 6)
    network.add("BatchNormalization", [scale, offset, mean, numpy.abs(variance) + 0.1], epsilon=1e-3)
    return network.add("Tanh").conv(5, 2, dilation=2, bias=False).add("GlobalAveragePool").conv(2, 1)


CLASSIFIERS = {
    "vgg12": valid_vgg12,
    "vgg24": valid_vgg24,
    "9x9 maximum": lambda: nine_by_nine("GlobalMaxPool"),
    "9x9 mean": lambda: nine_by_nine("GlobalAveragePool"),
    "alexnet": alexnet,
    "averages": averages,
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_position_is_that_of_its_patch(name):
    builder = CLASSIFIERS[name]()
    network = builder.onnx()
    image = image_of(builder.shape[0], 47, 41)
    scanned = mcfast.dense(network).scan(image)
    expected = per_patch(network, image, builder.shape)
    assert numpy.isfinite(expected).any()
    assert numpy.nanstd(expected[0]) > 1e-3, "a constant would show nothing"
    numpy.testing.assert_allclose(scanned, expected, atol=1e-5)


LAYERS = st.lists(
    st.tuples(
        st.sampled_from(["conv", "MaxPool", "AveragePool"]),
        st.integers(1, 4),
        st.integers(1, 3),
        st.integers(1, 2),
    ),
    max_size=4,
)


@given(LAYERS, st.integers(5, 20), st.integers(5, 20), st.sampled_from(["full", "GlobalMaxPool", "GlobalAveragePool"]))
def test_any_chain_of_windows_and_strides(layers, rows, columns, head):
    builder, sides = Builder(1, rows, columns), numpy.array([rows, columns])
    for kind, side, stride, dilation in layers:
        dilation = 1 if kind == "AveragePool" else dilation
        sides = (sides - (dilation * (side - 1) + 1)) // stride + 1
        assume(sides.min() >= 1)
        if kind == "conv":
            builder.conv(3, side, stride, dilation).add("Relu")
        else:
            builder.pool(side, stride, kind, **({"dilations": [dilation] * 2} if kind == "MaxPool" else {}))
    if head == "full":
        builder.add("Flatten", axis=1).full(builder.channels * int(sides.prod()), 2)
    else:
        builder.add(head)
    network = builder.add("Sigmoid").onnx()
    image = image_of(rows + 6, columns + 5)
    expected = per_patch(network, image, builder.shape)
    numpy.testing.assert_allclose(mcfast.dense(network, threads=1).scan(image), expected, atol=1e-5)


def test_patches_as_gather_patches_cuts_them():
    """The map at a pixel is the classifier's word on `gather_patches` around that pixel."""
    builder = valid_vgg12()
    network, image = builder.onnx(), image_of(40, 33)
    scanned = mcfast.dense(network).scan(image)[0]
    centres = numpy.ascontiguousarray(numpy.argwhere(numpy.isfinite(scanned)), numpy.int32)
    assert len(centres) == (40 - 11) * (33 - 11)
    outputs = runtimes.load(network).run(mcfast.gather_patches(image, centres, 12))
    numpy.testing.assert_allclose(scanned[tuple(centres.T)], outputs.ravel(), atol=1e-5)


@pytest.mark.parametrize("tile", [1, 7, 16, 1000])
def test_tiles_change_nothing(tile):
    dense, image = mcfast.dense(valid_vgg12().onnx()), image_of(29, 24)
    numpy.testing.assert_allclose(dense.scan(image, tile=tile), dense.scan(image), atol=1e-6)


def test_a_mask_leaves_out_and_changes_nothing_else():
    dense, image = mcfast.dense(valid_vgg12().onnx()), image_of(60, 50)
    mask = numpy.zeros(image.shape, bool)
    mask[20:33, 8:40] = True
    whole, part = dense.scan(image), dense.scan(image, mask=mask, tile=9)
    numpy.testing.assert_allclose(part[0][mask], whole[0][mask], atol=1e-6)
    assert numpy.isnan(part[0][~mask]).all()


def test_images_smaller_than_a_patch_have_no_position():
    dense = mcfast.dense(valid_vgg12().onnx())
    assert numpy.isnan(dense.scan(image_of(11, 50))).all()
    assert numpy.isfinite(dense.scan(image_of(12, 12))).sum() == 1


def refused(builder, message):
    with pytest.raises(ConfigError, match=message):
        mcfast.dense(builder.onnx() if isinstance(builder, Builder) else builder)


def head(builder, inputs):
    return builder.add("Flatten", axis=1).full(inputs, 1)


@pytest.mark.parametrize("name", [name for name in nets.names() if name != "fsrcnn"])
def test_the_shipped_classifiers_have_no_dense_form(name):
    """They pad inside the patch: at a patch's edge they see zeros where the image has tissue."""
    refused(nets.weights(name), r"dense\(conv1_1\): expected a layer with an exact dense form, got Conv: it pads, and ")


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (
            head(Builder(1, 8, 8).pool(3, 2, ceil_mode=1), 16),
            r"dense\(maxpool1\): .*, got MaxPool: ceil_mode lets windo",
        ),
        (head(Builder(1, 8, 8).pool(2, 2, pads=[1] * 4), 25), r"dense\(maxpool1\): .*it pads"),
        (head(Builder(1, 8, 8).conv(2, 3, auto_pad="SAME_UPPER"), 128), r"dense\(conv1\): .*it pads"),
        (Builder(1, 8, 8).conv(2, 3).add("Relu"), r"dense\(relu2\): .*a map of \(6, 6\) is left; end with a fully"),
        (head(Builder(1, 8, 8).add("Cos"), 64), r"dense\(cos1\): .*, got Cos: it is not understood"),
        (
            head(Builder(1, 8, 8).add("PRelu", [numpy.ones((1, 8, 8))]), 64),
            r"dense\(prelu1\): .*slope differs from pix",
        ),
        (
            Builder(1, 8, 8).add("Softmax", axis=-1).add("GlobalMaxPool"),
            r"dense\(softmax1\): .*it is not over the clas",
        ),
        (
            Builder(1, 8, 8).add("Flatten", axis=0).full(64, 1),
            r"dense\(flatten1\): .*does not flatten all but the batch",
        ),
        (b"no network", r"network \(10 bytes\): no ONNX file that can be checked"),
        (nets.weights("fsrcnn"), r"dense\(network\): expected one input of \(any, channels, rows, columns\), all but"),
    ],
)
def test_the_layer_in_the_way_is_named(builder, message):
    refused(builder, message)


def test_branches_are_refused():
    builder = Builder(1, 8, 8).add("Relu")
    builder.nodes.append(builder.nodes[0].__class__())
    builder.nodes[1].CopyFrom(builder.nodes[0])
    builder.nodes[1].name, builder.nodes[1].op_type = "sum", "Add"
    builder.nodes[1].input[:] = [builder.nodes[0].output[0], "input"]
    builder.nodes[1].output[:] = ["sum.out"]
    builder.tensor = "sum.out"
    refused(head(builder, 64), r"dense\(relu1\): .*it is no link of a chain")


def test_files_and_arguments(tmp_path):
    path = tmp_path / "classifier.onnx"
    path.write_bytes(valid_vgg12().onnx())
    dense = mcfast.dense(path)
    assert repr(dense) == "DenseNetwork('small-dense', patches of 1 x 12 x 12)"
    with pytest.raises(ConfigError, match=r"absent.onnx: cannot be read \(No such file or directory\)"):
        mcfast.dense(tmp_path / "absent.onnx")
    image = image_of(20, 20)
    for arguments, error, message in (
        ((image.astype(float),), TypeError, r"scan\(image\): expected a float32 array, got float64; cast it"),
        (([1.0],), TypeError, r"scan\(image\): expected a float32 array, got list"),
        ((image_of(2, 20, 20),), ValueError, r"scan\(image\): expected \(1, rows, columns\), got shape \(2, 20, 20\)"),
    ):
        with pytest.raises(error, match=message):
            dense.scan(*arguments)
    with pytest.raises(
        ValueError, match=r"scan\(mask\): expected bool of shape \(20, 20\), got uint8 of shape \(20, 20\)"
    ):
        dense.scan(image, mask=numpy.ones((20, 20), numpy.uint8))
    with pytest.raises(ValueError, match=r"scan\(tile\): expected at least 1, got 0"):
        dense.scan(image, tile=0)


def test_without_onnx_it_says_so(monkeypatch):
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name.split(".")[0] == "onnx":
            raise ImportError("No module named 'onnx'")
        return original(name, *arguments, **options)

    network = valid_vgg12().onnx()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        DeviceError, match=r"the package onnx cannot be imported \(No module named 'onnx'\); pip install"
    ):
        mcfast.dense(network)
