"""A TensorRT that builds nothing: the same classes and methods as NVIDIA's modules, as far as mcfast calls them.

It is the contract: the adapter runs against it, and `test_tensorrt_api.py` finds every name and parameter that is
defined here in the real modules. Its parameters carry the real ones' names.
"""

from __future__ import annotations

import enum
import types
from typing import ClassVar

import numpy
import onnx
from fake_tensorrt_rtx import DynamicShapesKernelSpecializationStrategy, IHostMemory, IRuntimeCache, IRuntimeConfig


class NetworkDefinitionCreationFlag(enum.IntEnum):
    STRONGLY_TYPED = 1


class Severity(enum.Enum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2


class ILogger:
    Severity = Severity

    def log(self, severity, msg):
        raise NotImplementedError


class ITensor:
    def __init__(self, name):
        self._name = name

    @property
    def name(self):
        return self._name


class INetworkDefinition:
    def __init__(self):
        self._inputs, self._outputs, self._content = [], [], b""

    @property
    def num_inputs(self):
        return len(self._inputs)

    @property
    def num_outputs(self):
        return len(self._outputs)

    def get_input(self, index):
        return self._inputs[index]


class ParserError:
    def desc(self):
        return "no such operator"

    def node_name(self):
        return "some_node"

    def node_operator(self):
        return "Some"


class OnnxParser:
    def __init__(self, network, logger):
        self._network = network
        self._failed = False

    def parse(self, model):
        try:
            graph = onnx.load_from_string(model).graph
        except Exception:
            self._failed = True
            return False
        self._network._inputs = [ITensor(one.name) for one in graph.input]
        self._network._outputs = [ITensor(one.name) for one in graph.output]
        self._network._content = model
        return True

    @property
    def num_errors(self):
        return int(self._failed)

    def get_error(self, index):
        assert index == 0
        return ParserError()


class IOptimizationProfile:
    def __init__(self):
        self._shapes = {}

    def set_shape(self, input, min, opt, max):
        self._shapes[input] = (min, opt, max)


class ITimingCache:
    def __init__(self, content):
        self._content = content

    def serialize(self):
        return IHostMemory(self._content + b"+measured")


class IBuilderConfig:
    def __init__(self):
        self._profiles, self._cache = [], None

    def add_optimization_profile(self, profile):
        self._profiles.append(profile)
        return len(self._profiles) - 1

    def create_timing_cache(self, serialized_timing_cache):
        return ITimingCache(serialized_timing_cache)

    def set_timing_cache(self, cache, ignore_mismatch):
        assert not ignore_mismatch
        self._cache = cache
        return True

    def get_timing_cache(self):
        return self._cache


class TensorIOMode(enum.Enum):
    INPUT = 1
    OUTPUT = 2


class ICudaEngine:
    def __init__(self, content):
        self._content = content
        self._names = [one.name for one in _inputs_and_outputs(content)]

    @property
    def num_io_tensors(self):
        return len(self._names)

    def get_tensor_name(self, index):
        return self._names[index]

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if name == self._names[0] else TensorIOMode.OUTPUT

    def create_execution_context(self, runtime_config=None):
        if runtime_config is not None:
            runtime_config.cache.compiled.add(len(self._content))
        return IExecutionContext(self)

    def create_runtime_config(self):
        return IRuntimeConfig()


class IExecutionContext:
    """Computes with ONNX Runtime, on host memory, when its stream comes to it. `enqueue` puts work on a stream."""

    enqueue = None
    refuses: str | None = None

    def __init__(self, engine):
        import onnxruntime

        self._names, self._addresses, self._shape, self.profiles = engine._names, {}, None, []
        self._session = onnxruntime.InferenceSession(engine._content[len(b"engine ") :])

    def set_optimization_profile_async(self, profile_index, stream_handle):
        self.profiles.append(profile_index)
        return True

    def set_input_shape(self, name, shape):
        assert name == self._names[0]
        assert self.profiles, "no profile was chosen"
        self._shape = shape
        return True

    def get_tensor_shape(self, name):
        return self._output(numpy.zeros(self._shape, numpy.float32)).shape

    def set_tensor_address(self, name, memory):
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle):
        if IExecutionContext.refuses == "execute":
            return False
        (source, target), shape = (self._addresses[name] for name in self._names), self._shape

        def work(memory):
            batch = memory(source, 4 * int(numpy.prod(shape))).view(numpy.float32).reshape(shape)
            result = self._output(batch)
            memory(target, result.nbytes)[:] = result.reshape(-1).view(numpy.uint8)

        IExecutionContext.enqueue(stream_handle, work, (source, target))
        return True

    def _output(self, batch):
        return self._session.run(None, {self._names[0]: batch})[0]


def _inputs_and_outputs(content):
    graph = onnx.load_from_string(content[len(b"engine ") :]).graph
    return [*graph.input, *graph.output]


class Builder:
    """`Builder.built` keeps what was asked for; `Builder.refuses` is a message that a build fails with."""

    built: ClassVar[list] = []
    refuses: str | None = None

    def __init__(self, logger):
        self._logger = logger

    def create_network(self, flags):
        assert flags == 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED
        return INetworkDefinition()

    def create_builder_config(self):
        return IBuilderConfig()

    def create_optimization_profile(self):
        return IOptimizationProfile()

    def build_serialized_network(self, network, config):
        if Builder.refuses is not None:
            self._logger.log(Severity.WARNING, "of no matter")
            self._logger.log(Severity.ERROR, Builder.refuses)
            return None
        Builder.built.append(([profile._shapes for profile in config._profiles], config._cache))
        return IHostMemory(b"engine " + network._content)


class Runtime:
    """`Runtime.refuses` counts the engines that are still to be refused."""

    refuses: int = 0

    def __init__(self, logger):
        self._logger = logger

    def deserialize_cuda_engine(self, serialized_engine):
        if Runtime.refuses > 0 or not serialized_engine.startswith(b"engine "):
            Runtime.refuses -= 1
            self._logger.log(Severity.ERROR, "made by another version")
            return None
        return ICudaEngine(serialized_engine)


CLASSES = (
    *(ILogger, IHostMemory, ITensor, INetworkDefinition, ParserError, OnnxParser, IOptimizationProfile, ITimingCache),
    *(IBuilderConfig, ICudaEngine, IExecutionContext, Builder, Runtime),
)
ENUMS = (NetworkDefinitionCreationFlag, TensorIOMode)
RTX_CLASSES, RTX_ENUMS = (IRuntimeCache, IRuntimeConfig), (DynamicShapesKernelSpecializationStrategy,)
RTX_MEMBERS = ("create_runtime_config",)


def contract(*, rtx: bool = False) -> list[tuple[str, str, list[str] | None]]:
    """(class, member, names of its parameters) of everything public here; `None` for what is no method.

    Of what TensorRT for RTX alone has, if `rtx`.
    """
    found = _contract(*((RTX_CLASSES, RTX_ENUMS) if rtx else (CLASSES, ENUMS)))
    if rtx:
        return [*found, ("ICudaEngine", "create_runtime_config", []), ("ICudaEngine", *_CONTEXT)]
    return [one for one in found if one[1] not in RTX_MEMBERS and one[1:] != _CONTEXT]


_CONTEXT = ("create_execution_context", ["runtime_config"])


def _contract(classes, enums) -> list[tuple[str, str, list[str] | None]]:
    found: list[tuple[str, str, list[str] | None]] = []
    for kind in classes:
        for name, member in vars(kind).items():
            if isinstance(member, types.FunctionType) and (name == "__init__" or not name.startswith("_")):
                if name == "__init__" and kind not in (OnnxParser, Builder, Runtime):
                    continue  # made by other calls, never by us
                found.append((kind.__name__, name, list(member.__code__.co_varnames[1 : member.__code__.co_argcount])))
            elif isinstance(member, property):
                found.append((kind.__name__, name, None))
    found += [(kind.__name__, member.name, None) for kind in enums for member in kind]
    if ILogger not in classes:
        return found
    found += [("ILogger", f"Severity.{member.name}", None) for member in Severity]
    return found
