"""An engine on the emulated GPU: the real device pipeline over stand-ins for `_cuda` and TensorRT."""

import sys
from contextlib import contextmanager

import fake_cuda
import fake_tensorrt
import pytest

import mcfast
from mcfast.backends import cuda
from mcfast.runtimes import tensorrt
from mcfast.runtimes.tensorrt import Library
from mcfast.runtimes.tensorrt.device import Device


@contextmanager
def emulated_gpu(emulated, folder):
    """`_cuda` and TensorRT for RTX, as far as the device engine can tell; the stand-in for `_cuda`."""
    with pytest.MonkeyPatch.context() as patch:
        gpu = fake_cuda.FakeCuda(emulated)
        patch.setitem(sys.modules, "mcfast._cuda", gpu)
        patch.setattr(mcfast, "_cuda", gpu, raising=False)
        patch.setattr(tensorrt, "find_library", lambda: Library("tensorrt_rtx", "1.7", fake_tensorrt))
        patch.setattr(tensorrt, "find_device", lambda number=0: Device("Emulated GPU", "9.0", "13.0"))
        patch.setattr(fake_tensorrt.IExecutionContext, "enqueue", gpu.enqueue)
        patch.setattr(fake_tensorrt.IExecutionContext, "refuses", None)
        patch.setenv("MCFAST_CACHE", str(folder))
        for kept in (cuda.unavailable, cuda.device):
            kept.cache_clear()
        gpu.constants = lambda: cuda.device(0).constants.values()
        try:
            yield gpu
        finally:
            for kept in (cuda.unavailable, cuda.device):
                kept.cache_clear()
