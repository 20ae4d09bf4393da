"""What TensorRT for RTX alone has, as far as mcfast calls it: kernels that are compiled when an engine is run, and kept."""

from __future__ import annotations

import enum


class IHostMemory(bytes):
    @property
    def nbytes(self):
        return len(self)


class DynamicShapesKernelSpecializationStrategy(enum.Enum):
    LAZY = 0
    EAGER = 1


class IRuntimeCache:
    """What has been compiled: the engines that contexts were made of. `IRuntimeCache.refuses` what another GPU has."""

    refuses: bool = False

    def __init__(self):
        self.compiled = set()

    def deserialize(self, blob):
        if IRuntimeCache.refuses or not blob.startswith(b"compiled "):
            return False
        self.compiled |= {int(word) for word in blob.split()[1:]}
        return True

    def serialize(self):
        return IHostMemory(b" ".join([b"compiled", *(b"%d" % one for one in sorted(self.compiled))]))


class IRuntimeConfig:
    def __init__(self):
        self.cache = None
        self._strategy = DynamicShapesKernelSpecializationStrategy.LAZY

    @property
    def dynamic_shapes_kernel_specialization_strategy(self):
        return self._strategy

    @dynamic_shapes_kernel_specialization_strategy.setter
    def dynamic_shapes_kernel_specialization_strategy(self, strategy):
        self._strategy = strategy

    def create_runtime_cache(self):
        return IRuntimeCache()

    def set_runtime_cache(self, cache):
        self.cache = cache
        return True
