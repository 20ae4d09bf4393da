"""The numba backend: compiled loops on the CPU, and its GPU kernels in numba's simulator on tiny images."""

import os
import pathlib
import subprocess
import sys

import numpy
import pytest
from images import DTYPES, make, strided

import mcfast
from mcfast.backends import numba as backend
from mcfast.errors import DeviceError

pytest.importorskip("numba", reason="numba is not installed")
SHAPES = ((1, 1), (1, 33), (23, 2), (37, 41))


@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_native(dtype):
    white = 1.0 if dtype == numpy.float32 else 255.0
    for shape in SHAPES:
        image, guide = strided(make(dtype, *shape, 1), sum(shape)), make(dtype, *shape, 2)
        for size in (1, 3, (5, 11), 101):
            numpy.testing.assert_array_equal(
                mcfast.min_filter(image, size, backend="numba"), mcfast.min_filter(image, size)
            )
        for planes in (image, numpy.stack([image, guide, guide[::-1]], axis=2)):
            expected = mcfast.dark_channel(planes, 5)
            numpy.testing.assert_array_equal(mcfast.dark_channel(planes, 5, backend="numba"), expected)
        for footprint in (mcfast.disk(3), mcfast.rectangle(3, 5), mcfast.rectangle(2, 4)):
            numpy.testing.assert_array_equal(
                mcfast.white_tophat(image, footprint, backend="numba"), mcfast.white_tophat(image, footprint)
            )
        numpy.testing.assert_allclose(
            mcfast.guided_filter(image, 4, 1e-2 * white**2, guide=guide, backend="numba"),
            mcfast.guided_filter(image, 4, 1e-2 * white**2, guide=guide),
            rtol=0,
            atol=2e-6 * max(white, float(image.max())),
        )
        centres = numpy.array([[0, 0], [shape[0] - 1, shape[1] - 1]], numpy.int32)
        numpy.testing.assert_array_equal(
            mcfast.gather_patches(image, centres, 6, mean=1.5, std=2.0, backend="numba"),
            mcfast.gather_patches(image, centres, 6, mean=1.5, std=2.0),
        )


def test_out_and_refusals():
    image = make(numpy.uint16, 9, 9, 1)
    place = image.copy()
    assert mcfast.min_filter(place, 3, out=place, backend="numba") is place
    numpy.testing.assert_array_equal(place, mcfast.min_filter(image, 3))
    with pytest.raises(TypeError, match="expected uint8, uint16 or float32, got int64"):
        mcfast.min_filter(image.astype(numpy.int64), 3, backend="numba")
    with pytest.raises(ValueError, match=r"dark_channel\(size\): expected odd sides of at least 1, got \(4, 4\)"):
        mcfast.dark_channel(image, 4, backend="numba")
    with pytest.raises(ValueError, match=r"gather_patches\(centres\): expected pixels of the image"):
        mcfast.gather_patches(image, numpy.array([[9, 0]], numpy.int32), 3, backend="numba")
    with pytest.raises(DeviceError, match="numba computes guided_filter with subsample=1 only"):
        mcfast.guided_filter(image, 2, 1.0, subsample=2, backend="numba")


def test_without_numba(monkeypatch):
    monkeypatch.setattr(backend, "unavailable", lambda: "numba is not installed; install it with pip install numba")
    with pytest.raises(DeviceError, match="backend: numba: numba is not installed; install it"):
        mcfast.min_filter(make(numpy.uint8, 5, 5, 1), 3, backend="numba")


SIMULATED = """
import warnings; warnings.simplefilter("ignore")
import numpy, mcfast
from images import make
from mcfast.backends import numba_gpu as gpu
for dtype in (numpy.uint16,):
    image, guide = make(dtype, 9, 11, 1), make(dtype, 9, 11, 2)
    out, eroded = numpy.empty_like(image), numpy.empty_like(image)
    gpu.min_filter(image, (3, 5), out)
    assert (out == mcfast.min_filter(image, (3, 5))).all()
    planes = numpy.stack([image, guide], axis=2)
    gpu.dark_channel(planes, (5, 3), eroded, out)
    assert (out == mcfast.dark_channel(planes, (5, 3))).all()
    gpu.white_tophat(image, (3, 3), eroded, out)
    assert (out == mcfast.white_tophat(image, mcfast.rectangle(3, 3))).all()
    a, b = numpy.empty(image.shape), numpy.empty(image.shape)
    smooth = numpy.empty(image.shape, numpy.float32)
    gpu.guided_filter(image, guide, 1, 0.01, a, b, smooth)
    numpy.testing.assert_allclose(smooth, mcfast.guided_filter(image, 1, 0.01, guide=guide), rtol=1e-5, atol=1e-5)
    centres = numpy.array([[0, 0], [8, 10], [4, 4]], numpy.int32)
    shift, scale = numpy.full(3, 1.5, numpy.float32), numpy.full(3, 0.5, numpy.float32)
    batch = numpy.empty((3, 1, 5, 5), numpy.float32)
    gpu.gather_patches(image, centres, shift, scale, batch)
    assert (batch == mcfast.gather_patches(image, centres, 5, mean=1.5, std=2.0)).all()
try:
    gpu.min_filter(image, (2, 2), out)
except ValueError as error:
    print(error)
"""


def test_gpu_kernels_in_the_simulator():
    environment = os.environ | {
        "NUMBA_ENABLE_CUDASIM": "1",
        "PYTHONPATH": str(pathlib.Path(mcfast.__file__).parents[1]),
    }
    result = subprocess.run(
        [sys.executable, "-c", SIMULATED],
        cwd=pathlib.Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "expected odd sides of at most 33 with numba on a GPU, got (2, 2)" in result.stdout
