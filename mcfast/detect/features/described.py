"""Unit, meaning and reference of every feature of a calcification."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["FEATURES", "Feature"]


class Feature(NamedTuple):
    """What a feature is."""

    unit: str
    meaning: str
    reference: str


CROFTON = "Legland, Kiêu and Devaux, Image Analysis & Stereology 26(2), 2007"
SHAPE = "ISO 9276-6:2008"
HARALICK = "Haralick, Shanmugam and Dinstein, IEEE Trans. SMC-3(6), 1973"
FIRST_ORDER = "Zwanenburg et al., Radiology 295(2), 2020"
HALF = "centre of gravity of what is brighter than half the contrast"

# In the order of `CalcificationFeatures`. Units of none are "1".
FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        "rows": Feature("px", f"row of the {HALF}", "first moment of intensity over background"),
        "columns": Feature("px", f"column of the {HALF}", "first moment of intensity over background"),
        "area_mm2": Feature("mm2", "area A of what is brighter than half the contrast", "pixels times their area"),
        "equivalent_diameter_mm": Feature("mm", "diameter of the disk of this area, sqrt(4 A / pi)", SHAPE),
        "feret_diameter_mm": Feature("mm", "greatest caliper: distance of the farthest two edge midpoints", SHAPE),
        "perimeter_mm": Feature("mm", "length P of the outline, Crofton's formula in 4 directions", CROFTON),
        "circularity": Feature("1", "4 pi A / P^2, at most 1; 1 is a disk", "Cox, Journal of Paleontology 1(3), 1927"),
        "eccentricity": Feature(
            "1",
            "of the ellipse with the same second moments, pixels being squares (1/12); 0 is round, 1 a line",
            "Haralick and Shapiro, Computer and Robot Vision I, appendix A, 1992",
        ),
        "convexity": Feature("1", "area over that of the convex hull's pixels; 1 has no bays", SHAPE),
        "contrast": Feature("counts", "peak minus the median of the ring of 1 to 1.5 mm", "difference of intensities"),
        "contrast_to_noise": Feature(
            "1",
            "contrast in deviations of the noise, by default 1.4826 median absolute deviations of the ring",
            "Rousseeuw and Croux, JASA 88(424), 1993",
        ),
        "glcm_contrast": Feature("1", "mean squared difference of neighbours' levels, 0 .. 225", HARALICK),
        "glcm_correlation": Feature("1", "correlation of neighbours' levels, -1 .. 1", HARALICK),
        "glcm_energy": Feature("1", "root of the sum of squared probabilities of pairs of levels, 0 .. 1", HARALICK),
        "glcm_homogeneity": Feature(
            "1", "mean of 1 / (1 + squared difference of neighbours' levels), 0 .. 1", HARALICK
        ),
        "mean": Feature("counts", "mean of the window", FIRST_ORDER),
        "standard_deviation": Feature("counts", "standard deviation of the window", FIRST_ORDER),
        "skewness": Feature("1", "third standardised moment of the window", FIRST_ORDER),
        "kurtosis": Feature("1", "fourth standardised moment of the window, minus 3", FIRST_ORDER),
        "entropy": Feature(
            "bit", "entropy of the window's 16 levels, 0 .. 4", "Shannon, Bell System Tech. J. 27, 1948"
        ),
        "wavelet_energy_ratio": Feature(
            "1",
            "energy of the details of two levels of the Haar transform over all energy about the mean, 0 .. 1",
            "Mallat, IEEE Trans. PAMI 11(7), 1989",
        ),
    }
)
