"""FSRCNN in the core: against ONNX Runtime at every CPU level, the same bits for any tiling, every message."""

import os
import pathlib
import subprocess
import sys
import threading

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcfast import _core, nets, runtimes
from mcfast.boxes import Box
from mcfast.errors import ConfigError
from mcfast.magnify import super_resolve

LEVELS = ("baseline", "avx2", "avx512")
SHAPES = [(1, 1), (1, 2), (2, 1), (1, 40), (40, 1), (3, 5), (4, 4), (5, 17), (31, 64), (50, 75), (61, 131)]
TOLERANCE = 1e-5
"""Of the output's largest value."""


@pytest.fixture(scope="module")
def native():
    return runtimes.load(nets.weights("fsrcnn"), runtime="native", threads=2)


def check_parity(content, shapes=SHAPES, seed=0):
    """The native network against ONNX Runtime on the same bytes; returns the largest relative error."""
    ours, reference = (runtimes.load(content, runtime=name, threads=1) for name in ("native", "onnxruntime"))
    worst = 0.0
    for shape in shapes:
        batch = numpy.random.default_rng(seed).random((2, 1, *shape), numpy.float32)
        expected, got = reference.run(batch), ours.run(batch)
        assert got.shape == expected.shape
        worst = max(worst, float(numpy.abs(got - expected).max() / numpy.abs(expected).max()))
    return worst


def _at(level, program):
    environment = os.environ | {"MCFAST_CPU_LEVEL": level}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=pathlib.Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "expected a level of this processor" in result.stderr:
        pytest.skip(f"this processor has no {level}")
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("level", LEVELS)
def test_equals_onnxruntime_at(level):
    program = "import test_fsrcnn as t; print(t._core.cpu_level(), t.check_parity(t.nets.weights('fsrcnn')))"
    name, worst = _at(level, program).split()
    assert name == level
    assert float(worst) < TOLERANCE


def digest():
    import hashlib

    image = numpy.random.default_rng(0).random((150, 203), numpy.float32)
    return hashlib.sha256(super_resolve(image).tobytes()).hexdigest()


def test_levels_with_fused_multiply_add_give_the_same_bits():
    program = "import test_fsrcnn as t; print(t.digest())"
    assert _at("avx2", program) == _at("avx512", program)


def _network(d, s, m, seed=0):
    torch = pytest.importorskip("torch", reason="needs the train extra")
    from mcfast.nets.export import export
    from mcfast.nets.fsrcnn import fsrcnn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = fsrcnn(d, s, m)
        for layer in module:
            if hasattr(layer, "bias") and layer.bias is not None:
                torch.nn.init.normal_(layer.bias, std=0.1)
            if isinstance(layer, torch.nn.PReLU):
                torch.nn.init.uniform_(layer.weight, -0.5, 1.5)
        torch.nn.init.normal_(module[-1].weight, std=0.05)
    shapes = {"input_shape": ("n", 1, "rows", "columns"), "output_shape": ("n", 1, "rows_out", "columns_out")}
    return export(module, name="odd", version="0", **shapes)


@pytest.mark.parametrize(
    ("d", "s", "m"), [(1, 1, 0), (1, 1, 1), (3, 2, 1), (32, 5, 1), (13, 7, 2), (20, 24, 3), (56, 12, 4), (5, 9, 16)]
)
def test_any_size_of_network(d, s, m):
    content = _network(d, s, m)
    assert runtimes.load(content, runtime="native").size == (d, s, m)
    assert check_parity(content, [(1, 1), (9, 6), (33, 50)]) < TOLERANCE


def test_a_wrong_weight_would_be_seen(native):
    """The parity test can fail: one weight in 12 464 multiplications, changed by a hundredth, is far off."""
    content = bytearray(nets.weights("fsrcnn"))
    from mcfast.nets.onnx_file import read_onnx

    weights = read_onnx(bytes(content)).tensors["map2.weight"]
    at = bytes(content).index(weights.tobytes()) + 4 * 700
    content[at : at + 4] = (weights.ravel()[700:701] + numpy.float32(0.01)).tobytes()
    image = numpy.random.default_rng(0).random((1, 1, 40, 40), numpy.float32)
    other = runtimes.load(bytes(content), runtime="native").run(image)
    assert numpy.abs(other - native.run(image)).max() > TOLERANCE


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_box_tile_and_thread_count_have_the_same_bits(data):
    rows, columns = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 120))
    image = numpy.random.default_rng(rows * columns).random((rows, columns), numpy.float32)
    whole = super_resolve(image, threads=1)
    row0, column0 = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    row1, column1 = data.draw(st.integers(row0 + 1, rows)), data.draw(st.integers(column0 + 1, columns))
    crop = super_resolve(
        image,
        regions=[(row0, column0, row1, column1)],
        tile=data.draw(st.integers(5, 200)),
        threads=data.draw(st.integers(1, 3)),
    )[0]
    numpy.testing.assert_array_equal(crop, whole[2 * row0 : 2 * row1, 2 * column0 : 2 * column1])


def test_several_tiles_of_the_kernels_own_have_the_same_bits(native):
    """Wider and taller than one tile of the kernel; the crops cross its cuts."""
    image = numpy.random.default_rng(1).integers(0, 4096, (560, 530)).astype(numpy.uint16)
    whole = super_resolve(image, max_value=4095)
    boxes = [(270, 240, 300, 280), (500, 3, 560, 530), (0, 260, 20, 270)]
    for box, crop in zip(boxes, super_resolve(image, max_value=4095, regions=boxes), strict=True):
        numpy.testing.assert_array_equal(crop, whole[2 * box[0] : 2 * box[2], 2 * box[1] : 2 * box[3]])


def test_large_frame_in_sparse_regions():
    """4096 x 3328: corners, edges and the middle against ONNX Runtime on the surroundings that they depend on."""
    reference = runtimes.load(nets.weights("fsrcnn"), threads=1)
    image = numpy.random.default_rng(2).integers(0, 4096, (4096, 3328)).astype(numpy.uint16)
    boxes = [
        (0, 0, 40, 50),
        (0, 3300, 9, 3328),
        (4060, 0, 4096, 21),
        (4090, 3311, 4096, 3328),
        (2001, 1603, 2050, 1700),
    ]
    ours = super_resolve(image, max_value=4095, regions=boxes)
    theirs = super_resolve(image, max_value=4095, regions=boxes, network=reference)
    for one, other in zip(ours, theirs, strict=True):
        assert numpy.abs(one.astype(int) - other).max() <= 1
    mask = numpy.zeros(image.shape, bool)
    for row0, column0, row1, column1 in boxes:
        mask[row0:row1, column0:column1] = True
    whole = super_resolve(image, max_value=4095, mask=mask)
    for box, crop in zip(boxes, ours, strict=True):
        numpy.testing.assert_array_equal(whole[2 * box[0] : 2 * box[2], 2 * box[1] : 2 * box[3]], crop)


def test_extra_memory_is_small():
    """Peak memory of a run in a fresh process, less what input and output hold."""
    program = """
import resource, numpy
from mcfast.magnify import super_resolve
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
image = numpy.full((3328, 2560), 100, numpy.uint16)
out = numpy.ones((6656, 5120), numpy.uint16)
mask = numpy.zeros(image.shape, bool)
mask[:600, :1100] = True
super_resolve(image[:8, :8], max_value=4095)
before = peak()
super_resolve(image, max_value=4095, mask=mask, out=out, threads=2)
print(peak() - before)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(result.stdout) < 64


def test_several_python_threads_may_share_a_network(native):
    images = [numpy.random.default_rng(i).random((1, 1, 60 + i, 90), numpy.float32) for i in range(6)]
    alone = [native.run(image) for image in images]
    found = [None] * len(images)

    def work(i):
        found[i] = native.run(images[i])

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(images))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(alone, found, strict=True):
        numpy.testing.assert_array_equal(one, other)


def test_values_outside_the_range_pass_through_run_unclipped(native):
    reference = runtimes.load(nets.weights("fsrcnn"), threads=1)
    batch = numpy.random.default_rng(0).normal(0, 3, (1, 1, 30, 31)).astype(numpy.float32)
    expected = reference.run(batch)
    assert expected.min() < -1
    assert expected.max() > 2
    numpy.testing.assert_allclose(native.run(batch), expected, atol=TOLERANCE * numpy.abs(expected).max())


def test_describes_itself(native):
    reference = runtimes.load(nets.weights("fsrcnn"), threads=1)
    assert (native.name, native.sha256, native.metadata) == (reference.name, reference.sha256, reference.metadata)
    assert native.runtime_version == runtimes.available()["native"]
    assert repr(native) == "NativeFsrcnn('fsrcnn', d, s, m = (56, 12, 4))"


# --- errors -------------------------------------------------------------------------------------------------------


def test_other_networks_are_refused():
    with pytest.raises(ConfigError, match=r"network 'vgg12': no FSRCNN\(d, s, m\) .*; load it with runtime='onnxrun"):
        runtimes.load(nets.weights("vgg12"), runtime="native")


def _zeros(*shape):
    return numpy.zeros(shape, numpy.float32)


def _layers(d=4, s=2):
    convolutions = [(d, 1, 5), (s, d, 1), (s, s, 3), (d, s, 1)]
    layers = [(_zeros(o, i, k, k), _zeros(o), _zeros(o)) for o, i, k in convolutions]
    return [*layers, (_zeros(d, 1, 9, 9), _zeros(1), None)]


def _changed(index, weight=None, bias=None, slope="same"):
    layers = _layers()
    old = layers[index]
    new = (old[0] if weight is None else weight, old[1] if bias is None else bias)
    layers[index] = (*new, old[2] if slope == "same" else slope)
    return layers


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (_layers()[:3], r"Fsrcnn\(layers\): expected 4 to 20, got 3"),
        (_changed(0, _zeros(4, 1, 3, 3)), r"Fsrcnn\(layer 0\): expected a float32 weight \(1 to 256, 1, 5, 5\), got"),
        (_changed(1, _zeros(2, 5, 1, 1)), r"Fsrcnn\(layer 1\): .* \(1 to 256, 4, 1, 1\), got float32 .*\(2, 5, 1, 1\)"),
        (_changed(2, _zeros(2, 3, 3, 3)), r"Fsrcnn\(layer 2\): expected a float32 weight \(2, 2, 3, 3\)"),
        (_changed(4, _zeros(5, 1, 9, 9)), r"Fsrcnn\(layer 4\): expected a float32 weight \(4, 1, 9, 9\)"),
        (_changed(0, numpy.zeros((4, 1, 5, 5))), r"got float64 of shape \(4, 1, 5, 5\)"),
        (_changed(0, bias=_zeros(3)), r"expected bias and slope float32 of shape \(4,\), got float32 of shape \(3,\)"),
        (_changed(0, slope=None), r"Fsrcnn\(layer 0\): expected a slope, got none"),
        (_changed(4, slope=_zeros(1)), r"Fsrcnn\(layer 4\): expected no slope, got one"),
    ],
)
def test_wrong_layers_are_named(layers, message):
    with pytest.raises(ValueError, match=message):
        _core.Fsrcnn(layers)


IMAGE = _zeros(6, 7)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((IMAGE, 1, [Box(0, 0, 7, 7)], [_zeros(14, 14)]), {}, ValueError, r"\(regions\): expected boxes inside the"),
        ((IMAGE, 1, [Box(0, 0, 6, 7)], [_zeros(12, 13)]), {}, ValueError, r"\(out\): expected shape \(12, 14\), got"),
        ((IMAGE, 1, [Box(0, 0, 6, 7)], []), {}, ValueError, r"\(out\): expected one for each of 1 boxes, got 0"),
        ((IMAGE, 0, [], []), {}, ValueError, r"\(max_value\): expected above 0"),
        ((IMAGE, 1, [], []), {"mask": IMAGE}, TypeError, r"\(mask\): expected bool, got float32"),
        ((IMAGE, 1, [], []), {"mask": IMAGE[1:] > 0}, ValueError, r"\(mask\): expected shape \(6, 7\), got \(5, 7\)"),
        ((IMAGE, 1, [], []), {"tile": 0}, ValueError, r"\(tile\): expected None or at least 1"),
        ((IMAGE, 1, [], []), {"threads": 0}, ValueError, r"\(threads\): expected None or a number from 1 to 256"),
    ],
)
def test_wrong_arguments_of_the_kernel_are_named(native, arguments, options, error, message):
    with pytest.raises(error, match="super_resolve" + message):
        native.magnify(*arguments, **options)
