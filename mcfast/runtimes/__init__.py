"""Ways to run a network: ONNX in, batches through. One file per runtime, each imported when it is first asked for.

network = mcfast.runtimes.load(mcfast.nets.weights("fsrcnn"), threads=2)
large = network.run(small)          # (N, 1, H, W) float32 -> (N, 1, 2 H, 2 W) float32
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes.network import PRECISIONS, Network, Precision, Shape, StreamExecutor
from mcfast.runtimes.threads import thread_count

__all__ = ["PRECISIONS", "RUNTIMES", "Network", "Precision", "Shape", "StreamExecutor", "available", "load"]
__all__ += ["thread_count"]

RUNTIMES = ("onnxruntime", "native", "tensorrt")
_AUTO = ("native", "onnxruntime", "tensorrt")
_CAN: dict[str, tuple[Precision, ...]] = {
    "onnxruntime": ("float32",),
    "native": ("float32",),
    "tensorrt": ("float32", "float16"),
}


def load(
    network: bytes | str | os.PathLike[str],
    runtime: str = "onnxruntime",
    *,
    threads: int | None = None,
    precision: Precision = "float32",
    shapes: Sequence[tuple[int, ...]] | None = None,
) -> Network:
    """Make a network ready to run.

    Parameters
    ----------
    network
        The bytes of an ONNX file with one float32 input and one output, or the file's path.
    runtime
        One of `RUNTIMES`: `"onnxruntime"` runs any network on the CPU, and is what the others are compared with;
        `"native"` FSRCNN only, several times as fast; `"tensorrt"` runs on a GPU (see docs/engines.md). `"auto"`: the
        first of native, onnxruntime and tensorrt that takes network, precision and shapes.
    threads
        How many threads one `run` may use; `None` is `MCFAST_THREADS`, else the processors this process may use. Calls
        from several threads run at the same time, so a caller that makes its own threads wants 1. Of no meaning on a
        GPU.
    precision
        What it computes in: `"float32"`, with `"tensorrt"` also `"float16"`. Batches and outputs are float32.
    shapes
        NCHW shapes of batches to come: `"tensorrt"` has their engines built and opened when this returns, the others
        need no more than that they fit. Batches of other shapes run as well; `None` makes nothing ready ahead.

    Returns
    -------
    Network
        Safe to share between threads. Loading takes milliseconds, but for engines that are to be built: load once and
        keep it.

    Raises
    ------
    ConfigError
        If there is no such runtime, the file cannot be read, it is no network that the runtime can run, the runtime
        does not have the precision, or the network does not take one of the shapes.
    DeviceError
        If the runtime is not installed or does not work here; the message says why.
    ValueError
        If `threads` is below 1.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"runtimes.load(precision): expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    if runtime != "auto":
        _module(runtime)
        return _load(_content(network), runtime, threads, precision, shapes or ())
    content, reasons = _content(network), list[str]()
    for name in _AUTO:
        try:
            return _load(content, name, threads, precision, shapes or ())
        except (ConfigError, DeviceError) as error:
            reasons.append(f"{name}: {error}")
    raise ConfigError(f"runtimes.load(network): no runtime takes it: {'; '.join(reasons)}")


def _content(network: bytes | str | os.PathLike[str]) -> bytes:
    if isinstance(network, bytes):
        return network
    path = Path(network)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of an ONNX file") from error


def _load(
    network: bytes, runtime: str, threads: int | None, precision: Precision, shapes: Sequence[tuple[int, ...]]
) -> Network:
    if precision not in _CAN[runtime]:
        able = " or ".join(repr(name) for name, precisions in _CAN.items() if precision in precisions)
        raise ConfigError(
            f"runtimes.load(precision): expected {' or '.join(_CAN[runtime])} for runtime {runtime!r}, got "
            f"{precision!r}; runtime={able} has it"
        )
    module = _module(runtime)
    options = {"precision": precision} if len(_CAN[runtime]) > 1 else {}
    loaded: Network = module.load(network, threads=threads, **options)
    loaded.prepare(shapes)
    return loaded


def available() -> dict[str, str]:
    """For every runtime its version, or `"unavailable: "` and the reason."""
    found = {}
    for name in RUNTIMES:
        try:
            found[name] = str(_module(name).version())
        except DeviceError as error:
            found[name] = f"unavailable: {error}"
    return found


def _module(runtime: str) -> ModuleType:
    if runtime not in RUNTIMES:
        raise ConfigError(f"runtime: expected one of {', '.join((*RUNTIMES, 'auto'))}, got {runtime!r}")
    return importlib.import_module(f"mcfast.runtimes.{runtime}")
