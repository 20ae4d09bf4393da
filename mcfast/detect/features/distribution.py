"""A word for how calcifications lie together, by rule: derived, and not a BI-RADS assessment."""

from __future__ import annotations

from typing import Literal

import numpy
from numpy.typing import NDArray

__all__ = ["DistributionWord", "distribution_word", "principal_axes"]

DistributionWord = Literal["grouped", "linear", "regional", "diffuse", "undetermined"]

WITHIN_MM, FEWEST = 10.0, 5  # BI-RADS, 5th edition: a group is at least five within 1 cm ...
GROUP_MM = 20.0  # ... and at most 2 cm large; what is larger is regional
DIFFUSE_MM = 50.0  # ours: BI-RADS says "throughout the breast" and gives no size
LINE_RATIO, LINE_CHANCE, LINE_FEWEST = 1 / 3, 0.01, 4  # ours: BI-RADS says "in a line"

Places = NDArray[numpy.float64]


def distribution_word(places_mm: Places, length_mm: float) -> DistributionWord:
    """The distribution of the (N, 2) places, of which the two farthest are `length_mm` apart.

    The first of these rules that holds, with the sizes of the BI-RADS atlas (5th edition, 2013) where it has some:

    1. *linear*: at least 4, the minor principal axis at most a third of the major one, and so thin a shape less likely
       than 1 in 100 for as many places scattered evenly to all sides (Mauchly's test of sphericity, 1940);
    2. *diffuse*: at least 5, more than 50 mm long (our number, the atlas has none);
    3. *regional*: at least 5, more than 20 mm long;
    4. *grouped*: some 5 of them in a circle of 10 mm;
    5. *undetermined*: too few, or too sparse, for a word.

    A segmental distribution (a duct and its branches) cannot be told from places alone: it comes out as regional or
    linear. O(N log N) for dense places.
    """
    if _in_a_line(places_mm):
        return "linear"
    if len(places_mm) < FEWEST:
        return "undetermined"
    if length_mm > GROUP_MM:
        return "diffuse" if length_mm > DIFFUSE_MM else "regional"
    return "grouped" if _some_within(places_mm, WITHIN_MM / 2, FEWEST) else "undetermined"


def principal_axes(places: Places) -> tuple[float, float]:
    """Standard deviations of (N, 2) places along their major and minor principal axis, in their unit; N >= 1."""
    centred = places - places.mean(axis=0)
    minor, major = numpy.sqrt(numpy.maximum(numpy.linalg.eigvalsh(centred.T @ centred / len(places)), 0.0))
    return float(major), float(minor)


def _in_a_line(places: Places) -> bool:
    """Whether the places are thin, and too thin for chance.

    Under an isotropic normal distribution P(W <= w) = w^((n - 2) / 2), exactly, for two dimensions and
    W = 4 det(S) / trace(S)^2 of the covariance S (Mauchly, Ann. Math. Stat. 11 (1940), equation 21).
    """
    if len(places) < LINE_FEWEST:
        return False
    major, minor = principal_axes(places)
    if major == 0 or minor > LINE_RATIO * major:
        return False
    sphericity = (2 * major * minor / (major**2 + minor**2)) ** 2
    return bool(sphericity ** ((len(places) - 2) / 2) < LINE_CHANCE)


def _some_within(places: Places, radius: float, least: int) -> bool:
    """Whether some circle of the radius holds at least so many of the places."""
    from scipy.spatial import cKDTree

    tree = cKDTree(places)
    # Rounding must not decide about places that lie on the circle.
    reach = radius * (1 + 1e-9)
    if tree.query_ball_point(places, reach, return_length=True).max() >= least:
        return True
    # A circle that holds some places can be moved until two of them lie on it. Where this point is reached, no place
    # has four others within the radius, so there are few pairs.
    pairs = tree.query_pairs(2 * reach, output_type="ndarray")
    if len(pairs) == 0:
        return False
    first, second = places[pairs[:, 0]], places[pairs[:, 1]]
    half = (second - first) / 2
    distance = numpy.hypot(*half.T)
    apart = distance > 0
    if not apart.any():
        return False
    half, middle, distance = half[apart], (first + half)[apart], distance[apart]
    up = numpy.sqrt(numpy.maximum(radius**2 - distance**2, 0.0)) / distance
    aside = numpy.column_stack([-half[:, 1], half[:, 0]]) * up[:, None]
    centres = numpy.concatenate([middle + aside, middle - aside])
    return bool(tree.query_ball_point(centres, reach, return_length=True).max() >= least)
