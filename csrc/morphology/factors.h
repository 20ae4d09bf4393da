// A footprint as the Minkowski sum of a smaller one and a few segments: an extremum over the sum is the extremum over
// one after the other.
//
// The convex hull of a digital disk is a zonogon, so its pixels nearly are a sum of the hull's edges. What cannot be
// divided further is a square with a pixel in the middle of every side, for most radii up to 25: the disk of radius 15
// is one of 11 x 11 and six segments of three and four pixels, along (1, 1), (2, 1), (1, 2) and their mirror images.
#pragma once

#include <vector>

#include "morphology/morphology_task.h"

namespace mcfast {

struct Factors {
    std::vector<Chord> core;
    std::vector<Segment> segments;
};

/// Exact: `core` and the segments sum up to the footprint. Without segments where it cannot be divided, which holds for
/// all that have gaps. O(rows of the footprint) for each pixel of a segment.
Factors factor(std::vector<Chord> chords);

}  // namespace mcfast
