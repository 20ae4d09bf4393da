"""ONNX bytes -> engine bytes, by whichever TensorRT there is. Only calls that 10, 11 and RTX have in common."""

from __future__ import annotations

from typing import Any

from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes.tensorrt.library import Library
from mcfast.runtimes.tensorrt.profiles import Plan

__all__ = ["build_engine", "collecting_logger", "open_engine"]

_SEVERE = ("INTERNAL_ERROR", "ERROR")


def collecting_logger(module: Any) -> Any:
    """A logger of `module` that prints nothing and keeps errors in its list `errors`."""

    class CollectingLogger(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity.name in _SEVERE:
                self.errors.append(" ".join(message.split()))

    return CollectingLogger()


def build_engine(
    library: Library, network: bytes, plan: Plan, timing_cache: bytes | None = None
) -> tuple[bytes, bytes | None]:
    """Build an engine: always strongly typed, so that the file's own types are those of the engine.

    Parameters
    ----------
    library
        Of `find_library`.
    network
        Of `mcfast.nets.engine_form`.
    plan
        Shapes to build for.
    timing_cache
        What an earlier build on this GPU has measured; `b""` if nothing has been, `None` to measure for this build
        alone.

    Returns
    -------
    The engine, and the timing cache with what this build has measured, if there is one. TensorRT for RTX gives
    the same bytes every time.

    Raises
    ------
    ConfigError
        If the network cannot be parsed; the message has the parser's.
    DeviceError
        If the engine cannot be built here, as without a GPU by TensorRT 10 and 11.
    """
    trt = library.module
    logger = collecting_logger(trt)
    builder = _made(library, logger, lambda: trt.Builder(logger))
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, logger)
    # An empty file is a network of nothing to the parser.
    if not network or not parser.parse(network):
        causes = (
            [_parser_error(parser.get_error(index)) for index in range(parser.num_errors)]
            or logger.errors
            or ["it is empty"]
        )
        raise ConfigError(
            f"network ({len(network)} bytes): {library.name} {library.version} cannot parse it "
            f"({'; '.join(causes)[:300]}); give an intact ONNX file of plain layers"
        )
    if definition.num_inputs != 1 or definition.num_outputs != 1:
        raise ConfigError(
            f"network ({len(network)} bytes): expected one input and one output, got {definition.num_inputs} and "
            f"{definition.num_outputs}; export it again"
        )
    config = builder.create_builder_config()
    for profile in plan.profiles:
        shapes = builder.create_optimization_profile()
        shapes.set_shape(definition.get_input(0).name, profile.smallest, profile.usual, profile.largest)
        config.add_optimization_profile(shapes)
    cache = None
    if library.has_timing_cache and timing_cache is not None:
        cache = config.create_timing_cache(timing_cache)
        config.set_timing_cache(cache, False)
    built = builder.build_serialized_network(definition, config)
    if built is None:
        raise DeviceError(
            f"engine {plan.name!r}: {library.name} {library.version} cannot build it here ({_last(logger)}); "
            "mcfast info says what this machine has"
        )
    return bytes(built), None if cache is None else bytes(config.get_timing_cache().serialize())


def open_engine(library: Library, engine: bytes) -> Any:
    """The engine ready for execution contexts.

    Raises
    ------
    DeviceError
        If the library refuses it: another version, another GPU, no GPU, damaged bytes.
    """
    logger = collecting_logger(library.module)
    runtime = _made(library, logger, lambda: library.module.Runtime(logger))
    opened = runtime.deserialize_cuda_engine(engine)
    if opened is None:
        raise DeviceError(f"{library.name} {library.version}: refuses the engine ({_last(logger)})")
    return opened


def _made(library: Library, logger: Any, make: Any) -> Any:
    try:
        made = make()
    except Exception as error:
        raise DeviceError(f"{library.name} {library.version}: does not work here ({error}; {_last(logger)})") from error
    if made is None:
        raise DeviceError(f"{library.name} {library.version}: does not work here ({_last(logger)})")
    return made


def _parser_error(error: Any) -> str:
    where = error.node_name() or error.node_operator()
    return f"{where}: {error.desc()}" if where else str(error.desc())


def _last(logger: Any) -> str:
    return logger.errors[-1][:300] if logger.errors else "it gives no reason"
