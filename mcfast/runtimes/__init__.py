"""Ways to run a network: ONNX in, batches through. One file per runtime, each imported when it is first asked for.

network = mcfast.runtimes.load(mcfast.nets.weights("fsrcnn"), threads=2)
large = network.run(small)          # (N, 1, H, W) float32 -> (N, 1, 2 H, 2 W) float32
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes.network import Network, Shape
from mcfast.runtimes.threads import thread_count

__all__ = ["RUNTIMES", "Network", "Shape", "available", "load", "thread_count"]

RUNTIMES = ("onnxruntime", "native", "tensorrt")


def load(
    network: bytes | str | os.PathLike[str], *, runtime: str = "onnxruntime", threads: int | None = None
) -> Network:
    """Make a network ready to run.

    Parameters
    ----------
    network
        The bytes of an ONNX file with one float32 input and one output, or the file's path.
    runtime
        One of `RUNTIMES`: `"onnxruntime"` runs any network, `"native"` FSRCNN only, several times as fast;
        `"tensorrt"` runs on a GPU (see docs/engines.md).
    threads
        How many threads one `run` may use; `None` is `MCFAST_THREADS`, else the processors this process may use. Calls
        from several threads run at the same time, so a caller that makes its own threads wants 1.

    Returns
    -------
    Network
        Safe to share between threads. Loading takes milliseconds: load once and keep it.

    Raises
    ------
    ConfigError
        If there is no such runtime, the file cannot be read, or it is no network that the runtime can run.
    DeviceError
        If the runtime is not installed or does not work here; the message says why.
    ValueError
        If `threads` is below 1.
    """
    module = _module(runtime)
    if not isinstance(network, bytes):
        path = Path(network)
        try:
            network = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of an ONNX file") from error
    loaded: Network = module.load(network, threads=threads)
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
        raise ConfigError(f"runtime: expected one of {', '.join(RUNTIMES)}, got {runtime!r}")
    return importlib.import_module(f"mcfast.runtimes.{runtime}")
