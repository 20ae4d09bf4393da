"""A network's engines on one stream: execution contexts, each kept at the shape that it was last used for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mcfast.errors import DeviceError
from mcfast.runtimes.tensorrt.library import Library
from mcfast.runtimes.tensorrt.profiles import Plan
from mcfast.runtimes.tensorrt.runtime_cache import CompiledKernels

__all__ = ["TensorrtExecutor"]

Sizes = tuple[int, ...]


@dataclass
class _Context:
    """An execution context with its tensors' names, and what it was last set to."""

    context: Any
    kernels: CompiledKernels
    input: str
    output: str
    profile: int = field(default=-1)
    shape: Sizes = ()


class TensorrtExecutor:
    """Puts batches on one stream. Not for two threads at once.

    Parameters
    ----------
    name
        Of the network, for messages.
    library
        Whose engines.
    choose
        The plan and the number of its profile for a shape.
    open_engine
        The opened engine of a plan.
    stream
        Handle of the stream.
    """

    def __init__(
        self,
        name: str,
        library: Library,
        choose: Callable[[Sizes], tuple[Plan, int]],
        open_engine: Callable[[Plan], tuple[Any, CompiledKernels]],
        stream: int,
    ) -> None:
        self._name, self._library, self._stream = name, library, stream
        self._choose, self._open = choose, open_engine
        # One for each plan: a context holds scratch memory for the largest shape of its plan.
        self._contexts: dict[str, _Context] = {}

    def enqueue(self, source: int, target: int, shape: Sizes) -> None:
        """Put a batch on the stream: float32 NCHW at `source`, the output to `target`; waits for nothing.

        Raises
        ------
        ConfigError
            If rows and columns fit no engine.
        DeviceError
            If an engine can be neither built nor loaded, or does not run.
        """
        one = self.prepare(shape)
        for name, pointer in ((one.input, source), (one.output, target)):
            self._check(one.context.set_tensor_address(name, pointer), "set_tensor_address")
        self._check(one.context.execute_async_v3(self._stream), "execute_async_v3")

    def output_shape(self, shape: Sizes) -> Sizes:
        """The shape of the output for an input's."""
        one = self.prepare(shape)
        return tuple(one.context.get_tensor_shape(one.output))

    def prepare(self, shape: Sizes) -> _Context:
        """A context set to a shape; the first call for a plan opens its engine, which may have to be built."""
        plan, profile = self._choose(shape)
        one = self._context(plan)
        if profile != one.profile:
            self._check(
                one.context.set_optimization_profile_async(profile, self._stream), "set_optimization_profile_async"
            )
            one.profile, one.shape = profile, ()
        if shape != one.shape:
            self._check(one.context.set_input_shape(one.input, shape), "set_input_shape")
            one.shape = shape
        return one

    def keep_compiled(self) -> None:
        """Keep what has been compiled for this GPU, for the next process. To be called when the stream is idle."""
        for one in self._contexts.values():
            one.kernels.keep()

    def _context(self, plan: Plan) -> _Context:
        if plan.name not in self._contexts:
            engine, kernels = self._open(plan)
            context = kernels.context()
            if context is None:
                raise DeviceError(
                    f"{self._library.name} {self._library.version}: no execution context for engine {plan.name!r}; is "
                    "memory left?"
                )
            names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
            is_input = self._library.module.TensorIOMode.INPUT
            (source,) = (name for name in names if engine.get_tensor_mode(name) == is_input)
            (result,) = (name for name in names if name != source)
            self._contexts[plan.name] = _Context(context, kernels, source, result)
        return self._contexts[plan.name]

    def _check(self, succeeded: bool, call: str) -> None:
        if not succeeded:
            version = f"{self._library.name} {self._library.version}"
            raise DeviceError(f"{self._name}.run(batch): {version} fails in {call}; its log says more")
