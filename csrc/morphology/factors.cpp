#include "morphology/factors.h"

#include <algorithm>

namespace mcfast {

namespace {

int last_column(const Chord& chord) {
    return chord.column + chord.length - 1;
}

/// One chord in each row, from top to bottom.
bool has_no_gaps(const std::vector<Chord>& chords) {
    for (std::size_t i = 1; i < chords.size(); ++i) {
        if (chords[i].row != chords[i - 1].row + 1) return false;
    }
    return !chords.empty();
}

/// The largest set whose sum with {0, (columns, rows)} lies in the footprint: what it and its shifted self share.
std::vector<Chord> shared(const std::vector<Chord>& chords, const Segment& step) {
    std::vector<Chord> both;
    for (std::size_t i = 0; i + static_cast<std::size_t>(step.rows) < chords.size(); ++i) {
        const Chord &here = chords[i], &there = chords[i + static_cast<std::size_t>(step.rows)];
        const int first = std::max(here.column, there.column - step.columns);
        const int last = std::min(last_column(here), last_column(there) - step.columns);
        if (first > last) return {};
        both.push_back({here.row, first, last - first + 1});
    }
    return both;
}

/// Whether `part` and its shifted self cover all of the footprint.
bool covers(const std::vector<Chord>& part, const Segment& step, const std::vector<Chord>& chords) {
    const auto rows = static_cast<std::size_t>(step.rows);
    for (std::size_t i = 0; i < chords.size(); ++i) {
        const bool has_here = i < part.size(), has_there = i >= rows;
        if (!has_here && !has_there) return false;
        Chord here = has_here ? part[i] : part[i - rows], there = has_there ? part[i - rows] : part[i];
        if (!has_here) here.column += step.columns;
        if (has_there) there.column += step.columns;
        const bool joined = std::max(here.column, there.column) <= std::min(last_column(here), last_column(there)) + 1;
        const int first = std::min(here.column, there.column), last = std::max(last_column(here), last_column(there));
        if (!joined || first != chords[i].column || last != last_column(chords[i])) return false;
    }
    return true;
}

}  // namespace

Factors factor(std::vector<Chord> chords) {
    std::sort(chords.begin(), chords.end(), [](const Chord& a, const Chord& b) { return a.row < b.row; });
    if (!has_no_gaps(chords)) return {std::move(chords), {}};
    Factors factors{std::move(chords), {}};
    for (const auto& [columns, rows] : {std::pair{1, 1}, {-1, 1}, {2, 1}, {-2, 1}, {1, 2}, {-1, 2}}) {
        Segment segment{columns, rows, 1};
        while (true) {
            std::vector<Chord> smaller = shared(factors.core, segment);
            if (smaller.empty() || !covers(smaller, segment, factors.core)) break;
            factors.core = std::move(smaller);
            if (++segment.points == most_points) {
                factors.segments.push_back(segment);
                segment.points = 1;
            }
        }
        if (segment.points > 1) factors.segments.push_back(segment);
    }
    return factors;
}

}  // namespace mcfast
