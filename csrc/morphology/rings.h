// Rows in scratch memory that take turns: what a stage makes is kept for as long as the next one reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/image.h"

namespace mcfast {

/// Rows that later ones replace: row y + depth lies where row y did.
template <class T>
struct RowRing {
    T* data = nullptr;
    std::ptrdiff_t pitch = 0;
    int depth = 1;
    int start = 0;  // where row 0 lies

    /// Column 0 of row y, y >= 0.
    T* row(int y) const { return data + (y + start) % depth * pitch; }

    /// All rows of an image, each in its place: a ring that is never gone round.
    static RowRing of(const Image<T>& image) {
        return {image.data, image.stride, std::numeric_limits<int>::max() / 2, 0};
    }
};

/// Rows of which each is moved along by what makes a column of a slanted segment a column of aligned vectors.
///
/// A segment of step (1, 1) lies along a diagonal. With each row stored one value further left than the one above it,
/// its pixels lie below each other, and a vector of every row can be loaded and stored at the same place:
///
///   row 0   a . . .      a . . .
///   row 1   . b . .  ->  b . . .   (shown cut on the left; offsets wrap at a cache line, which keeps the alignment)
///   row 2   . . c .      c . .
template <class T>
struct ShearedRows {
    RowRing<T> ring;
    int columns = 0, rows = 1;  // the segment's step

    static constexpr int line = 64 / sizeof(T);

    /// How far column 0 of row y lies to the right of a cache line's beginning.
    int offset(int y) const { return -(y / rows * columns) & (line - 1); }

    /// Column 0 of row y.
    T* row(int y) const { return ring.row(y) + offset(y); }
};

/// How many values lie between the beginning of a cache line and `first`.
template <class T>
int past_line(const T* first) {
    return static_cast<int>(reinterpret_cast<std::uintptr_t>(first) / sizeof(T)) & (ShearedRows<T>::line - 1);
}

/// A pitch for rows that are read together: an odd number of cache lines, so that they do not share the cache's sets.
template <class T>
[[gnu::always_inline]] inline std::ptrdiff_t spread_pitch(int columns) {
    constexpr int line = 64 / sizeof(T);
    return ((columns + line - 1) / line | 1) * line;
}

}  // namespace mcfast
