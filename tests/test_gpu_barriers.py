"""Every barrier of our kernels is there for something, and no race escapes the emulated GPU: each is taken out in turn.

One compilation for each barrier; every kernel that stands on the header it was taken from must then be objected to.
"""

import re

import numpy
import pytest
from emulated_device import CHECKED, CSRC, EmulatedDevice, compile_library
from images import make

import mcfast
from mcfast.backends.gpu import noise
from mcfast.backends.gpu.views import view_of

PLANTED = ("-O1", *CHECKED[1:], "-DMCFAST_KERNEL_NOUNS(X)=X(planted)")
BARRIER = "__syncthreads();"
MEMORY = "MC_SHARED(", "MC_DYNAMIC_SHARED("


class OneKernel(EmulatedDevice):
    """Of all that a plan launches, this one alone is run."""

    only = ""

    def launch(self, source, kernel, *others):
        if kernel == self.only:
            super().launch(source, kernel, *others)


def operation(name, *arguments, **options):
    """A kernel as one of an operation's."""
    return lambda device: device.run(name, make(numpy.uint16, 70, 150, 1), *arguments, **options)


def alone(grid, block, *arguments):
    """A kernel by itself: arrays stand for their pointers, `None` for a null pointer."""

    def launch(device):
        pointers = [
            numpy.uint64(one.ctypes.data) if isinstance(one, numpy.ndarray) else numpy.uint64(0) if one is None else one
            for one in arguments
        ]
        device.launch("gpu/mc_gpu.h", device.only, grid, (block,), 0, pointers, 0)

    return launch


def numbers(count, dtype=numpy.float32):
    return numpy.random.default_rng(count).random(count).astype(dtype)


def room(count, dtype):
    return numpy.zeros(count, dtype)


RECTANGLE, DISK = mcfast.rectangle(5, 7), mcfast.disk(5)
FILTER = {"size": (3, 3), "radius": 3, "omega": 0.9, "eps": 1e-3, "t_min": 0.1, "max_value": 4095.0}
COARSE, SMALL = numbers(3000), numpy.int32(3000)
LEVELS, LARGEST = numpy.array([0.9, 0.2], numpy.float32), numpy.array([1 << 40], numpy.uint64)
ENDS = numpy.array([[3, 90]] * 300, numpy.int32)
VALUES, PART = numbers(130 * 500), numpy.array([0, 0, 130, 500], numpy.int32)
INSIDE, FLAGS = numpy.ones(130 * 500, numpy.uint8), numpy.full(3000, 3, numpy.uint8)
INT, FLOAT, DOUBLE, LONG = numpy.int32, numpy.float32, numpy.float64, numpy.int64
CROWD = (300 * numbers(5000)).astype(numpy.int32)

# Header -> what else to include, and its kernels (those of other headers that stand on it, too) with a call of each.
KERNELS = {
    "morphology/rectangle.cuh": ((), {"rectangle<Minimum, uint16_t, Plain>": operation("erode", RECTANGLE)}),
    "morphology/tophat.cuh": ((), {"tophat<White, uint16_t>": operation("white_tophat", RECTANGLE)}),
    "morphology/footprint.cuh": ((), {"footprint<Minimum, uint16_t, Plain>": operation("erode", DISK)}),
    "blur/gaussian.cuh": ((), {"gaussian_blur<uint16_t>": operation("gaussian_blur", 1.5)}),
    "blur/window_sums.cuh": (
        ("blur/box.cuh", "guided/guided.cuh", "noise/noise.cuh"),
        {
            "box_mean<uint16_t, InShared>": operation("box_mean", 3),
            "guided_coefficients<uint16_t, true, InShared>": operation("guided_filter", 3, 1.0),
            "guided_coefficients<uint16_t, false, InShared>": operation(
                "guided_filter", 3, 1.0, guide=make(numpy.uint16, 70, 150, 2)
            ),
            "guided_output<uint16_t, InShared>": operation("guided_filter", 3, 1.0),
            "guided_means<InShared>": operation("guided_filter", 4, 1.0, subsample=2),
            "dehazed<uint16_t, InShared>": operation("dehaze", **FILTER),
            "local_moments<InShared>": operation(
                "noise", plan=lambda call, image: noise_of(call, numbers(70 * 150).reshape(70, 150))
            ),
        },
    ),
    "candidates/candidates.cuh": ((), {"row_offsets": alone((1,), 1024, room(1500, INT), INT(1499))}),
    "mask/ranks.cuh": (
        ("mask/air.cuh", "mask/texture.cuh"),
        {
            "air_limit": alone((1,), 1024, COARSE, SMALL, INT(2984), DOUBLE(0.005), INT(1), room(2, FLOAT)),
            "texture_medians": alone((3,), 1024, COARSE, numbers(3000), FLAGS, LEVELS, LARGEST, SMALL, room(4, FLOAT)),
        },
    ),
    "residual/residual.cuh": ((), {"bound_part": alone((1,), 256, ENDS, INT(300), INT(100), room(4, INT))}),
    "spots/spots.cuh": (
        (),
        {
            "difference_moments": alone(
                *((3,), 128, VALUES, VALUES[::-1].copy(), INSIDE, PART, None, FLOAT(3), room(9, DOUBLE), INT(500)),
            )
        },
    ),
    "selection/selection.cuh": (
        (),
        {
            "choose_strongest": alone(
                *((1,), 1024, numbers(2500), numpy.array([2500], INT), INT(2500), FLOAT(0.1), INT(300)),
                *(room(300, INT), room(1, INT)),
            )
        },
    ),
    "suppression/suppression.cuh": (
        (),
        {
            "suppress": alone(
                *((1,), 1024, CROWD, numbers(2500), numpy.array([2500], INT), INT(4), LONG(15)),
                *(room(2500, INT), room(2500, numpy.uint8)),
            )
        },
    ),
    "tone/tone.cuh": (
        (),
        {"find_tone": alone((1,), 1024, numpy.ones(65536, numpy.uint32), DOUBLE(65535), room(2, DOUBLE))},
    ),
}
BARRIERS = [(header, i) for header in KERNELS for i in range((CSRC / header).read_text().count(BARRIER))]


def noise_of(call, values):
    inside = numpy.ones(values.shape, bool)
    views = [view_of(array.__array_interface__, array) for array in (values, inside)]
    return noise.local_noise(call, *views, 8)


def planted(folder, header, text):
    """The kernels of a header and those that stand on it, with another text in the header's place."""
    others, kernels = KERNELS[header]
    mutant = folder / header
    mutant.parent.mkdir()
    mutant.write_text(text)  # this folder is looked into before ours
    (folder / "planted.cu").write_text(
        '#include "gpu/kernel_table.h"\n'
        + "".join(f'#include "{name}"\n' for name in (header, *others))
        + f"#define KERNELS(X) {' '.join(f'X({kernel})' for kernel in kernels)}\n"
        + "MCFAST_KERNEL_TABLE(planted, KERNELS)\n"
    )
    return OneKernel(compile_library([folder / "planted.cu"], folder, PLANTED, (folder, CSRC)), host_threads=1)


@pytest.mark.parametrize(("header", "barrier"), BARRIERS)
def test_every_barrier_of_our_kernels_is_missed(tmp_path, header, barrier):
    pieces = (CSRC / header).read_text().split(BARRIER)
    device = planted(tmp_path, header, BARRIER.join(pieces[: barrier + 1]) + ";" + BARRIER.join(pieces[barrier + 1 :]))
    for kernel, call in KERNELS[header][1].items():
        device.only = kernel
        with pytest.raises(RuntimeError, match=r"race|unwritten"):
            call(device)


@pytest.mark.parametrize("header", KERNELS)
def test_with_all_of_them_nothing_is_wrong(emulated, header):
    """What is objected to above is the barrier, not the call."""
    device = OneKernel(emulated.library._name, host_threads=1)
    for kernel, call in KERNELS[header][1].items():
        device.only = kernel
        call(device)
        assert kernel in device.launches


def test_no_kernel_with_shared_memory_is_left_out():
    sources = {path.relative_to(CSRC).as_posix(): path.read_text() for path in CSRC.rglob("*.cuh")}
    assert {name for name, text in sources.items() if BARRIER in text} == set(KERNELS)
    covered = {kernel.partition("<")[0] for _, kernels in KERNELS.values() for kernel in kernels}
    defined = re.compile(r"MC_KERNEL void (?:__launch_bounds__\([^)]*\)\s*)?(\w+)\((.*?)\n}\n", re.DOTALL)
    users = {
        kernel
        for text in sources.values()
        for kernel, body in defined.findall(text)
        if any(word in body for word in (BARRIER, *MEMORY, "MC_BLOCK_MEMORY(", "Memory>("))
    }
    assert users == covered
