"""NVIDIA's compilers take every kernel, and none of them uses more of a GPU than it may."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import nvrtc
import pytest
from emulated_device import CSRC

from mcfast.backends import cupy as cupy_backend

HERE = pathlib.Path(__file__).parent
SOURCES = sorted(path.relative_to(CSRC).as_posix() for path in CSRC.rglob("*.cuh") if "MC_KERNEL" in path.read_text())
ARCHITECTURES = ("80", "90", "120")
BUDGETS = json.loads((HERE / "gpu_on_cpu" / "kernel_resources.json").read_text())


def kernels_of(source, emulated):
    """Every instance of the kernels that a source defines."""
    text = (CSRC / source).read_text()
    defined = re.findall(r"MC_KERNEL void (?:__launch_bounds__\([^)]*\)\s*)?(\w+)\(", text)
    return [kernel for kernel in emulated.kernels() if kernel.partition("<")[0] in defined]


def test_sources_are_where_the_cupy_backend_looks():
    assert cupy_backend.source_folder() == CSRC
    assert len(SOURCES) >= 10


def test_every_kernel_has_a_source(emulated):
    found = [kernel for source in SOURCES for kernel in kernels_of(source, emulated)]
    assert sorted(found) == sorted(emulated.kernels())


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nvrtc_compiles_within_budget(emulated, architecture, source):
    """With the CuPy backend's own program and options, down to machine code."""
    kernels = kernels_of(source, emulated)
    options = (*cupy_backend.OPTIONS, f"--gpu-architecture=sm_{architecture}", "--ptxas-options=-v")
    compiled, log = nvrtc.compile_kernels(CSRC, cupy_backend.program(source), kernels, options)
    assert compiled, log[:3000]
    used = dict(nvrtc.resources(log))
    for mangled, use in used.items():
        length, rest = re.search(r"mcfast3gpu(\d+)(\w+)", mangled).groups()
        # Sums in scratch memory are for the widest windows; they may take what the launch bounds leave.
        kernel = rest[: int(length)] + (" InGlobal" if "InGlobal" in mangled else "")
        assert use["stack"] == use["spills"] == 0, f"{mangled}: {use}"
        assert use["registers"] <= BUDGETS[kernel]["registers"], f"{mangled}: {use}"
        assert use["shared"] <= BUDGETS[kernel]["shared"], f"{mangled}: {use}"
    assert len(used) >= len(kernels)


def test_budgets_keep_multiprocessors_busy():
    """The 65,536 registers of a multiprocessor (7.5 to 12.0) are enough for 640 threads, 512 for the widest windows."""
    for kernel, budget in BUDGETS.items():
        blocks = 65536 // (-(-budget["registers"] // 8) * 8 * budget["threads"])
        assert blocks * budget["threads"] >= (512 if "InGlobal" in kernel else 640), kernel


def test_without_a_driver_the_module_is_imported_and_says_why():
    code = (
        "from mcfast import _cuda\n"
        "assert len(_cuda.kernels()) > 50\n"
        "from mcfast.backends import cuda\n"
        "print(cuda.unavailable())\n"
    )
    without = "" if shutil.which("nvcc") else "; this machine has no nvcc to build it"
    pytest.importorskip("mcfast._cuda", reason=f"this build has no GPU module{without}")
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=HERE.parent,
        env={"CUDA_VISIBLE_DEVICES": "", "PATH": "/usr/bin"},
    )
    assert "cudaErrorInsufficientDriver" in result.stdout or "cudaErrorNoDevice" in result.stdout, result.stdout


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="this machine has no nvcc on its PATH")
def test_nvcc_compiles_the_smallest_table(tmp_path):
    """nvcc takes the tables, too; the whole module is a build of its own (MCFAST_CUDA=ON)."""
    command = ["nvcc", "-std=c++17", "-arch=sm_90", "-fmad=false", "-Werror=all-warnings", f"-I{CSRC}"]
    command += [
        "-Xptxas",
        "-warn-spills,-warn-lmem-usage",
        "-c",
        CSRC / "resample" / "resample.cu",
        "-o",
        tmp_path / "resample.o",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
