// What the morphology kernels are given.
#pragma once

#include <algorithm>

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

/// Extremum over an arbitrary footprint, for the pixels of `box`.
template <class T>
struct FootprintTask {
    Image<const T> image;
    Image<T> out;  // row(0) is row `box.top`, column 0 is column `box.left`
    const Chord* chords;
    const int* chord_runs;  // for each chord the index of its run
    int chord_count;
    const Run* runs;  // distinct, by ascending length
    int run_count;
    int first_row, last_row;  // of the chords
    int first_column, reach;  // leftmost chord column; columns from there to the rightmost chord pixel
    Box box;
};

/// Buffers of the footprint kernel: a ring of rows, each with the table of every run.
template <class T>
struct FootprintLayout : Layout {
    FootprintLayout(const FootprintTask<T>& task, char* base)
        : Layout(base),
          pitch((std::size_t(task.box.columns()) + 63) / 64 * 64),
          ring(take<T>(std::size_t(task.last_row - task.first_row + 1) * task.run_count * pitch)),
          padded(take<T>(pitch + task.reach)),
          ping(take<T>(pitch + task.reach)),
          pong(take<T>(pitch + task.reach)),
          rows(take<const T*>(task.chord_count)) {}

    std::size_t pitch;
    T *ring, *padded, *ping, *pong;
    const T** rows;
};

}  // namespace mcfast
