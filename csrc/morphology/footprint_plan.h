// How the extremum over a footprint is computed: over a smaller footprint, after slanted segments.
#pragma once

#include <vector>

#include "morphology/chord_plan.h"
#include "morphology/morphology.h"

namespace mcfast {

struct FootprintPlan {
    explicit FootprintPlan(const Footprint& footprint);

    /// Rows from the first that an output needs to the last.
    int height() const { return reach.last_row - reach.first_row + 1; }

    /// Rows and columns of the boxes that suit the caches, in an image of so many rows of pixels of so many bytes.
    int box_rows(int image_rows, int threads) const;
    int box_columns(std::size_t pixel_bytes) const;

    Reach reach;                    // of the footprint
    std::vector<Segment> segments;  // what is divided off
    ChordPlan core;                 // what is left
    int cross = 0;                  // side of the square, if that is a square with a pixel at the middle of every side
};

/// What segments from `first` to `last` reach together.
Reach reach_of(std::vector<Segment>::const_iterator first, std::vector<Segment>::const_iterator last);

}  // namespace mcfast
