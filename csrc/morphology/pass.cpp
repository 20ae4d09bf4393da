#include "morphology/pass.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/kernels.h"
#include "morphology/factors.h"

namespace mcfast {

namespace {

/// Costs are loads and stores for each vector of output. A share of the chords' own cost must be gained, which is where
/// the times cross.
constexpr double least_gain = 0.75, cost_of_cross = 11;

/// Loads and stores of sweeps, by their time.
double cost_of(const std::vector<Segment>& segments) {
    double cost = 0;
    for (const Segment& segment : segments) cost += 2.5 + segment.points * segment.rows / 8.0;
    return cost;
}

/// What `segments` reach together.
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

/// Two buffers that sweeps go between; column 0 stands for column `left` of the image.
template <class T>
struct SweepLayout : Layout {
    SweepLayout(const Box& box, const std::vector<Segment>& segments, char* base)
        : Layout(base),
          reach(reach_of(segments.begin(), segments.end())),
          left(box.left + reach.first_column - sweep_slack<T>) {
        const int columns = box.columns() + reach.last_column - reach.first_column + 2 * sweep_slack<T>;
        pitch = spread_pitch<T>(columns);
        for (T*& buffer : buffers) {
            buffer =
                take<T>(static_cast<std::size_t>(box.rows() + reach.last_row + 8) * static_cast<std::size_t>(pitch));
        }
    }

    Reach reach;
    int left;
    std::ptrdiff_t pitch;
    T* buffers[2];
};

}  // namespace

std::vector<Box> cut(int rows, int columns, int box_rows, int box_columns) {
    std::vector<Box> boxes;
    const int across = (columns + box_columns - 1) / box_columns;
    box_columns = ((columns + across - 1) / across + 63) / 64 * 64;  // of one width, rather than a narrow rest
    for (int y = 0; y < rows; y += box_rows) {
        for (int x = 0; x < columns; x += box_columns) {
            boxes.push_back({y, std::min(rows, y + box_rows), x, std::min(columns, x + box_columns)});
        }
    }
    return boxes;
}

template <class T>
Pass<T>::Pass(Extremum extremum, const Footprint& footprint)
    : extremum_(extremum),
      footprint_(footprint),
      reach_{-(footprint.rows / 2), footprint.rows / 2, -(footprint.columns / 2), footprint.columns / 2} {
    if (footprint.is_rectangle()) return;
    chords_ = ChordPlan(footprint.chords);
    reach_ = chords_.reach;
    divide(footprint.chords);
}

/// By segments, where that costs less.
template <class T>
void Pass<T>::divide(const std::vector<Chord>& chords) {
    const Factors factors = factor(chords);
    if (factors.segments.empty()) return;
    ChordPlan core(factors.core);
    const int side = cross_side(factors.core), cross = side <= largest_cross ? side : 0;
    const double cost = (cross ? cost_of_cross : core.cost()) + cost_of(factors.segments);
    if (cost > least_gain * chords_.cost()) return;
    chords_ = std::move(core);
    cross_ = cross;
    segments_ = factors.segments;
}

template <class T>
Box Pass<T>::reach(const Box& box, int rows, int columns) const {
    const Box all = reach_.around(box);
    return {std::clamp(all.top, 0, rows), std::clamp(all.bottom, 0, rows), std::clamp(all.left, 0, columns),
            std::clamp(all.right, 0, columns)};
}

template <class T>
int Pass<T>::box_rows() const {
    const int k = reach_.last_row - reach_.first_row + 1;
    if (is_divided()) return std::max(256, 4 * k);
    // A strip that is a multiple of k rows wastes no part of van Herk's last block; tables are filled for k rows more
    // than a strip has.
    return footprint_.is_rectangle() ? std::max(4, 128 / k) * k : std::max(320, 8 * k);
}

template <class T>
int Pass<T>::box_columns() const {
    const auto k = static_cast<std::size_t>(reach_.last_row - reach_.first_row + 1);
    if (is_divided()) return 4096;  // rows that are not cut are worth more than the cache
    const std::size_t buffered_rows = footprint_.is_rectangle() ? k : k * chords_.runs.size();
    const auto fitting = static_cast<int>(cache_bytes / (sizeof(T) * buffered_rows)) / 64 * 64;
    const int most = footprint_.is_rectangle() ? fitting : std::min(fitting, 2560);
    return std::max({most, 2 * (reach_.last_column - reach_.first_column) / 64 * 64, 256});
}

template <class T>
RectangleTask<T> Pass<T>::rectangle_task(const Box& box) const {
    return {{}, {}, 1, 0, footprint_.rows, footprint_.columns, box};
}

template <class T>
FootprintTask<T> Pass<T>::footprint_task(const Box& box) const {
    const Reach& reach = chords_.reach;
    return {{},
            {},
            chords_.runs.data(),
            static_cast<int>(chords_.runs.size()),
            &chords_.pair,
            reach.first_row,
            reach.last_row,
            reach.first_column,
            reach.last_column - reach.first_column,
            box};
}

template <class T>
CrossTask<T> Pass<T>::cross_task(const Box& box) const {
    const Reach& reach = chords_.reach;
    return {{}, {}, cross_, reach.first_row, (reach.first_column + reach.last_column) / 2, box};
}

template <class T>
std::size_t Pass<T>::core_bytes(const Box& box) const {
    if (cross_) return CrossLayout<T>(cross_task(box), nullptr).bytes();
    return FootprintLayout<T>(footprint_task(box), nullptr).bytes();
}

template <class T>
std::size_t Pass<T>::workspace_bytes(const Box& box) const {
    if (footprint_.is_rectangle()) return RectangleLayout<T>(rectangle_task(box), nullptr).bytes();
    if (!is_divided()) return core_bytes(box);
    const SweepLayout<T> buffer(box, segments_, nullptr);
    return buffer.bytes() + core_bytes(buffer.reach.around(box));
}

template <class T>
void Pass<T>::run(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace,
                  int channels) const {
    if (footprint_.is_rectangle()) {
        RectangleTask<T> task = rectangle_task(box);
        task.image = image;
        task.out = out;
        task.channels = channels;
        task.columns = image.columns / channels;
        kernels().of<T>().rectangle_extremum(extremum_, task, workspace);
    } else if (is_divided()) {
        run_factors(image, box, out, workspace);
    } else {
        run_core(image, box, out, workspace);
    }
}

/// The footprint without its segments.
template <class T>
void Pass<T>::run_core(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace) const {
    if (cross_) {
        CrossTask<T> task = cross_task(box);
        task.image = image;
        task.out = out;
        kernels().of<T>().cross_extremum(extremum_, task, workspace);
    } else {
        FootprintTask<T> task = footprint_task(box);
        task.image = image;
        task.out = out;
        kernels().of<T>().footprint_extremum(extremum_, task, workspace);
    }
}

/// The core's extremum, of all that the segments need, then theirs, one after the other.
template <class T>
void Pass<T>::run_factors(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace) const {
    const SweepLayout<T> buffer(box, segments_, workspace);
    const Box needed = buffer.reach.around(box);
    const Image<T> made{buffer.buffers[0] + sweep_slack<T>, buffer.pitch, needed.rows(), needed.columns()};
    run_core(image, needed, made, workspace + buffer.bytes());
    ShearedRows<T> from{buffer.buffers[0], buffer.pitch, 0, 1};
    for (auto segment = segments_.begin(); segment != segments_.end(); ++segment) {
        const Box to_make = reach_of(segment + 1, segments_.end()).around(box);
        const ShearedRows<T> to{from.data == buffer.buffers[0] ? buffer.buffers[1] : buffer.buffers[0], buffer.pitch,
                                segment->columns, segment->rows};
        const bool is_last = segment + 1 == segments_.end();
        kernels().of<T>().sweep(extremum_, {from, to, *segment, to_make.rows(), to_make.left - buffer.left,
                                            to_make.right - buffer.left, is_last ? out : Image<T>{}});
        from = to;
    }
}

template class Pass<std::uint8_t>;
template class Pass<std::uint16_t>;
template class Pass<float>;

}  // namespace mcfast
