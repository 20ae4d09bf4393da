"""The module `_cuda` over the emulated GPU: kernels compute, but nothing is done before the host waits for it.

It objects to what on a GPU would be wrong now and then: memory used after it was freed or by two streams without a wait
between them, an upload whose source the host has changed before it was read, allocating or waiting while a graph is
captured. What is to be downloaded holds garbage until the host has waited. It does not show what NVIDIA's libraries do.
"""

import ctypes
import threading
import types
import zlib
from time import perf_counter

import numpy

POISON = 0xA5


class Block:
    """Memory of the GPU. It is never given back, so that a use after `free` is noticed."""

    def __init__(self, size, stream):
        self.bytes = numpy.full(size, POISON, numpy.uint8)
        self.first, self.end = self.bytes.ctypes.data, self.bytes.ctypes.data + size
        self.stream = stream
        self.freed = False
        self.last_write, self.last_reads = None, {}


class Work:
    """One piece of work on a stream."""

    def __init__(self, name, run, reads=(), writes=()):
        self.name, self.run, self.reads, self.writes = name, run, reads, writes

    def again(self):
        return Work(self.name, self.run, self.reads, self.writes)


class FakeCuda(types.ModuleType):
    def __init__(self, emulated):
        super().__init__("mcfast._cuda")
        self.emulated = emulated
        self.blocks, self.streams, self.log = [], {}, []
        self.capturing = self.recorded = None
        self.graphs = 0
        self.constants = lambda: ()
        gpu = self

        class DeviceMemory:
            def __init__(self, size, device, stream):
                self._block = Block(size, stream)
                assert not gpu.captures_here, "memory is allocated while a graph is captured"
                self.pointer = self._block.first
                gpu.blocks.append(self._block)

            def __del__(self):
                assert self._block.stream in gpu.streams or self._block.stream == 0
                self._block.freed = True

        def pinned_memory(size):
            assert not gpu.captures_here, "memory is pinned while a graph is captured"
            return numpy.full(size, POISON, numpy.uint8)

        class Stream:
            def __init__(self, device):
                assert device == 0
                self.handle, self.device = 0x1000 + len(gpu.streams), device
                gpu.streams[self.handle] = []

            def synchronize(self):
                gpu.synchronize(self.handle, 0)

        class Event:
            def record(self, stream):
                assert not gpu.captures_here
                self.stream = stream
                self.work = gpu.put(stream, Work("event", self._stamp))

            def _stamp(self):
                self.time = perf_counter()

            def synchronize(self):
                gpu.run(self.stream, self.work)

            def since(self, earlier):
                earlier.synchronize()
                self.synchronize()
                return 1e3 * (self.time - earlier.time)

        class Graph:
            def __init__(self, stream, record):
                assert gpu.capturing is None
                gpu.capturing, gpu.recorded = (stream.handle, threading.get_ident()), []
                gpu.graphs += 1
                try:
                    record()
                finally:
                    self._work, gpu.capturing, gpu.recorded = gpu.recorded, None, None

            def launch(self, stream):
                gpu.log.append("graph")
                for work in self._work:
                    gpu.put(stream.handle, work.again())

        self.DeviceMemory, self.Stream, self.Event, self.Graph = DeviceMemory, Stream, Event, Graph
        self.PinnedMemory = pinned_memory
        self.versions = lambda: (13000, 13000)
        self.device_count = lambda: 1

    @property
    def captures_here(self):
        """Whether this thread captures a graph: others may allocate and wait meanwhile."""
        return self.capturing is not None and self.capturing[1] == threading.get_ident()

    def properties(self, device):
        return {"name": "Emulated GPU", "compute_capability": "9.0"}

    def launch(self, kernel, grid, block, shared_bytes, values, stream, device):
        touched = [one for one in (self.block_at(int.from_bytes(v, "little")) for v in values if len(v) == 8) if one]
        constant = {self.block_at(memory.pointer) for memory, _ in self.constants()}
        arguments = [numpy.void(value) for value in values]

        def run():
            self.emulated.launch("gpu/mc_gpu.h", kernel, grid, block, shared_bytes, arguments, 0)

        reads = [one for one in touched if one in constant]
        self.put(stream, Work(kernel, run, reads, [one for one in touched if one not in constant]))

    def copy(self, to, from_, size, stream, device):
        source, target = self.block_at(from_, size), self.block_at(to, size)
        assert source or target, "neither end is on the GPU"
        if target is None:
            ctypes.memset(to, POISON, size)
        before = None if source else zlib.crc32(ctypes.string_at(from_, size))

        def run():
            unchanged = before is None or before == zlib.crc32(ctypes.string_at(from_, size))
            assert unchanged, "the host has changed what it uploads before it was read"
            ctypes.memmove(to, from_, size)

        name = "upload" if source is None else "download" if target is None else "move"
        self.put(stream, Work(name, run, [source] if source else [], [target] if target else []))

    def enqueue(self, stream, work, pointers):
        """A network's work, as the stand-in for TensorRT gives it."""
        blocks = [self.block_at(pointer) for pointer in pointers]
        assert None not in blocks, "a network reads and writes memory of the GPU"
        self.put(stream, Work("network", lambda: work(self.memory), blocks[:1], blocks[1:]))

    def memory(self, pointer, size):
        block = self.block_at(pointer, size)
        return block.bytes[pointer - block.first :][:size]

    def block_at(self, pointer, size=1):
        for block in reversed(self.blocks):
            if block.first <= pointer < block.end:
                assert pointer + size <= block.end, "beyond the end of an array"
                return block
        return None

    def put(self, stream, work):
        """Check a piece of work, and put it at the end of a stream."""
        if self.captures_here and stream == self.capturing[0]:
            self.recorded.append(work)
            return work
        assert stream in self.streams or stream == 0, "on a stream that there is not"
        work.done = False
        for block in (*work.reads, *work.writes):
            assert not block.freed, f"{work.name} uses memory that was freed"
            self._check_order(work, stream, block.last_write)
        for block in work.writes:
            for other in block.last_reads.items():
                self._check_order(work, stream, other)
            block.last_write, block.last_reads = (stream, work), {}
        for block in work.reads:
            block.last_reads[stream] = work
        self.log.append(work.name)
        self.streams.setdefault(stream, []).append(work)
        return work

    @staticmethod
    def _check_order(work, stream, before):
        safe = before is None or before[0] == stream or before[1].done
        assert safe, f"{work.name} and {before[1].name} use one array on two streams, and neither waits for the other"

    def run(self, stream, last):
        """Do the work of a stream, up to `last`; that of other streams waits."""
        assert not self.captures_here, "the host waits while a graph is captured"
        while not last.done:
            work = self.streams[stream].pop(0)
            work.run()
            work.done = True

    def synchronize(self, stream, device):
        queue = self.streams.get(stream)
        if queue:
            self.run(stream, queue[-1])
