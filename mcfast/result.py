"""`Result`: what is known about one image after the engine has seen it, and its JSON form.

The JSON is described by `result.schema.json` beside this module. Its version is stated in the `schema` field: the
second number grows when fields are added, the first when a reader of the old form would go wrong.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from mcfast.boxes import Box
from mcfast.detect.features.cluster import ClusterFeatures
from mcfast.mammogram import Mammogram, Source

__all__ = [
    "NOTICE",
    "SCHEMA",
    "Calcification",
    "Cluster",
    "EngineRecord",
    "Failure",
    "Magnified",
    "Result",
    "Status",
    "schema",
]

SCHEMA = "mcfast-result/1.1"
NOTICE = "Research use only. Not a medical device; not for diagnosis."

Status = Literal["ok", "no findings", "failed"]


@dataclass(frozen=True, slots=True)
class Calcification:
    """One calcification found.

    `row` and `col` are its centre in pixels of the input image, 0-based, whole numbers at pixel centres; `x_mm` and
    `y_mm` are distances from the image's left and upper edge. `contrast` is peak minus background in presentation
    counts, `contrast_to_noise` the same in standard deviations of the image around it. `score` is a probability on
    phantoms; `cluster` the id of its cluster or `None`.
    """

    row: float
    col: float
    x_mm: float
    y_mm: float
    diameter_mm: float
    contrast: float
    contrast_to_noise: float
    score: float
    cluster: int | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """At least three calcifications whose neighbours lie within 5 mm (both numbers are in the configuration).

    `id` counts from 1, the highest score first. `row` and `col` are the mean of its calcifications, `outline` their
    convex hull as [row, col] corners, both in pixels of the input image; `area_mm2` is the hull's area. `features` are
    measured at the spacing that detection works at; the JSON has NaN as null.
    """

    id: int
    count: int
    score: float
    area_mm2: float
    row: float
    col: float
    outline: tuple[tuple[float, float], ...]
    features: ClusterFeatures

    @property
    def description(self) -> str:
        """The cluster in words; its distribution is derived by rule, and not a BI-RADS assessment."""
        return self.features.sentence()


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """What made a result: enough to make it again.

    `models` maps each network to the SHA-256 of its ONNX file. `device_reason` says why a better device or runtime was
    not used, where the engine was free to choose.
    """

    version: str
    cpu_level: str
    device: str
    runtime: str
    models: Mapping[str, str]
    configuration: Mapping[str, Any]
    configuration_hash: str
    device_reason: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result: the exception's type, its message, and the stage it came from."""

    type: str
    message: str
    stage: str


@dataclass(frozen=True, slots=True, eq=False)
class Magnified:
    """A region of the input image at twice its size; `pixels` is uint16 like the image. Not in the JSON but its box."""

    box: Box
    pixels: NDArray[numpy.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What the engine says about one image.

    Attributes
    ----------
    status
        `"ok"`: there are findings; `"no findings"`: the image was looked at and has none; `"failed"`: it could not be
        looked at, and `failure` says why.
    name
        The input as it was given: a path, or `"<array>"` and the like.
    score
        0 .. 1: how likely the image holds a cluster, on phantoms. `None` if failed.
    calcifications, clusters
        Most probable first.
    seconds
        Wall-clock seconds of each stage, `"total"` last. `"read"` includes `"parse"` and `"decode"`.
    mammogram, image, enhanced, mask, magnified
        The input as read; presentation values, (H, W) uint16; dehazed, alike; breast, (H, W) bool; regions at twice
        their size. `None` or empty if failed; not in the JSON.
    """

    status: Status
    name: str
    engine: EngineRecord
    score: float | None = None
    calcifications: tuple[Calcification, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    mammogram: Mammogram | None = None
    image: NDArray[numpy.uint16] | None = None
    enhanced: NDArray[numpy.uint16] | None = None
    mask: NDArray[numpy.bool_] | None = None
    magnified: tuple[Magnified, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form as plain Python values."""
        mammogram = self.mammogram
        source = Source(self.name, "unknown") if mammogram is None else mammogram.source
        return {
            "schema": SCHEMA,
            "notice": NOTICE,
            "status": self.status,
            "source": asdict(source),
            "image": None if mammogram is None else _image(mammogram),
            "engine": asdict(self.engine),
            "seconds": {stage: round(seconds, 6) for stage, seconds in self.seconds.items()},
            "score": None if self.score is None else round(self.score, 6),
            "calcifications": [_rounded(asdict(one)) for one in self.calcifications],
            "clusters": [_rounded(asdict(one)) | {"description": one.description} for one in self.clusters],
            "magnified": [{"box": list(region.box), "scale": 2} for region in self.magnified],
            "failure": None if self.failure is None else asdict(self.failure),
        }

    def to_json(self) -> str:
        """The JSON form, indented; numbers rounded to six digits after the point."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n"

    def __repr__(self) -> str:
        if self.failure is not None:
            return f"Result({self.name!r}, failed: {self.failure.message})"
        found = f"{len(self.calcifications)} calcifications, {len(self.clusters)} clusters"
        return f"Result({self.name!r}, {self.status}, {found}, score {self.score:.3f})"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the JSON form."""
    text = resources.files("mcfast").joinpath("result.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _image(mammogram: Mammogram) -> dict[str, Any]:
    rows, columns = mammogram.shape
    return {
        "rows": rows,
        "columns": columns,
        "bits": mammogram.bits,
        "spacing_mm": list(mammogram.spacing_mm),
        "spacing_source": mammogram.spacing_source,
        "laterality": mammogram.laterality,
        "view": mammogram.view,
        "flags": list(mammogram.flags),
    }


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    def tidy(value: Any) -> Any:
        if isinstance(value, float):
            return None if math.isnan(value) else round(value, 6)
        if isinstance(value, dict):
            return _rounded(value)
        return [tidy(item) for item in value] if isinstance(value, tuple | list) else value

    return {key: tidy(value) for key, value in values.items()}
