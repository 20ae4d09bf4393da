"""Networks for the device engine: which runtime runs them, by name and with the reason why the better ones do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from mcfast import runtimes
from mcfast.device.runtime import Runtime, Stream
from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes.network import Network, Shape

__all__ = ["HOST_LOADERS", "LOADERS", "DeviceNetwork", "Executor", "available", "choose_networks", "load_on_host"]


class Executor(Protocol):
    """A network on one stream."""

    def enqueue(self, source: int, target: int, shape: tuple[int, ...]) -> None:
        """Put a batch on the stream: float32 NCHW of this shape at `source`, the output to `target`, both on the GPU.

        Of a network whose `phases` are not 1, the output is (N, C phases phases, H, W).
        Waits for nothing. Calls with a shape that has been seen before allocate nothing.
        """

    def keep_compiled(self) -> None:
        """Keep what has been compiled for this GPU, for the next process. To be called when the stream is idle."""


class DeviceNetwork(Protocol):
    """A network whose batches are on the GPU already."""

    name: str
    sha256: str
    runtime: str
    runtime_version: str
    input_shape: Shape
    phases: int
    """Along each axis, how many of a magnifier's output pixels come as channels, for the reader to put in their places
    (`mcfast.nets.phases`); 1 where all are in their places."""
    capturable: bool
    """Whether `enqueue` may be captured in a graph."""

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether there is, or can be, an engine for this input shape."""

    def on_stream(self, stream: Stream) -> Executor:
        """The network on that stream; several of them may run at the same time."""


def _tensorrt(network: bytes, number: int) -> DeviceNetwork:
    from mcfast.runtimes.tensorrt import load_on_device

    return load_on_device(network, number)


def _onnxruntime(network: bytes, number: int) -> DeviceNetwork:
    from mcfast.runtimes.onnxruntime_cuda import load

    return load(network, number)


LOADERS: dict[str, Callable[[bytes, int], DeviceNetwork]] = {
    "tensorrt": _tensorrt,
    "onnxruntime-cuda": _onnxruntime,
}
"""What makes a network ready on a GPU of that number, or raises `DeviceError` or `ConfigError`; the best first."""


HOST_LOADERS: dict[str, Callable[..., Network]] = {"onnxruntime": runtimes.load}
"""The same for what runs beside the GPU, called as `mcfast.runtimes.load`."""


def available(runtime: Runtime) -> tuple[str, tuple[str, ...]]:
    """What would run networks on that GPU, in words, and why nothing better; loads the smallest that ships.

    Raises
    ------
    DeviceError
        As `choose_networks`.
    """
    from mcfast import nets

    networks, reasons = choose_networks(runtime, {"vgg12": nets.weights("vgg12")})
    return f"{runtime.name}, {networks['vgg12'].runtime} {networks['vgg12'].runtime_version}", reasons


def choose_networks(runtime: Runtime, weights: Mapping[str, bytes]) -> tuple[dict[str, DeviceNetwork], tuple[str, ...]]:
    """The networks by the first runtime of `LOADERS` that works here.

    Returns
    -------
    The networks under the names of `weights`, and why each better runtime is not used.

    Raises
    ------
    DeviceError
        If none works; the message has all the reasons.
    """
    reasons: list[str] = []
    for name, load in LOADERS.items():
        try:
            return {own: load(network, runtime.number) for own, network in weights.items()}, tuple(reasons)
        except (DeviceError, ConfigError) as error:  # the second of a cache of engines that cannot be written
            reasons.append(f"{name}: {error}")
    raise DeviceError("no runtime for networks on the GPU: " + "; ".join(reasons))


def load_on_host(network: bytes, threads: int) -> Network:
    """A network for batches that are on the host, by the first of `HOST_LOADERS` that works here.

    Raises
    ------
    DeviceError
        If none works; the message has all the reasons.
    """
    reasons: list[str] = []
    for name, load in HOST_LOADERS.items():
        try:
            return load(network, threads=threads)
        except DeviceError as error:
            reasons.append(f"{name}: {error}")
    raise DeviceError("no runtime for networks on the host: " + "; ".join(reasons))
