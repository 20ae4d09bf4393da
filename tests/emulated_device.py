"""The emulated GPU: every kernel compiled by g++, behind the interface that launch plans use.

The library is built on first use, in some ten seconds, and kept by pytest's cache until a source changes.
"""

import ctypes
import hashlib
import pathlib
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy

from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.operations import PLANS
from mcfast.backends.gpu.views import view_of

CSRC = pathlib.Path(__file__).parents[1] / "csrc"
NOUNS = (
    *("blur", "candidates", "guided", "lookup", "magnify", "mask", "morphology", "noise", "patches", "resample"),
    *("residual", "selection", "spots", "suppression", "tone"),
)
CHECKED = ("-O2", "-DMC_CHECK")
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
GUARD = 256  # bytes of a known value before and after everything that is allocated


def sources():
    """Everything that a kernel is made of."""
    return sorted(path for pattern in ("*.cuh", "*.cu", "gpu/**/*.h", "gpu/**/*.cpp") for path in CSRC.rglob(pattern))


def build(cache, options=CHECKED):
    """The path of the library of all kernels, built with these options."""
    digest = hashlib.sha256("".join(options).encode())
    for path in sources():
        digest.update(path.read_bytes())
    folder = pathlib.Path(cache.mkdir("gpu_on_cpu"))
    library = folder / f"{digest.hexdigest()[:20]}.so"
    if not library.exists():
        for old in sorted(folder.glob("*.so"), key=lambda path: path.stat().st_mtime)[:-4]:
            old.unlink()
        with tempfile.TemporaryDirectory(dir=folder) as work:
            parts = [CSRC / noun / f"{noun}.cu" for noun in NOUNS]
            compile_library(parts, pathlib.Path(work), options).rename(library)
    return library


def compile_library(parts, work, options, includes=(CSRC,)):
    """A library of the kernels in `parts`, made in the folder `work`. Headers are looked for in order."""
    flags = ["-std=c++17", "-fPIC", "-ffp-contract=off", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
    flags += [f"-I{folder}" for folder in includes]

    def compile_part(part):
        built = work / f"{part.stem}.o"
        run(["g++", *flags, *options, "-x", "c++", "-c", part, "-o", built])
        return built

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_part, [*parts, CSRC / "gpu" / "emulation" / "library.cpp"]))
    run(["g++", "-shared", "-pthread", *options, *objects, "-o", work / "library.so"])
    return work / "library.so"


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-4000:]


class Host:
    """Host memory in place of a device's, between two guards."""

    def __init__(self, size):
        self.array = numpy.full(size + 2 * GUARD, 0xA5, numpy.uint8)
        self.pointer = self.array.ctypes.data + GUARD

    @property
    def is_intact(self):
        return (self.array[:GUARD] == 0xA5).all() and (self.array[-GUARD:] == 0xA5).all()


class EmulatedDevice:
    """A `Device` on which kernels run to their end as they are launched."""

    def __init__(self, library, *, host_threads=2, shuffle=False, seed=0):
        self.library = ctypes.CDLL(str(library))
        self.library.mcfast_kernel_name.restype = ctypes.c_char_p
        self.options = host_threads, shuffle, seed
        self.lock, self.scratches, self.constants, self.launches = threading.RLock(), {}, {}, []
        self.memories = []

    def kernels(self):
        """The names of all kernels."""
        names = []
        while (name := self.library.mcfast_kernel_name(len(names))) is not None:
            names.append(name.decode())
        return names

    def launch(self, source, kernel, grid, block, shared_bytes, arguments, stream):
        assert (CSRC / source).is_file()
        self.launches.append(kernel)
        values = [numpy.atleast_1d(numpy.array(value)) for value in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(value.ctypes.data for value in values))
        sizes = (ctypes.c_size_t * len(values))(*(value.itemsize for value in values))
        message = ctypes.create_string_buffer(1000)
        three = [(ctypes.c_uint * 3)(*(*shape, 1, 1)[:3]) for shape in (grid, block)]
        host_threads, shuffle, seed = self.options
        failed = self.library.mcfast_launch(
            *(kernel.encode(), *three, ctypes.c_size_t(shared_bytes), pointers, sizes, len(values)),
            *(host_threads, int(shuffle), seed, message, ctypes.c_size_t(len(message))),
        )
        if failed:
            raise RuntimeError(message.value.decode())

    def allocate(self, size, stream):
        self.memories.append(Host(size))
        return self.memories[-1]

    def upload(self, array, stream):
        memory = Host(array.nbytes)
        memory.array[GUARD : GUARD + array.nbytes] = numpy.frombuffer(array.tobytes(), numpy.uint8)
        return memory

    def read(self, view, stream):
        size = int(numpy.prod(view.shape)) * view.dtype.itemsize
        buffer = (ctypes.c_char * size).from_address(view.pointer)
        return numpy.frombuffer(bytes(buffer), view.dtype).reshape(view.shape)

    def empty(self, shape, dtype, like, stream):
        size = int(numpy.prod(shape)) * numpy.dtype(dtype).itemsize
        memory = self.allocate(size, stream)
        inner = memory.array[GUARD : GUARD + size].view(dtype).reshape(shape)
        return inner, view_of(inner.__array_interface__, inner)

    def run(self, operation, image, *args, plan=None, **options):
        """Call an operation as the dispatcher does, on NumPy arrays in place of a device's."""
        views = {key: self._view(value) for key, value in options.items()}
        with Call(self, 0, image) as call:
            result = (plan or PLANS[operation])(call, self._view(image), *args, **views)
        assert all(memory.is_intact for memory in self.memories), f"{operation} wrote outside its arrays"
        return result

    @staticmethod
    def _view(value):
        return view_of(value.__array_interface__, value) if isinstance(value, numpy.ndarray) else value
