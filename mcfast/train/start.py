"""Weights of an earlier training as the start of another."""

from __future__ import annotations

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from mcfast.errors import ConfigError

__all__ = ["load_weights"]

COUNTER = "num_batches_tracked"  # of a batch normalisation: no weight, and in no ONNX file


def load_weights(network: nn.Sequential, content: bytes) -> None:
    """Put the weights of an ONNX file that `mcfast.nets.export` wrote into the network.

    Raises `ConfigError` if they are another network's.
    """
    state = {name: values for name, values in network.state_dict().items() if name.endswith(COUNTER)}
    try:
        for one in onnx.load_from_string(content).graph.initializer:
            state[one.name] = torch.from_numpy(numpy_helper.to_array(one).copy())
        network.load_state_dict(state)
    except Exception as error:  # protobuf's and torch's exceptions have no base class in common
        reason = " ".join(str(error).split())[:160]
        raise ConfigError(f"start: no weights of this network ({reason}); give an ONNX file of its kind") from error
