// What the morphology kernels are given.
#pragma once

#include <algorithm>
#include <vector>

#include "core/image.h"
#include "core/workspace.h"
#include "morphology/rings.h"

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

    /// The largest power of two that is not longer; two windows of so many pixels cover the run.
    int window() const {
        int w = 1;
        while (2 * w <= length) w *= 2;
        return w;
    }

    /// Where the second one begins.
    int second_window() const { return column + length - window(); }
};

/// The table of run `run` in the row `row` below the output's: one of the values whose extremum the output is.
struct TableEntry {
    int row, run;
};

/// The entries of two outputs, one above the other: those that both need, and those of the upper and lower one alone.
struct PairOfRows {
    std::vector<TableEntry> both, upper, lower;
};

/// Rows that the stages of a footprint's extremum make at a time.
constexpr int rows_at_once = 8;

/// Where the last stage of an extremum puts rows [top, top + rows) and their `columns` columns.
template <class T>
struct RowsOut {
    RowRing<T> to;
    int top, rows, columns;
    T* spare;              // a row for what is made beyond them
    Image<const T> image;  // with rows: what becomes of the extremum is its difference from these pixels
    Image<const T> next;   // pixels that are read next, to be brought to the cache while there is something else to do
    bool is_fetched;       // whether the rows that are written next are, too

    bool is_difference() const { return image.rows > 0; }
};

/// Pixels at 0, 1, ..., points - 1 times (columns, rows).
struct Segment {
    int columns, rows, points;

    /// Rows from its first pixel to its last.
    int height() const { return (points - 1) * rows + 1; }
};

/// Pixels of a segment, at most: a longer one is the sum of two.
constexpr int most_points = 6;

/// Values around the columns that are asked for which a sweep may read, and write anything to.
template <class T>
constexpr int sweep_slack = 64 + 3 * ShearedRows<T>::line;

/// to(y, x) = extremum over a segment from from(y, x) on, for `rows_at_once` rows and columns [left, right).
template <class T>
struct SweepTask {
    ShearedRows<T> from, to;
    Segment segment;
    int top, left, right;
};

/// Largest side of the square of a cross, so that a band of rows and those below it are in registers.
constexpr int largest_cross = 17;

/// Extremum over a square of odd side with one pixel at the middle of every side.
///
/// Row y of the output is made of rows [y, y + side + 2) and, in the first column, of columns from `left` on.
template <class T>
struct CrossTask {
    RowRing<T> from;
    RowRing<T> along;  // extrema over the square's columns, each at the middle one, of rows before `made`
    T *ping, *pong;    // rows
    int side, left, made;
    RowsOut<T> out;
};

/// Extremum over an arbitrary footprint of at most `height` rows: row y of the output is made of rows [y, y + height).
template <class T>
struct FootprintTask {
    RowRing<T> from;
    int left;         // column of `from` that the leftmost pixel of the first output lies in
    const Run* runs;  // distinct, by ascending length
    int run_count;
    const PairOfRows* pair;
    int height;                   // rows from the first to the last chord
    int first_row, first_column;  // of the chords
    int reach;                    // columns from the first to that of the rightmost pixel
    int last_window;              // rightmost column in which the second of a run's two windows begins
    RowsOut<T> out;

    int entries() const { return static_cast<int>(pair->both.size() + pair->upper.size() + pair->lower.size()); }
};

/// Buffers of the footprint kernel: a ring of rows, each with the table of every run.
template <class T>
struct FootprintLayout : Layout {
    FootprintLayout(const FootprintTask<T>& task, char* base)
        : Layout(base),
          pitch((std::size_t(task.out.columns) + 63) / 64 * 64),
          depth(task.height + 1),
          ring(take<T>(std::size_t(depth) * task.run_count * pitch)),
          padded(take<T>(pitch + task.reach + 2 * row_slack<T>)),
          ping(take<T>(pitch + task.reach + 2 * row_slack<T>)),
          pong(take<T>(pitch + task.reach + 2 * row_slack<T>)),
          shifts(take<char>(std::size_t(64) * 2 * task.run_count)),
          offsets(take<std::ptrdiff_t>(task.entries())) {}

    std::size_t pitch;
    int depth;  // rows of the ring: those that two outputs need
    T *ring, *padded, *ping, *pong;
    char* shifts;  // two vectors of every run
    std::ptrdiff_t* offsets;
};

}  // namespace mcfast
