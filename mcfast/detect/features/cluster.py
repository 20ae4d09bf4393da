"""What is measured of a cluster, from the places, sizes and contrasts of its calcifications."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy
from numpy.typing import ArrayLike, NDArray

from mcfast.detect.cluster import hull, polygon_area
from mcfast.detect.features.distribution import DistributionWord, distribution_word, principal_axes

__all__ = ["ClusterFeatures", "cluster_features"]

NARROWEST_MM = 1.0  # of the area that a density is taken over

Values = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ClusterFeatures:
    """Measured features of one cluster; NaN where one is not defined, and equal to another's NaN.

    `mcfast.detect.features.CLUSTER_FEATURES` has every one's unit, meaning and reference.

    Attributes
    ----------
    count
        Calcifications.
    hull_area_mm2
        Area of the convex hull of their centres (shoelace formula); 0 on a line.
    density_per_cm2
        Count over the hull's area, or over a strip of the cluster's length (at least 1 mm) and 1 mm width where that
        is larger: a hull that has no width has no area. NaN for one.
    nearest_mean_mm, nearest_deviation_mm, nearest_min_mm, nearest_max_mm
        Distance from each to its nearest neighbour: mean, standard deviation (of all N), least, largest. NaN for one.
    length_mm
        Distance of the two that are farthest apart; 0 for one.
    elongation
        1 - b / a with the standard deviations a >= b along the principal axes of the centres: 0 as wide as long, 1 on
        a line. NaN where all are at one place.
    size_variation, intensity_variation
        Standard deviation (of all N) over mean of the diameters and of the contrasts. NaN for one, or a mean that is
        not above 0.
    mean_eccentricity
        Mean of those eccentricities that are known, 0 .. 1; NaN without.
    fractal_dimension
        *Experimental.* Correlation dimension of the centres by Takens' estimator. Ends and borders take from it: of
        200 places it is 0.86 for an even scatter along a line, 1.6 in a disk, less in knots; of 7 places it is
        1.8 +- 0.6 in a disk. NaN for fewer than 5 places.
    distribution
        *Derived, not a BI-RADS assessment*: see `mcfast.detect.features.distribution`.
    """

    count: int
    hull_area_mm2: float
    density_per_cm2: float
    nearest_mean_mm: float
    nearest_deviation_mm: float
    nearest_min_mm: float
    nearest_max_mm: float
    length_mm: float
    elongation: float
    size_variation: float
    intensity_variation: float
    mean_eccentricity: float
    fractal_dimension: float
    distribution: DistributionWord

    def __eq__(self, other: object) -> bool:
        return self._known() == other._known() if isinstance(other, ClusterFeatures) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._known())

    def _known(self) -> tuple[object, ...]:
        """The values, with `None` for NaN, which no number equals."""
        values = (getattr(self, one.name) for one in fields(self))
        return tuple(None if isinstance(value, float) and math.isnan(value) else value for value in values)

    def sentence(self) -> str:
        """The cluster in words: `cluster of 7 calcifications, mean eccentricity 0.85, linear, 14 mm long`.

        What is not known is left out.
        """
        parts = [f"cluster of {self.count} calcification{'' if self.count == 1 else 's'}"]
        if not math.isnan(self.mean_eccentricity):
            parts.append(f"mean eccentricity {self.mean_eccentricity:.2f}")
        if self.distribution != "undetermined":
            parts.append(self.distribution)
        if self.length_mm > 0:
            digits = 0 if self.length_mm >= 9.95 else 1
            parts.append(f"{self.length_mm:.{digits}f} mm long")
        return ", ".join(parts)


def cluster_features(
    places_mm: ArrayLike,
    *,
    diameters_mm: ArrayLike,
    contrasts: ArrayLike,
    eccentricities: ArrayLike | None = None,
) -> ClusterFeatures:
    """Measure a cluster.

    Parameters
    ----------
    places_mm
        (N, 2) centres, millimetres, in any order of axes; N >= 1.
    diameters_mm, contrasts
        (N,), one for each; contrasts in any unit.
    eccentricities
        (N,) 0 .. 1, NaN where unknown; `None` if none is known.

    Returns
    -------
    `ClusterFeatures`. O(N log N), but O(N^2) for at most 1,000 places in `fractal_dimension`.

    Raises
    ------
    ValueError
        For arrays of other shapes, and places that are not finite.
    """
    places = numpy.asarray(places_mm, numpy.float64)
    if places.ndim != 2 or places.shape[1] != 2 or len(places) == 0:
        raise ValueError(f"cluster_features(places_mm): expected (N, 2) with N >= 1, got shape {places.shape}")
    if not numpy.isfinite(places).all():
        raise ValueError("cluster_features(places_mm): expected finite millimetres, got NaN or infinity")
    count = len(places)
    sizes = _column(diameters_mm, "diameters_mm", count)
    heights = _column(contrasts, "contrasts", count)
    shapes = numpy.full(count, numpy.nan)
    if eccentricities is not None:
        shapes = _column(eccentricities, "eccentricities", count)
    corners = hull(places)
    area, length = polygon_area(corners), _length(corners)
    major, minor = principal_axes(places)
    nearest = _nearest(places)
    known = shapes[~numpy.isnan(shapes)]
    return ClusterFeatures(
        count=count,
        hull_area_mm2=area,
        density_per_cm2=100 * count / max(area, max(length, NARROWEST_MM) * NARROWEST_MM) if count > 1 else math.nan,
        nearest_mean_mm=float(nearest.mean()),
        nearest_deviation_mm=float(nearest.std()),
        nearest_min_mm=float(nearest.min()),
        nearest_max_mm=float(nearest.max()),
        length_mm=length,
        elongation=1 - minor / major if major > 0 else math.nan,
        size_variation=_variation(sizes),
        intensity_variation=_variation(heights),
        mean_eccentricity=float(known.mean()) if len(known) else math.nan,
        fractal_dimension=_correlation_dimension(places, length),
        distribution=distribution_word(places, length),
    )


def _column(values: Any, name: str, count: int) -> Values:
    column = numpy.asarray(values, numpy.float64)
    if column.shape != (count,):
        raise ValueError(f"cluster_features({name}): expected ({count},), one for each place, got shape {column.shape}")
    return column


def _length(corners: Values) -> float:
    """The largest distance of two corners of a hull. O(N^2) in the corners, which are few."""
    return float(numpy.hypot(*(corners[:, None] - corners[None]).transpose(2, 0, 1)).max())


def _nearest(places: Values) -> Values:
    """(N,) distance of each place to the nearest other one; (1,) NaN for one place."""
    from scipy.spatial import cKDTree

    if len(places) == 1:
        return numpy.full(1, numpy.nan)
    distances: Values = cKDTree(places).query(places, k=2)[0][:, 1]
    return distances


def _variation(values: Values) -> float:
    """Coefficient of variation."""
    mean = float(values.mean())
    return float(values.std() / mean) if len(values) > 1 and mean > 0 else math.nan


MOST = 1000


def _correlation_dimension(places: Values, length: float) -> float:
    """Takens' estimator (1985): -1 over the mean of ln(r / r0) over all pairs closer than r0, here half the length.

    Many places are thinned to 1,000, evenly in their order from one side to the other.
    """
    from scipy.spatial.distance import pdist

    distinct = numpy.unique(places, axis=0)
    if len(distinct) < 5:
        return math.nan
    if len(distinct) > MOST:
        distinct = distinct[numpy.linspace(0, len(distinct) - 1, MOST).astype(numpy.intp)]
    distances = pdist(distinct) / (length / 2)
    near = distances[(distances > 0) & (distances < 1)]
    return float(-1 / numpy.log(near).mean()) if len(near) else math.nan
