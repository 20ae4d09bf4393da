"""Run by test_bench_gpu.py in a process of its own: `make gpu`'s engine with NumPy, SciPy, Pillow and torch alone.

Every other package that mcfast knows is hidden, and so is that mcfast is installed. Networks run in torch on the CPU,
as work on the emulated GPU's streams. Arguments: the library of kernels, the folder for results.
"""

import importlib.machinery
import importlib.metadata
import sys

HIDDEN = {
    *("cupy", "highdicom", "imagecodecs", "matplotlib", "numba", "onnx", "onnxruntime", "pydicom", "rich"),
    *("skimage", "tensorrt", "tensorrt_rtx"),
}


class Others(importlib.machinery.PathFinder):
    """Finds what is not hidden."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else super().find_spec(name, path, target)


def not_installed(name):
    raise importlib.metadata.PackageNotFoundError(name)


def run(library, folder):
    import emulated_device
    import fake_cuda
    import torch

    import mcfast
    from benchmarks import gpu_engine, torch_network
    from mcfast.errors import DependencyError

    emulated = emulated_device.EmulatedDevice(library)
    gpu = sys.modules["mcfast._cuda"] = mcfast._cuda = fake_cuda.FakeCuda(emulated)
    from mcfast.backends import cuda

    gpu.constants = lambda: cuda.device(0).constants.values()

    class Executor:
        def __init__(self, network, stream):
            self.network, self.stream = network, stream.handle

        def enqueue(self, source, target, shape):
            def work(memory):
                batch = memory(source, 4 * torch.Size(shape).numel()).view("f4").reshape(shape)
                result = self.network.run(batch)
                memory(target, result.nbytes)[:] = result.reshape(-1).view("u1")

            gpu.enqueue(self.stream, work, (source, target))

        def keep_compiled(self):
            pass

    class Network(torch_network.TorchNetwork):
        def on_stream(self, stream):
            return Executor(self, stream)

    torch_network.load = lambda network, number=0: Network(network, "cpu")
    options = ["--shape", "200", "160", "--spacing-mm", "0.14", "--repeats", "2", "--limit", "60"]
    gpu_engine.main([*options, "--magnify", "clusters", "--out", folder])
    for head in (b"\x89PNG\r\n\x1a\n", bytes(128) + b"DICM"):
        try:
            mcfast.read(head + bytes(200))
        except DependencyError as error:
            print(error)
    print("loaded:", sorted(HIDDEN & set(sys.modules)))


if __name__ == "__main__":
    sys.meta_path[:] = [Others if one is importlib.machinery.PathFinder else one for one in sys.meta_path]
    importlib.metadata.version = not_installed
    run(*sys.argv[1:])
