"""What the engine on a GPU is held against: the engine on the CPU, also where its runtime for networks is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mcfast
from benchmarks import torch_network
from mcfast import _core
from mcfast.analysis import Analysis
from mcfast.clock import Clock
from mcfast.errors import DeviceError
from mcfast.host import HostPipeline

__all__ = ["TorchEngine", "cpu_engine"]


class TorchEngine:
    """Every stage as on the CPU, with the classifiers in torch; the magnifier is the core's own."""

    def __init__(self, config: mcfast.Config) -> None:
        self._config = config
        self._pipeline = HostPipeline(config, _core.default_threads(), torch_network.load_on_host)
        self.runtime = self._pipeline.runtime

    def __call__(self, item: Any) -> Analysis:
        """What an array or a `Mammogram` gives."""
        if not isinstance(item, mcfast.Mammogram):
            item = mcfast.read(item, spacing_mm=self._config.spacing_mm)
        return self._pipeline.finish(self._pipeline.begin(item, Clock()))


def cpu_engine(config: mcfast.Config) -> Callable[[Any], Any]:
    """The engine on the CPU; where ONNX Runtime is missing, the same with torch.

    Raises
    ------
    DeviceError
        If neither can be imported.
    """
    try:
        return mcfast.Engine(config, "cpu")
    except DeviceError as error:
        try:
            return TorchEngine(config)
        except DeviceError as other:
            raise DeviceError(f"no runtime for networks on the CPU: {error}; {other}") from error
