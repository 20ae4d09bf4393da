// Minimum or maximum over an arbitrary flat footprint: one operation per pixel and chord, plus log2(longest chord).
//
// Urbach and Wilkinson (2008): the footprint is a set of horizontal runs, its chords. For every image row a table
// holds the sliding extremum over each distinct chord; an output pixel is then the extremum of one table entry per
// chord. A disk has one chord per row, so its cost grows with the diameter, not with the area. The tables of the rows
// in reach live in a ring, each shifted so that all entries of an output pixel stand at its own column: the loads of
// the inner loop are aligned.
#pragma once

#include "core/simd.h"
#include "morphology/morphology_task.h"

namespace mcfast::MCFAST_LEVEL {

/// Columns [begin, end) of row y; outside pixels become the identity.
template <class Op, class T>
void load_row(T* to, const Image<const T>& image, int y, int begin, int end) {
    const int first = begin < 0 ? 0 : begin, last = end > image.columns ? image.columns : end;
    if (y < 0 || y >= image.rows || first >= last) {
        fill(to, Op::identity, end - begin);
        return;
    }
    fill(to, Op::identity, first - begin);
    copy(to + (first - begin), image.row(y) + first, last - first);
    fill(to + (last - begin), Op::identity, end - last);
}

/// The tables of image row y: table[run][x] = extremum of the run's pixels around column left + x.
template <class Op, class T>
void fill_tables(const FootprintTask<T>& task, const FootprintLayout<T>& buffer, T* tables, int y) {
    const int n = task.box.columns(), width = n + task.reach, first = task.box.left + task.first_column;
    load_row<Op>(buffer.padded, task.image, y, first, first + width);
    const T* current = buffer.padded;  // current[i] is the extremum of `reached` pixels
    int reached = 1;
    for (int i = 0; i < task.run_count; ++i) {
        const Run run = task.runs[i];
        while (2 * reached <= run.length) {
            T* next = current == buffer.ping ? buffer.pong : buffer.ping;
            combine<Op>(next, width - 2 * reached + 1, current, current + reached);
            current = next;
            reached *= 2;
        }
        T* table = tables + i * buffer.pitch;
        const T* from = current + (run.column - task.first_column);
        if (reached < run.length) {
            combine<Op>(table, n, from, from + (run.length - reached));
        } else {
            copy(table, from, n);
        }
    }
}

/// Extremum of rows[i][x ..] over i, for `unroll` vectors at once, so that loads do not wait for one another.
template <class Op, int unroll, class T>
[[gnu::always_inline]] inline void reduce_vectors(T* to, const T* const* rows, int count, int x) {
    Vector<T> best[unroll];
    for (int u = 0; u < unroll; ++u) best[u] = load(rows[0] + x + u * lanes<T>);
    for (int i = 1; i < count; ++i) {
        const T* row = rows[i] + x;
        for (int u = 0; u < unroll; ++u) best[u] = Op::of(best[u], load(row + u * lanes<T>));
    }
    for (int u = 0; u < unroll; ++u) store(to + x + u * lanes<T>, best[u]);
}

/// to[x] = extremum of rows[i][x] over i, for x in [0, n).
template <class Op, class T>
void reduce_rows(T* to, const T* const* rows, int count, int n) {
    constexpr int unroll = 8;
    if (n < lanes<T>) {
        for (int x = 0; x < n; ++x) {
            T best = rows[0][x];
            for (int i = 1; i < count; ++i) best = Op::of(best, rows[i][x]);
            to[x] = best;
        }
        return;
    }
    int x = 0;
    for (; x + unroll * lanes<T> <= n; x += unroll * lanes<T>) reduce_vectors<Op, unroll>(to, rows, count, x);
    for (; x + lanes<T> <= n; x += lanes<T>) reduce_vectors<Op, 1>(to, rows, count, x);
    if (x < n) reduce_vectors<Op, 1>(to, rows, count, n - lanes<T>);
}

template <class Op, class T>
void footprint(const FootprintTask<T>& task, char* workspace) {
    FootprintLayout<T> buffer(task, workspace);
    const int depth = task.last_row - task.first_row + 1;
    const std::size_t per_row = task.run_count * buffer.pitch;
    // Row y of the image has its tables in slot (y - top) mod depth, where top is the first row that is needed.
    const int top = task.box.top + task.first_row;
    for (int y = top; y < top + depth - 1; ++y) fill_tables<Op>(task, buffer, buffer.ring + (y - top) * per_row, y);
    for (int y = task.box.top; y < task.box.bottom; ++y) {
        const int newest = y + task.last_row;
        fill_tables<Op>(task, buffer, buffer.ring + ((newest - top) % depth) * per_row, newest);
        for (int i = 0; i < task.chord_count; ++i) {
            const std::size_t slot = (y + task.chords[i].row - top) % depth;
            buffer.rows[i] = buffer.ring + slot * per_row + task.chord_runs[i] * buffer.pitch;
        }
        reduce_rows<Op>(task.out.row(y - task.box.top), buffer.rows, task.chord_count, task.box.columns());
    }
}

template <class T>
void footprint_extremum(Extremum extremum, const FootprintTask<T>& task, char* workspace) {
    if (extremum == Extremum::minimum) {
        footprint<Minimum<T>>(task, workspace);
    } else {
        footprint<Maximum<T>>(task, workspace);
    }
}

/// to = a - b, row by row. `to` may be either.
template <class T>
void subtract_rows(const Image<const T>& a, const Image<const T>& b, const Image<T>& to) {
    for (int y = 0; y < to.rows; ++y) {
        const T *p = a.row(y), *q = b.row(y);
        T* o = to.row(y);
        for (int x = 0; x < to.columns; ++x) o[x] = static_cast<T>(p[x] - q[x]);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
