// Extremum over a slanted segment: about one load and one store per pixel, whatever its length.
//
// A band of rows is held in registers, each row moved along by the segment's slope, so that a segment is a column of
// vectors. Extrema over two, four, ... rows then follow from one another, as windows do that slide along a row (van
// Herk's block, with all of it in registers). Rows are stored sheared: a store across a cache line costs twice as
// much; a load from the second-level cache does not.
#pragma once

#include "core/simd.h"
#include "morphology/morphology_task.h"

namespace mcfast::MCFAST_LEVEL {

/// Rows of output that are made at once: what 32 or 16 registers hold together with the rows below that they need.
constexpr int band_rows = MCFAST_VECTOR_BYTES == 64 ? 8 : 4;
static_assert(rows_at_once % band_rows == 0);

/// The first `count` values become extrema over `points` values, `step` apart.
template <class Op, int points, int step, int count, class V>
[[gnu::always_inline]] inline void reduce_rows(V (&values)[count + (points - 1) * step]) {
    constexpr int held = count + (points - 1) * step;
    int reached = 1;
#pragma GCC unroll 4
    for (; 2 * reached <= points; reached *= 2) {
#pragma GCC unroll 32
        for (int j = 0; j + reached * step < held; ++j) values[j] = Op::of(values[j], values[j + reached * step]);
    }
    if (reached == points) return;
#pragma GCC unroll 32
    for (int j = 0; j < count; ++j) values[j] = Op::of(values[j], values[j + (points - reached) * step]);
}

template <class Op, int points, int rows, class T>
void sweep_band(const SweepTask<T>& task, int y) {
    constexpr int held = band_rows + (points - 1) * rows;
    const int columns = task.segment.columns;
    const auto skew = [columns](int j) { return j / rows * columns; };
    const int end = skew(band_rows - 1), rightmost = end > 0 ? end : 0, leftmost = end < 0 ? end : 0;
    const T* from[held];
    T* to[band_rows];
    for (int j = 0; j < held; ++j) from[j] = task.from.row(y + j) + skew(j);
    for (int j = 0; j < band_rows; ++j) to[j] = task.to.row(y + j) + skew(j);
    // Every row of the band must reach from `left` to `right`, and start where a store is aligned.
    const int first = task.left - rightmost, past = (first + task.to.offset(y)) & (lanes<T> - 1);
    for (int x = first - past; x < task.right - leftmost; x += lanes<T>) {
        Vector<T> best[held];
#pragma GCC unroll 32
        for (int j = 0; j < held; ++j) best[j] = load(from[j] + x);
        reduce_rows<Op, points, rows, band_rows>(best);
#pragma GCC unroll 32
        for (int j = 0; j < band_rows; ++j) store(to[j] + x, best[j]);
    }
}

/// The segment's points, known when it is compiled.
template <int points = 2, class F>
[[gnu::always_inline]] inline void with_points(int wanted, const F& f) {
    if constexpr (points < most_points) {
        if (wanted != points) return with_points<points + 1>(wanted, f);
    }
    f(std::integral_constant<int, points>{});
}

template <class Op, class T>
void sweep_by(const SweepTask<T>& task, int y) {
    with_points(task.segment.points, [&](auto points) {
        task.segment.rows == 1 ? sweep_band<Op, points, 1>(task, y) : sweep_band<Op, points, 2>(task, y);
    });
}

template <class T>
void sweep(Extremum extremum, const SweepTask<T>& task) {
    for (int y = task.top; y < task.top + rows_at_once; y += band_rows) {
        extremum == Extremum::minimum ? sweep_by<Minimum<T>>(task, y) : sweep_by<Maximum<T>>(task, y);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
