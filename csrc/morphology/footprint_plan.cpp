#include "morphology/footprint_plan.h"

#include <algorithm>
#include <utility>

#include "morphology/factors.h"
#include "morphology/rectangle_pass.h"

namespace mcfast {

namespace {

/// Costs are loads and stores for each vector of output, by their time in the kernel of chords. A share of those must
/// be gained.
constexpr double least_gain = 0.9, cost_of_cross = 8;

/// Of sweeps.
double cost_of(const std::vector<Segment>& segments) {
    double cost = 0;
    for (const Segment& segment : segments) cost += 1.6 + segment.points * segment.rows / 12.0;
    return cost;
}

}  // namespace

Reach reach_of(std::vector<Segment>::const_iterator first, std::vector<Segment>::const_iterator last) {
    Reach reach{};
    for (; first != last; ++first) {
        const int columns = (first->points - 1) * first->columns;
        reach.last_row += (first->points - 1) * first->rows;
        reach.first_column += std::min(0, columns);
        reach.last_column += std::max(0, columns);
    }
    return reach;
}

FootprintPlan::FootprintPlan(const Footprint& footprint) : core(footprint.chords) {
    reach = core.reach;
    Factors factors = factor(footprint.chords);
    const int side = cross_side(factors.core), fitting = side <= largest_cross ? side : 0;
    ChordPlan divided(factors.core);
    const double cost = (fitting ? cost_of_cross : divided.cost()) + cost_of(factors.segments);
    if (cost > least_gain * core.cost()) return;
    core = std::move(divided);
    cross = fitting;
    segments = std::move(factors.segments);
}

/// One box for each thread, two where there are several, which need not be equally fast; each makes some of its
/// neighbour's rows again.
int FootprintPlan::box_rows(int image_rows, int threads) const {
    const int boxes = threads > 1 ? 2 * threads : 1;
    return std::max((image_rows + boxes - 1) / boxes, 8 * height());
}

/// Rows that are not cut are worth more than the cache, up to a point.
int FootprintPlan::box_columns(std::size_t pixel_bytes) const {
    if (cross || !segments.empty()) return 4096;
    const auto table_rows = static_cast<std::size_t>(height()) * core.runs.size();
    const auto fitting = static_cast<int>(cache_bytes / (pixel_bytes * table_rows)) / 64 * 64;
    return std::max({std::min(fitting, 2560), 2 * (reach.last_column - reach.first_column) / 64 * 64, 256});
}

}  // namespace mcfast
