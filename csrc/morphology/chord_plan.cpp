#include "morphology/chord_plan.h"

#include <algorithm>
#include <iterator>

namespace mcfast {

namespace {

bool same(const Run& a, const Run& b) {
    return a.column == b.column && a.length == b.length;
}

bool shorter(const Run& a, const Run& b) {
    return a.length != b.length ? a.length < b.length : a.column < b.column;
}

bool earlier(const TableEntry& a, const TableEntry& b) {
    return a.row != b.row ? a.row < b.row : a.run < b.run;
}

/// An output needs `upper`; the one below it needs the same one row further down.
PairOfRows share(std::vector<TableEntry> upper) {
    std::sort(upper.begin(), upper.end(), earlier);
    std::vector<TableEntry> lower = upper;
    for (TableEntry& entry : lower) ++entry.row;
    PairOfRows pair;
    const auto keep = std::back_inserter<std::vector<TableEntry>>;
    std::set_intersection(upper.begin(), upper.end(), lower.begin(), lower.end(), keep(pair.both), earlier);
    std::set_difference(upper.begin(), upper.end(), lower.begin(), lower.end(), keep(pair.upper), earlier);
    std::set_difference(lower.begin(), lower.end(), upper.begin(), upper.end(), keep(pair.lower), earlier);
    return pair;
}

Reach reach_of(const std::vector<Chord>& chords) {
    Reach reach{chords[0].row, chords[0].row, chords[0].column, chords[0].column};
    for (const Chord& chord : chords) {
        reach.first_row = std::min(reach.first_row, chord.row);
        reach.last_row = std::max(reach.last_row, chord.row);
        reach.first_column = std::min(reach.first_column, chord.column);
        reach.last_column = std::max(reach.last_column, chord.column + chord.length - 1);
    }
    return reach;
}

}  // namespace

ChordPlan::ChordPlan(const std::vector<Chord>& chords) : reach(reach_of(chords)) {
    for (const Chord& chord : chords) runs.push_back({chord.column, chord.length});
    std::sort(runs.begin(), runs.end(), shorter);
    runs.erase(std::unique(runs.begin(), runs.end(), same), runs.end());
    std::vector<TableEntry> entries;
    for (const Chord& chord : chords) {
        const auto at = std::lower_bound(runs.begin(), runs.end(), Run{chord.column, chord.length}, shorter);
        entries.push_back({chord.row, static_cast<int>(at - runs.begin())});
    }
    pair = share(entries);
    last_window = reach.first_column;
    for (const Run& run : runs) last_window = std::max(last_window, run.second_window());
}

double ChordPlan::cost() const {
    const auto loads = pair.both.size() + pair.upper.size() + pair.lower.size();
    return static_cast<double>(loads) / 2 + 3 * static_cast<double>(runs.size());
}

int cross_side(const std::vector<Chord>& chords) {
    const int side = static_cast<int>(chords.size()) - 2;
    if (side < 1 || side % 2 == 0) return 0;
    const int middle = chords[0].column;
    for (int i = 0; i < side + 2; ++i) {
        const int half = i == 0 || i == side + 1 ? 0 : side / 2 + (i == side / 2 + 1 ? 1 : 0);
        const Chord& chord = chords[static_cast<std::size_t>(i)];
        if (chord.row != chords[0].row + i || chord.column != middle - half || chord.length != 2 * half + 1) return 0;
    }
    return side;
}

}  // namespace mcfast
