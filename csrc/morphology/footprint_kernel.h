// Minimum or maximum over an arbitrary flat footprint: one operation per pixel and chord, plus log2(longest chord).
//
// Urbach and Wilkinson (2008): the footprint is a set of horizontal runs, its chords. For every image row a table
// holds the sliding extremum over each distinct chord; an output pixel is then the extremum of one table entry per
// chord. A disk has one chord per row, so its cost grows with the diameter, not with the area. The tables of the rows
// in reach live in a ring, each shifted so that all entries of an output pixel stand at its own column: the loads of
// the inner loop, which bound its speed, are aligned. Two rows of output are made at once: what a row has in common
// with the next, wherever neighbouring chords are equal, is loaded once.
#pragma once

#include "core/simd.h"
#include "morphology/chord_tables.h"
#include "morphology/morphology_task.h"

namespace mcfast::MCFAST_LEVEL {

/// Tables that an output needs: offsets from the slot of the topmost row, and those past the ring's end, which wrap.
struct Entries {
    std::ptrdiff_t* offsets;
    int count, unwrapped;

    /// Takes as many offsets as there are entries from `memory`.
    template <class T>
    static Entries of(const std::vector<TableEntry>& list, const FootprintTask<T>& task, std::size_t pitch,
                      std::ptrdiff_t*& memory) {
        const Entries entries{memory, static_cast<int>(list.size()), 0};
        for (const TableEntry& entry : list) {
            *memory++ = ((entry.row - task.first_row) * std::ptrdiff_t(task.run_count) + entry.run) *
                        static_cast<std::ptrdiff_t>(pitch);
        }
        return entries;
    }

    /// Offsets ascend with the row: those from `end` on wrap.
    void wrap_at(std::ptrdiff_t end) {
        unwrapped = 0;
        while (unwrapped < count && offsets[unwrapped] < end) ++unwrapped;
    }
};

/// Two outputs, one above the other: what both, the upper and the lower one need, from the topmost row's slot on.
template <class T>
struct PairEntries {
    Entries both, upper, lower;
    std::ptrdiff_t ring;  // its length
    const T* topmost;     // slot of the topmost row
};

/// Both extrema for `unroll` vectors at once, so that loads do not wait for one another; writes `count` pixels of them.
template <class Op, int unroll, class T>
[[gnu::always_inline]] inline void reduce_vectors(T* upper, T* lower, const PairEntries<T>& of, int x, int count) {
    constexpr int step = lanes<T>;
    Vector<T> common[unroll], best[unroll];
    const auto include = [&](Vector<T>* extrema, const Entries& entries) __attribute__((always_inline)) {
        std::ptrdiff_t from = x;
        for (int i = 0; i < entries.count; ++i) {
            if (i == entries.unwrapped) from -= of.ring;
            const T* entry = of.topmost + (from + entries.offsets[i]);
            for (int u = 0; u < unroll; ++u) extrema[u] = Op::of(extrema[u], load(entry + u * step));
        }
    };
    const auto finish = [&](T* to, const Entries& entries) __attribute__((always_inline)) {
        for (int u = 0; u < unroll; ++u) best[u] = common[u];
        include(best, entries);
        for (int u = 0; u < unroll; ++u) store_some(to + x + u * step, best[u], count - u * step);
    };
    for (int u = 0; u < unroll; ++u) common[u] = Vector<T>{} + Op::identity;
    include(common, of.both);
    finish(upper, of.upper);
    finish(lower, of.lower);
}

/// Has the rows of `next` brought to the cache meanwhile.
template <class Op, class T>
void reduce_pair(T* upper, T* lower, const PairEntries<T>& of, int n, const Image<const T>& next) {
    constexpr int step = lanes<T>, line = 64 / sizeof(T);
    int x = 0;
    for (; x + 8 * step <= n; x += 8 * step) {
        for (int j = 0; j < next.rows; ++j) {
            for (int to = x; to < x + 8 * step; to += line) __builtin_prefetch(next.row(j) + to, 0, 2);
        }
        reduce_vectors<Op, 8>(upper, lower, of, x, 8 * step);
    }
    for (; x + 2 * step <= n; x += 2 * step) reduce_vectors<Op, 2>(upper, lower, of, x, 2 * step);
    for (; x < n; x += step) reduce_vectors<Op, 1>(upper, lower, of, x, n - x);
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

/// Tables of the rows that outputs before `out.top` needed are in the ring.
template <class Op, class T>
void footprint(const FootprintTask<T>& task, char* workspace) {
    const FootprintLayout<T> buffer(task, workspace);
    const ChordTables<Op, T> tables(task, buffer);
    const auto per_row = task.run_count * static_cast<std::ptrdiff_t>(buffer.pitch), ring = buffer.depth * per_row;
    const auto slot_of = [&](int y) { return y % buffer.depth * per_row; };
    const auto fill_row = [&](int y) { tables.fill(buffer.ring + slot_of(y), y); };
    std::ptrdiff_t* offsets = buffer.offsets;
    PairEntries<T> pair{Entries::of(task.pair->both, task, buffer.pitch, offsets),
                        Entries::of(task.pair->upper, task, buffer.pitch, offsets),
                        Entries::of(task.pair->lower, task, buffer.pitch, offsets), ring, nullptr};
    const RowsOut<T>& out = task.out;
    for (int y = 0; out.top == 0 && y < task.height - 1; ++y) fill_row(y);
    const int end = out.top + out.rows;
    for (int y = out.top; y < end; y += 2) {
        fill_row(y + task.height - 1);
        fill_row(y + task.height);
        const std::ptrdiff_t topmost = slot_of(y);
        pair.topmost = buffer.ring + topmost;
        for (Entries* entries : {&pair.both, &pair.upper, &pair.lower}) entries->wrap_at(ring - topmost);
        const int first = y - out.top, fetched = out.next.rows - first;
        const Image<const T> next{out.next.row(first), out.next.stride, fetched < 2 ? fetched : 2, out.next.columns};
        reduce_pair<Op>(out.to.row(y), y + 1 < end ? out.to.row(y + 1) : out.spare, pair, out.columns, next);
        for (int of = y; of < end && of < y + 2 && out.is_difference(); ++of) {
            const Image<T> made{out.to.row(of), 0, 1, out.columns};
            const Image<const T> pixels{out.image.row(of), 0, 1, out.columns};
            Op::is_minimum ? subtract_rows<T>(made, pixels, made) : subtract_rows<T>(pixels, made, made);
        }
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

}  // namespace mcfast::MCFAST_LEVEL
