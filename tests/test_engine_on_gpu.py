"""`Engine(device="cuda")` on a real GPU, against the CPU. Needs NumPy, SciPy, Pillow, pytest, and torch or a runtime
for networks there."""

import pathlib
import sys

import numpy
import pytest

import mcfast
from mcfast import phantom
from mcfast.device.networks import HOST_LOADERS, LOADERS
from mcfast.errors import DeviceError

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))  # mcfast is imported already; this finds the benchmarks only

from benchmarks import torch_network
from benchmarks.cpu_engine import cpu_engine


@pytest.fixture(autouse=True)
def torch_where_nothing_else_is(monkeypatch):
    """The stand-in for TensorRT and ONNX Runtime: the last one to be asked."""
    monkeypatch.setitem(LOADERS, "torch", torch_network.load)
    monkeypatch.setitem(HOST_LOADERS, "torch", torch_network.load_on_host)


def make(**options):
    try:
        return mcfast.Engine(mcfast.Config(**options), "cuda")
    except DeviceError as error:
        pytest.skip(f"this machine has no GPU that the engine can use: {error}")


def same(result, expected):
    assert len(result.calcifications) == len(expected.calcifications)
    for one, other in zip(result.calcifications, expected.calcifications, strict=True):
        assert abs(one.score - other.score) < 1e-3
        assert abs(one.row - other.row) < 0.01 and abs(one.col - other.col) < 0.01
    assert abs(result.score - expected.score) < 1e-3
    numpy.testing.assert_array_equal(result.mask, expected.mask)
    assert numpy.abs(result.enhanced.astype(int) - expected.enhanced).max() <= 1
    for one, other in zip(result.magnified, expected.magnified, strict=True):
        assert one.box == other.box
        assert numpy.abs(one.pixels.astype(int) - other.pixels).max() <= 8  # TF32 may round more than float32


@pytest.mark.parametrize("magnify", ["none", "clusters", "breast"])
@pytest.mark.parametrize("shape", [(832, 640), (3328, 2560)])
def test_findings_are_the_cpus(shape, magnify):
    spacing = 0.07 * 3328 / shape[0]
    engine = make(spacing_mm=spacing, magnify=magnify)
    reference = cpu_engine(engine.config)
    image = phantom.mammogram(3, shape=shape, clusters=2).image
    expected = reference(image)
    for _ in range(5):  # launch by launch in both slots, captured in both, then a graph alone
        same(engine(image), expected)


def test_a_stream_of_changing_sizes():
    engine = make(spacing_mm=0.28)
    reference = cpu_engine(engine.config)
    shapes = [(832, 640), (832, 640), (700, 640), (832, 640)] * 6
    images = [phantom.mammogram(seed % 5, shape=shape, clusters=1).image for seed, shape in enumerate(shapes)]
    with engine.stream(images, in_flight=6) as stream:
        for image, result in zip(images, stream, strict=True):
            same(result, reference(image))


def test_memory_does_not_grow():
    engine = make(spacing_mm=0.28)
    image = phantom.mammogram(3, shape=(832, 640), clusters=1).image
    expected = engine(image)
    with engine.stream([image] * 300, in_flight=6) as stream:
        for result in stream:
            same(result, expected)
    assert all(slot._pool._pinned < 2**28 for slot in engine._way.pipeline.slots)
