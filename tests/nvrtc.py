"""NVIDIA's run-time compiler through ctypes: from CUDA C++ to machine code, without a GPU or a driver."""

import ctypes
import importlib.metadata
import pathlib
import re

import pytest


def library():
    """libnvrtc of the package nvidia-cuda-nvrtc, or of the system; skips the test where there is none."""
    names = []
    for package in ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12"):
        try:
            files = importlib.metadata.files(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            if re.fullmatch(r"libnvrtc-builtins\.so\.[\d.]+", file.name):
                ctypes.CDLL(str(file.locate()), ctypes.RTLD_GLOBAL)  # which libnvrtc looks for by its bare name
        names += [str(file.locate()) for file in files if re.fullmatch(r"libnvrtc\.so\.\d+", file.name)]
    for name in (*names, "libnvrtc.so.13", "libnvrtc.so"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    pytest.skip("NVRTC is not installed; install nvidia-cuda-nvrtc")


def compile_kernels(folder, program, kernels, options):
    """(success, log) of compiling `program`, with every header of `folder` at hand, for the named `kernels`."""
    nvrtc = library()
    headers = {path.relative_to(folder).as_posix(): path for path in headers_of(folder)}
    handle = ctypes.c_void_p()
    names = (ctypes.c_char_p * len(headers))(*(name.encode() for name in headers))
    texts = (ctypes.c_char_p * len(headers))(*(path.read_bytes() for path in headers.values()))
    check(nvrtc.nvrtcCreateProgram(ctypes.byref(handle), program.encode(), b"mcfast.cu", len(headers), texts, names))
    try:
        for kernel in kernels:
            check(nvrtc.nvrtcAddNameExpression(handle, kernel.encode()))
        flags = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        failed = nvrtc.nvrtcCompileProgram(handle, len(options), flags)
        size = ctypes.c_size_t()
        check(nvrtc.nvrtcGetProgramLogSize(handle, ctypes.byref(size)))
        log = ctypes.create_string_buffer(size.value)
        check(nvrtc.nvrtcGetProgramLog(handle, log))
        lowered = ctypes.c_char_p()
        for kernel in kernels if not failed else ():
            check(nvrtc.nvrtcGetLoweredName(handle, kernel.encode(), ctypes.byref(lowered)))
        return not failed, log.value.decode()
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(handle))


def headers_of(folder: pathlib.Path):
    return sorted([*folder.rglob("*.cuh"), *(folder / "gpu" / f"{name}.h" for name in ("mc_gpu", "pixel", "warp"))])


def check(error):
    assert error == 0, f"NVRTC reports {error}"


def resources(log):
    """For each kernel of a log of ptxas -v: its mangled name and what it uses."""
    pattern = re.compile(
        r"Compiling entry function '(?P<name>\w+)'.*?(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill "
        r"stores, (?P<loads>\d+) bytes spill loads.*?Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
        re.DOTALL,
    )
    for match in pattern.finditer(log):
        shared = re.search(r"(\d+) bytes smem", match["rest"])
        yield (
            match["name"],
            {
                "stack": int(match["stack"]),
                "spills": int(match["stores"]) + int(match["loads"]),
                "registers": int(match["registers"]),
                "shared": int(shared[1]) if shared else 0,
            },
        )
