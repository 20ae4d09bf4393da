"""The emulated GPU finds what it is there to find: faults planted in small kernels and in our own."""

import os
import pathlib
import re
import subprocess
import sys

import emulated_device
import numpy
import pytest
from emulated_device import CHECKED, SANITIZED, EmulatedDevice, compile_library

import mcfast

HERE = pathlib.Path(__file__).parent
PLANTED = (*CHECKED, "-DMCFAST_KERNEL_NOUNS(X)=X(planted)")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    work = tmp_path_factory.mktemp("planted")
    library = compile_library([HERE / "gpu_on_cpu" / "planted.cu"], work, PLANTED)
    return lambda **options: EmulatedDevice(library, host_threads=1, **options)


def reverse(device, kernel):
    values = numpy.arange(64, dtype=numpy.int32)
    result = numpy.zeros(64, numpy.int32)
    pointers = [numpy.uint64(array.ctypes.data) for array in (values, result)]
    device.launch("gpu/mc_gpu.h", kernel, (1,), (64,), 0, pointers, 0)
    return result


@pytest.mark.parametrize("seed", range(3))
def test_a_right_kernel_passes(planted, seed):
    assert (reverse(planted(shuffle=seed > 0, seed=seed), "right") == numpy.arange(64)[::-1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_right_atomics_pass(planted, seed):
    counts = reverse(planted(shuffle=seed > 0, seed=seed), "right_atomics")
    assert counts.tolist() == [3] * 21 + [1] + [0] * 42


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ("missing_barrier", "read of unwritten shared memory|write-read race|read-write race"),
        ("write_race", "write-write race at element"),
        ("read_race", "write-read race|read-write race"),
        ("atomic_race", "write-read race|read-write race"),
        ("atomic_start", "read of unwritten shared memory|write-write race"),
        ("unwritten", "read of unwritten shared memory at element 64"),
        ("out_of_range", "shared memory index out of range at element 64"),
        ("early_exit", re.escape("divergent __syncthreads(): 41 of 64 threads arrived")),
        ("two_barriers", re.escape("threads wait at different __syncthreads(), in lines")),
        ("missing_lanes", "divergent warp operation: 8 of 32 lanes arrived"),
        ("no_such_kernel", "no such kernel"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_planted_faults_are_found_in_any_order_of_threads(planted, kernel, message, seed):
    with pytest.raises(RuntimeError, match=f"{kernel}: ({message})"):
        reverse(planted(shuffle=seed > 0, seed=seed), kernel)


def test_arguments_of_another_size_are_refused(planted):
    with pytest.raises(RuntimeError, match="right: arguments of other sizes"):
        planted().launch("gpu/mc_gpu.h", "right", (1,), (64,), 0, [numpy.uint64(0), numpy.int32(0)], 0)


def under_sanitizers(library, code):
    """Run Python code in a process that has AddressSanitizer from its start."""
    runtime = subprocess.run(["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = os.environ | {
        "LD_PRELOAD": str(pathlib.Path(runtime.stdout.strip()).resolve()),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join([str(pathlib.Path(mcfast.__file__).parents[1]), str(HERE.parent)]),
    }
    head = f"from emulated_device import EmulatedDevice; device = EmulatedDevice({str(library)!r}, host_threads=1)\n"
    return subprocess.run(
        [sys.executable, "-c", head + code], cwd=HERE, env=environment, capture_output=True, text=True, check=False
    )


SANITIZED_RUN = """
import numpy, mcfast
from benchmarks.gpu_images import dark_breast
from images import DTYPES, make
from mcfast.backends.gpu import magnify, residual, suppression, tone
def flatten(call, image, mask):
    even = tone.find_tone(call, image, mask, max_value=4095.0)
    residual.flatten(call, image, mask, max_value=4095.0, skin_px=6, border_px=3, window_px=12, tone=even)
dark = dark_breast(700, 600)
inside = device.run("breast_mask", dark, 0.1, max_value=4095.0)
device.run("residual", dark, plan=flatten, mask=inside)
assert inside.mean() > 0.5 and "texture_medians" in device.launches and "tone_table" in device.launches
device.run("breast_mask", dark[:99, :99], 0.1, max_value=4095.0, valid=inside[:99, :99])
rng = numpy.random.default_rng(1)
for count in (0, 1, 2000):
    lists = {"scores": rng.random(2000, numpy.float32), "count": numpy.array([count], numpy.int32)}
    places, out = rng.integers(0, 300, (2000, 2)).astype(numpy.int32), numpy.zeros(2000, bool)
    device.run("suppress", places, plan=suppression.suppress, distance=4.0, out=out, **lists)
for rows, columns in ((1, 1), (37, 131)):
    unit, out, between = (make(kind, 2 * rows, 2 * columns, 1) for kind in ("float32", "uint16", "uint16"))
    around = {"mask": make("uint8", rows, columns, 1) > 100, "interpolated": between}
    for large in (unit, unit.reshape(1, 4, rows, columns)):
        device.run("magnified", large, 255.0, plan=magnify.magnified, out=out)
        device.run("magnified", large, 255.0, plan=magnify.magnified, out=out, **around)
for dtype in DTYPES:
    for rows, columns in ((1, 1), (37, 131)):
        image, white = make(dtype, rows, columns, 1), 1.0 if dtype == numpy.float32 else 255.0
        centres = numpy.array([[0, 0], [rows - 1, columns - 1]], numpy.int32)
        device.run("white_tophat", image, mcfast.rectangle(5, 7))
        device.run("black_tophat", image, mcfast.disk(4))
        device.run("dehaze", image, size=(5, 5), radius=4, omega=0.9, eps=1e-3, t_min=0.1, max_value=white)
        device.run("guided_filter", image, 3, 0.1 * white**2, subsample=2)
        device.run("box_mean", image, 2)
        device.run("gaussian_blur", image, 1.5)
        device.run("box_mean", numpy.resize(image, (rows, 5 * columns)), 600)
        device.run("sliding_windows", image, (1, 1), (1, 1))
        device.run("resample", image, (0.7, 1.6))
        device.run("gather_patches", image, 6, centres=centres, dtype=numpy.float16)
        device.run("local_maxima", image, 2, threshold=0.0)
        device.run("breast_mask", image, 0.5, max_value=white, valid=image > image.mean() / 8)
        if dtype != numpy.float32:
            device.run("lookup", image, table=numpy.arange(100, dtype=numpy.uint16))
print("clean")
"""
BEYOND = """
import numpy
image, out = numpy.zeros((8, 16), numpy.uint16), numpy.zeros((9, 16), numpy.uint16)
pointer = lambda array: numpy.uint64(array.ctypes.data)
arguments = (pointer(image), numpy.int64(16), pointer(out), numpy.int64(16), numpy.int32(9), numpy.int32(16))
device.launch("lookup/lookup.cuh", "copy_pixels<uint16_t>", (1, 3), (64, 4), 0, arguments, 0)
"""


def test_no_kernel_reads_or_writes_outside_its_arrays(pytestconfig):
    library = emulated_device.build(pytestconfig.cache, SANITIZED)
    result = under_sanitizers(library, SANITIZED_RUN)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout == "clean\n"
    beyond = under_sanitizers(library, BEYOND)  # told that the image has one row more than it has
    assert beyond.returncode != 0
    assert "heap-buffer-overflow" in beyond.stderr
    assert "lookup.cuh" in beyond.stderr
