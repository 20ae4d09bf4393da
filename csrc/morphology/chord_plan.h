// What the chord kernel needs to know of a footprint.
#pragma once

#include <vector>

#include "core/image.h"
#include "morphology/morphology_task.h"

namespace mcfast {

/// How far a footprint goes from its origin, first and last pixels included.
struct Reach {
    int first_row, last_row, first_column, last_column;

    /// That much around a box.
    Box around(const Box& box) const {
        return {box.top + first_row, box.bottom + last_row, box.left + first_column, box.right + last_column};
    }
};

/// What the kernel needs to know of a set of chords.
struct ChordPlan {
    ChordPlan() = default;
    explicit ChordPlan(const std::vector<Chord>& chords);

    /// Loads and stores for each vector of output, by their time.
    double cost() const;

    std::vector<Run> runs;
    PairOfRows pair;
    Reach reach{};
    int last_window = 0;  // rightmost column in which the second of the two windows begins that make up a run
};

/// The side of the square, if the chords are a square of odd side with a pixel at the middle of every side; else 0.
int cross_side(const std::vector<Chord>& chords);

}  // namespace mcfast
