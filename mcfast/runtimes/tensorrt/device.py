"""What GPU and driver this machine has, asked of the driver itself, without any CUDA package."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from mcfast.errors import DeviceError

__all__ = ["Device", "find_device"]

_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU's name and compute capability (`"9.0"`), and the CUDA version of its driver (`"13.0"`)."""

    name: str
    compute_capability: str
    driver: str


def find_device(ordinal: int = 0, library: str = "libcuda.so.1") -> Device:
    """The GPU number `ordinal`.

    Raises
    ------
    DeviceError
        If there is no driver, or no such GPU; the message says which.
    """
    try:
        cuda = ctypes.CDLL(library)
    except OSError as error:
        raise DeviceError(f"GPU {ordinal}: this machine has no NVIDIA driver ({error})") from error

    def ask(function: str, *arguments: object) -> None:
        code = getattr(cuda, function)(*arguments)
        if code != 0:
            raise DeviceError(f"GPU {ordinal}: the driver answers {function} with error {code}")

    handle, driver, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(256)
    ask("cuInit", 0)
    ask("cuDriverGetVersion", ctypes.byref(driver))
    ask("cuDeviceGet", ctypes.byref(handle), ordinal)
    ask("cuDeviceGetName", name, len(name), handle)
    ask("cuDeviceGetAttribute", ctypes.byref(major), _MAJOR, handle)
    ask("cuDeviceGetAttribute", ctypes.byref(minor), _MINOR, handle)
    version = f"{driver.value // 1000}.{driver.value % 1000 // 10}"
    return Device(name.value.decode("utf-8", "replace"), f"{major.value}.{minor.value}", version)
