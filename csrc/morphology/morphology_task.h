// What the morphology kernels are given.
#pragma once

#include <algorithm>
#include <vector>

#include "core/image.h"
#include "core/workspace.h"

namespace mcfast {

enum class Extremum { minimum, maximum };

/// A horizontal run of footprint pixels, relative to the footprint's origin.
struct Chord {
    int row, column, length;
};

/// Extremum over a rows x columns window (both odd), for the pixels of `box`.
template <class T>
struct RectangleTask {
    Image<const T> image;  // rows x (columns * channels)
    Image<T> out;          // row(0) is row `box.top`, column 0 is column `box.left`
    int channels;          // interleaved; the extremum over them is taken first
    int columns;           // of the image, in pixels
    int window_rows, window_columns;
    Box box;
};

/// How many values past the end of a row kernels may read, and what they write there: eight of the widest vectors.
template <class T>
constexpr std::size_t row_slack = 8 * 64 / sizeof(T);

/// A pitch for rows that are read together: an odd number of cache lines, so that they do not share the cache's sets.
template <class T>
[[gnu::always_inline]] inline std::ptrdiff_t spread_pitch(int columns) {
    constexpr int line = 64 / sizeof(T);
    return ((columns + line - 1) / line | 1) * line;
}

/// Buffers of the rectangle kernel: a block of `window_rows` rows of suffixes for van Herk, and rows.
template <class T>
struct RectangleLayout : Layout {
    RectangleLayout(const RectangleTask<T>& task, char* base)
        : Layout(base),
          pitch((std::size_t(task.box.columns()) + task.window_columns + 31) / 32 * 32),
          block(take<T>(std::size_t(task.window_rows) * pitch)),
          prefix(take<T>(pitch)),
          next_row(take<T>(pitch)),
          padded(take<T>(pitch + row_slack<T>)),
          ping(take<T>(pitch + row_slack<T>)),
          pong(take<T>(pitch)) {}

    std::size_t pitch;
    T *block, *prefix, *next_row, *padded, *ping, *pong;
};

/// A sliding extremum along the rows that at least one chord needs: over `length` pixels from `column` on.
struct Run {
    int column, length;
};

/// The table of run `run` in the row `row` below the output's: one of the values whose extremum the output is.
struct TableEntry {
    int row, run;
};

/// The entries of two outputs, one above the other: those that both need, and those of the upper and lower one alone.
struct PairOfRows {
    std::vector<TableEntry> both, upper, lower;
};

/// Extremum over an arbitrary footprint, for the pixels of `box`.
template <class T>
struct FootprintTask {
    Image<const T> image;
    Image<T> out;     // row(0) is row `box.top`, column 0 is column `box.left`
    const Run* runs;  // distinct, by ascending length
    int run_count;
    const PairOfRows* pair;
    int first_row, last_row;  // of the chords
    int first_column, reach;  // leftmost chord column; columns from there to the rightmost chord pixel
    Box box;

    int entries() const { return static_cast<int>(pair->both.size() + pair->upper.size() + pair->lower.size()); }
};

/// Pixels at 0, 1, ..., points - 1 times (columns, rows).
struct Segment {
    int columns, rows, points;
};

/// Pixels of a segment, at most: a longer one is the sum of two.
constexpr int most_points = 6;

/// Rows in scratch memory. Each is moved along by what makes a column of the segment that they were written for a
/// column of aligned vectors.
template <class T>
struct ShearedRows {
    T* data = nullptr;
    std::ptrdiff_t pitch = 0;
    int columns = 0, rows = 1;  // of the segment

    static constexpr int line = 64 / sizeof(T);

    /// How far column 0 of row y lies to the right of column 0 of row 0, were it not for `line`.
    int shear(int y) const { return y / rows * columns; }

    /// Column 0 of row y.
    T* row(int y) const { return data + y * pitch + ((-shear(y)) & (line - 1)); }
};

/// Values around the columns that are asked for which a sweep may read, and write anything to.
template <class T>
constexpr int sweep_slack = 64 + 3 * ShearedRows<T>::line;

/// to(y, x) = extremum over a segment from from(y, x) on, for rows [0, count) and columns [left, right).
template <class T>
struct SweepTask {
    ShearedRows<T> from, to;
    Segment segment;
    int count, left, right;
    Image<T> out;  // a copy of these rows and columns for the caller; no rows: none
};

/// Largest side of the square of a cross, so that a band of rows and those below it are in registers.
constexpr int largest_cross = 17;

/// Extremum over a square of odd side with one pixel at the middle of every side, for the pixels of `box`.
template <class T>
struct CrossTask {
    Image<const T> image;
    Image<T> out;  // row(0) is row `box.top`, column 0 is column `box.left`; up to 7 rows and a vector more are written
    int side;
    int first_row, column;  // of the topmost pixel
    Box box;
};

/// Buffers of the cross kernel: rings of rows and of their extrema.
template <class T>
struct CrossLayout : Layout {
    CrossLayout(const CrossTask<T>& task, char* base)
        : Layout(base),
          pitch(spread_pitch<T>(task.box.columns() + task.side + 1 + static_cast<int>(row_slack<T>))),
          depth(task.side + 2 + 7),
          pixels(take<T>(static_cast<std::size_t>(depth * pitch))),
          extrema(take<T>(static_cast<std::size_t>(depth * pitch))),
          ping(take<T>(static_cast<std::size_t>(pitch))),
          pong(take<T>(static_cast<std::size_t>(pitch))) {}

    std::ptrdiff_t pitch;
    int depth;
    T *pixels, *extrema, *ping, *pong;
};

/// Buffers of the footprint kernel: a ring of rows, each with the table of every run.
template <class T>
struct FootprintLayout : Layout {
    FootprintLayout(const FootprintTask<T>& task, char* base)
        : Layout(base),
          pitch((std::size_t(task.box.columns()) + 63) / 64 * 64),
          depth(task.last_row - task.first_row + 2),
          ring(take<T>(std::size_t(depth) * task.run_count * pitch)),
          padded(take<T>(pitch + task.reach + 2 * row_slack<T>)),
          ping(take<T>(pitch + task.reach + 2 * row_slack<T>)),
          pong(take<T>(pitch + task.reach + 2 * row_slack<T>)),
          spare(take<T>(pitch)),
          shifts(take<char>(std::size_t(64) * 2 * task.run_count)),
          offsets(take<std::ptrdiff_t>(task.entries())) {}

    std::size_t pitch;
    int depth;  // rows of the ring: those that two outputs need
    T *ring, *padded, *ping, *pong, *spare;
    char* shifts;  // two vectors of every run
    std::ptrdiff_t* offsets;
};

}  // namespace mcfast
