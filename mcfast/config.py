"""`Config`: everything that changes a result, in one frozen value with a hash."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from mcfast.detect.detector_config import DetectorConfig, is_number
from mcfast.errors import ConfigError

__all__ = ["Config", "Magnifier", "Magnify"]

Magnify = Literal["clusters", "breast", "none"]
Magnifier = Literal["native", "onnxruntime"]


@dataclass(frozen=True, slots=True)
class Config:
    """How an engine works. Lengths are in millimetres and become pixels through each image's spacing.

    Attributes
    ----------
    spacing_mm
        Spacing for images whose header tells none, one number or (row, column); see `mcfast.read`.
    any_modality
        Accept DICOM images that are no mammograms by their header.
    detector
        See `mcfast.detect.DetectorConfig`.
    canonical_mm
        Spacing that detection works at; the shipped network knows 0.1 only.
    dark_channel_mm, guided_radius_mm, omega, eps, t_min
        Dehazing: side of the dark channel's window, radius of the guided filter, and as in `mcfast.dehaze`.
    magnify
        What is magnified: the surroundings of the findings (`"clusters"`), the `"breast"` (a box around it; what lies
        outside the breast in it is interpolated linearly), or `"none"`.
    margin_mm
        How much around the findings is magnified with them.
    magnifier
        Runtime of the magnifying network; see `mcfast.runtimes.load`. They agree within 1e-5 of white.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    spacing_mm: float | tuple[float, float] | None = None
    any_modality: bool = False
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    canonical_mm: float = 0.1
    dark_channel_mm: float = 1.1
    guided_radius_mm: float = 2.2
    omega: float = 0.9
    eps: float = 1e-3
    t_min: float = 0.1
    magnify: Magnify = "clusters"
    margin_mm: float = 3.0
    magnifier: Magnifier = "native"

    def __post_init__(self) -> None:
        if not isinstance(self.detector, DetectorConfig):
            raise ConfigError(f"Config(detector): expected a DetectorConfig, got {type(self.detector).__name__}")
        if self.spacing_mm is not None:
            object.__setattr__(self, "spacing_mm", _spacing(self.spacing_mm))
        ranges = {
            "canonical_mm": (0.05, 0.5),
            "dark_channel_mm": (0.05, 20.0),
            "guided_radius_mm": (0.0, 50.0),
            "omega": (0.0, 1.0),
            "eps": (0.0, 1.0),
            "t_min": (1e-3, 1.0),
            "margin_mm": (0.0, 100.0),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not (is_number(value) and low <= value <= high):
                raise ConfigError(f"Config({name}): expected {low:g} .. {high:g}, got {value!r}")
        for name, choices in (("magnify", get_args(Magnify)), ("magnifier", get_args(Magnifier))):
            if getattr(self, name) not in choices:
                raise ConfigError(f"Config({name}): expected one of {', '.join(choices)}, got {getattr(self, name)!r}")

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, for JSON."""
        values = asdict(self)
        if isinstance(self.spacing_mm, tuple):
            values["spacing_mm"] = list(self.spacing_mm)
        return values

    def hash(self) -> str:
        """SHA-256 of the configuration, 16 hexadecimal digits: the same for equal configurations, on any machine."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _spacing(value: Any) -> float | tuple[float, float]:
    """The spacing as plain numbers, which compare, hash and go into JSON; its range is checked with each image."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(is_number(side) and math.isfinite(side) for side in pair):
        raise ConfigError(f"Config(spacing_mm): expected one number or (row, column), got {value!r}")
    return (float(pair[0]), float(pair[1])) if isinstance(value, tuple | list) else float(value)
