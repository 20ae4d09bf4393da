"""Unit, meaning and reference of every feature of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mcfast.detect.features.described import Feature

__all__ = ["CLUSTER_FEATURES"]

NEIGHBOURS = "Clark and Evans, Ecology 35(4), 1954"
VARIATION = "coefficient of variation, Pearson 1896"

# In the order of `ClusterFeatures`. Units of none are "1".
CLUSTER_FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        "count": Feature("1", "calcifications", "count"),
        "hull_area_mm2": Feature(
            "mm2",
            "area of the convex hull of the centres; 0 on a line",
            "hull: Andrew, Information Processing Letters 9(5), 1979; shoelace formula",
        ),
        "density_per_cm2": Feature(
            "1/cm2",
            "count over the hull, or over a strip of the length (at least 1 mm) and 1 mm width where that is larger",
            "number per area",
        ),
        "nearest_mean_mm": Feature("mm", "mean distance to the nearest neighbour", NEIGHBOURS),
        "nearest_deviation_mm": Feature("mm", "standard deviation of that distance, of all N", NEIGHBOURS),
        "nearest_min_mm": Feature("mm", "least of these distances", NEIGHBOURS),
        "nearest_max_mm": Feature("mm", "largest of these distances", NEIGHBOURS),
        "length_mm": Feature("mm", "distance of the two that are farthest apart", "diameter of the point set"),
        "elongation": Feature(
            "1",
            "1 - b / a of the deviations a >= b along the principal axes; 0 is as wide as long, 1 a line",
            "square roots of the eigenvalues of the covariance, Pearson, Philosophical Magazine 2(11), 1901",
        ),
        "size_variation": Feature("1", "standard deviation over mean of the diameters", VARIATION),
        "intensity_variation": Feature("1", "standard deviation over mean of the contrasts", VARIATION),
        "mean_eccentricity": Feature("1", "mean of the members' eccentricities, 0 .. 1", "see FEATURES"),
        "fractal_dimension": Feature(
            "1",
            "experimental: -1 / mean ln(r / r0) over pairs closer than r0, half the length",
            "Takens, Lecture Notes in Mathematics 1125, 1985",
        ),
        "distribution": Feature(
            "word",
            "grouped, linear, regional, diffuse or undetermined: derived by rule, not a BI-RADS assessment",
            "sizes: BI-RADS atlas, 5th edition, 2013; line: Mauchly, Annals of Mathematical Statistics 11(2), 1940",
        ),
    }
)
