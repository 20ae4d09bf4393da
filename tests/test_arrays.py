"""What comes in comes back: torch tensors, and what is refused."""

import subprocess
import sys

import numpy
import pytest
from images import make

import mcfast


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    image = make(numpy.uint16, 40, 50, 1)
    tensor = torch.from_numpy(image)
    result = mcfast.white_tophat(tensor, mcfast.disk(3))
    assert isinstance(result, torch.Tensor)
    numpy.testing.assert_array_equal(result.numpy(), mcfast.white_tophat(image, mcfast.disk(3)))
    out = torch.empty((40, 50), dtype=torch.float32)
    mcfast.box_mean(tensor, 4, out=out)
    numpy.testing.assert_array_equal(out.numpy(), mcfast.box_mean(image, 4))
    numpy.testing.assert_array_equal(mcfast.dehaze(tensor).numpy(), mcfast.dehaze(image))
    centres = torch.tensor([[5, 6]], dtype=torch.int32)
    assert mcfast.gather_patches(tensor, centres, 8).shape == (1, 1, 8, 8)


class OnAGpu:
    """An array that says it lies on a CUDA device (DLPack device type 2)."""

    def __dlpack__(self, **options):
        raise AssertionError("must not be exported")

    def __dlpack_device__(self):
        return (2, 0)


def test_arrays_in_another_memory_are_refused_by_name():
    image = make(numpy.uint16, 5, 5, 1)
    with pytest.raises(TypeError, match=r"erode\(out\): expected an array in host memory, got .*OnAGpu on a GPU"):
        mcfast.erode(image, mcfast.disk(1), out=OnAGpu())
    for call, name in (
        (lambda: mcfast.erode(OnAGpu(), mcfast.disk(1)), "erode"),
        (lambda: mcfast.sliding_windows(OnAGpu(), 3, 1), "sliding_windows"),
    ):
        with pytest.raises(
            TypeError, match=rf"{name}\(image\): expected __cuda_array_interface__, which .*OnAGpu lacks"
        ):
            call()


def test_import_is_light():
    """`import mcfast` loads NumPy and the core, nothing heavier."""
    code = "import sys, mcfast; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    heavy = {
        "pydicom",
        "imagecodecs",
        "onnxruntime",
        "scipy",
        "PIL",
        "torch",
        "rich",
        "cupy",
        "numba",
        "tensorrt",
        "onnx",
        "cv2",
    }
    assert not loaded & heavy
    assert {"numpy", "mcfast"} <= loaded
