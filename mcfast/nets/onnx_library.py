"""The package onnx, for what rewrites networks; running them does not need it."""

from __future__ import annotations

from typing import Any

from mcfast.errors import ConfigError, DeviceError

__all__ = ["load_model", "onnx_library"]


def onnx_library() -> Any:
    """The package, with the parts that are used. Raises `DeviceError`, which says why, if it is not installed."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise DeviceError(f"networks: the package onnx cannot be imported ({error}); pip install onnx") from error
    return onnx


def load_model(network: bytes) -> Any:
    """An ONNX file's bytes as a checked `ModelProto`. Raises `ConfigError` if they are none."""
    onnx = onnx_library()
    try:
        model = onnx.load_from_string(network)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's and the checker's exceptions have no base class in common
        cause = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"network ({len(network)} bytes): no ONNX file that can be checked ({cause}); give an intact one"
        ) from error
    return model
