"""`describe`: what is measured of a result's calcifications and clusters, as a table and in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.canonical import at_canonical, headroom
from mcfast.detect.features import calcification_features
from mcfast.detect.features.cluster import ClusterFeatures
from mcfast.detect.features.eccentricity import nearest_pixels
from mcfast.result import Result

__all__ = ["Description", "describe"]

OWN = ("row", "col", "x_mm", "y_mm", "diameter_mm", "contrast", "contrast_to_noise", "score")
# The result's own numbers stand for these: they were measured at the peak that the detector found.
SAME = {"rows", "columns", "equivalent_diameter_mm", "contrast", "contrast_to_noise"}


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """What is measured of N calcifications and their clusters.

    Attributes
    ----------
    calcifications
        Columns of a table by name, each (N,), in the result's order, as `pandas.DataFrame` takes them: `number` (from
        1) and `cluster` (0 for none), int64; the result's own numbers; and all of
        `mcfast.detect.features.CalcificationFeatures`, float64, NaN where one is not defined.
    clusters
        Features of each cluster, in the result's order: by id.
    sentences
        The same in words.
    """

    calcifications: Mapping[str, NDArray[Any]]
    clusters: tuple[ClusterFeatures, ...]
    sentences: tuple[str, ...]

    def to_csv(self) -> str:
        """The table as CSV with a header: a line for each calcification, six significant digits.

        Empty where it is in no cluster, and where a feature is not defined.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.calcifications)
        for line in zip(*self.calcifications.values(), strict=True):
            writer.writerow([_cell(name, value) for name, value in zip(self.calcifications, line, strict=True)])
        return text.getvalue()

    def __str__(self) -> str:
        return "\n".join(f"{number}: {text}" for number, text in enumerate(self.sentences, start=1)) or "no clusters"


def describe(result: Result) -> Description:
    """Measure every calcification of a result.

    The features are those of the image at the spacing that detection works at (0.1 mm), whatever the input's: areas,
    perimeters and textures depend on the size of a pixel, so only there do images of two detectors compare; it is what
    the detector has seen and measured; and the numbers of clusters in the result are made of the same.

    Parameters
    ----------
    result
        Of `Engine.__call__` or `Engine.stream`, with its image.

    Returns
    -------
    `Description`. O(pixels) for the resampling, O(1) per calcification.

    Raises
    ------
    ValueError
        If the result has failed or its image has been dropped.
    """
    if not isinstance(result, Result):
        raise TypeError(f"describe(result): expected a mcfast.Result, got {type(result).__name__}")
    if result.failure is not None:
        raise ValueError(f"describe(result): expected one that did not fail, got {result.failure.message}")
    if result.image is None or result.mammogram is None:
        raise ValueError("describe(result): expected one with its image, got none; describe it before dropping that")
    found, mammogram = result.calcifications, result.mammogram
    table: dict[str, NDArray[Any]] = {
        "number": numpy.arange(1, len(found) + 1, dtype=numpy.int64),
        "cluster": numpy.array([one.cluster or 0 for one in found], numpy.int64),
    }
    table |= {name: numpy.array([getattr(one, name) for one in found], numpy.float64) for name in OWN}
    canonical_mm = float(result.engine.configuration["canonical_mm"])
    small, _, scale = at_canonical(result.image, mammogram, canonical_mm)
    places = (numpy.column_stack([table["row"], table["col"]]) + 0.5) * scale - 0.5
    counts = small.astype(numpy.float32) / numpy.float32(headroom(mammogram))  # exact: a power of two
    measured = calcification_features(counts, nearest_pixels(places, small.shape), canonical_mm)
    table |= {one.name: getattr(measured, one.name) for one in fields(measured) if one.name not in SAME}
    clusters = tuple(one.features for one in result.clusters)
    return Description(table, clusters, tuple(one.description for one in result.clusters))


def _cell(name: str, value: Any) -> str:
    if name in ("number", "cluster"):
        return str(value) if value else ""
    return "" if numpy.isnan(value) else f"{value:.6g}"
