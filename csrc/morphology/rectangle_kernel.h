// Minimum or maximum over a rectangle: about 2 + log2(columns) + 3 vector operations per pixel, whatever the rows.
//
// Along a row, doubling: the extremum over 2w pixels is that of two windows of w, so log2(k) passes over an L1-resident
// row reach a window of k (one overlapping step for what is no power of two). Down the columns, van Herk (1992) and
// Gil and Werman (1993): rows are cut into blocks of k; a window of k rows is the suffix of one block and the prefix
// of the next, three operations per pixel for any k. All of it reads contiguous memory; nothing is transposed.
#pragma once

#include "core/simd.h"
#include "morphology/morphology_task.h"

namespace mcfast::MCFAST_LEVEL {

/// to[i] = extremum of from[i .. i + window), for i in [0, n). `ping` and `pong` hold n + window values.
template <class Op, class T>
void slide_along_row(T* to, const T* from, T* ping, T* pong, int n, int window) {
    const T* current = from;
    int reached = 1;
    while (2 * reached <= window) {
        T* next = current == ping ? pong : ping;
        combine<Op>(next, current, current + reached, n + window - 2 * reached);
        current = next;
        reached *= 2;
    }
    if (reached < window) {
        combine<Op>(to, current, current + (window - reached), n);
    } else {
        copy(to, current, n);
    }
}

/// Columns [begin, end) of row y, reduced over the channels; outside pixels become the identity.
template <class Op, class T>
void load_row(T* to, const Image<const T>& image, int channels, int columns, int y, int begin, int end) {
    const int first = begin < 0 ? 0 : begin, last = end > columns ? columns : end;
    if (y < 0 || y >= image.rows || first >= last) {
        fill(to, Op::identity, end - begin);
        return;
    }
    fill(to, Op::identity, first - begin);
    fill(to + (last - begin), Op::identity, end - last);
    T* inside = to + (first - begin);
    const T* row = image.row(y) + std::ptrdiff_t(first) * channels;
    if (channels == 1) {
        copy(inside, row, last - first);
        return;
    }
    for (int x = 0; x < last - first; ++x) {
        T value = row[std::ptrdiff_t(x) * channels];
        for (int c = 1; c < channels; ++c) value = Op::of(value, row[std::ptrdiff_t(x) * channels + c]);
        inside[x] = value;
    }
}

template <class Op, class T>
void rectangle(const RectangleTask<T>& task, char* workspace) {
    RectangleLayout<T> buffer(task, workspace);
    const int n = task.box.columns(), k = task.window_rows, radius = k / 2, side = task.window_columns / 2;
    const auto pitch = buffer.pitch;
    const auto fill_block = [&](T* block, int first, int rows) {
        for (int j = 0; j < rows; ++j) {
            load_row<Op>(buffer.padded, task.image, task.channels, task.columns, first + j, task.box.left - side,
                         task.box.right + side);
            slide_along_row<Op>(block + j * pitch, buffer.padded, buffer.ping, buffer.pong, n, task.window_columns);
        }
    };
    T *block = buffer.block, *next = buffer.next_block;
    fill_block(block, task.box.top - radius, k);
    for (int y = task.box.top; y < task.box.bottom; y += k) {
        for (int j = k - 2; j >= 0; --j) {
            combine<Op>(block + j * pitch, block + j * pitch, block + (j + 1) * pitch, n);  // suffixes
        }
        const int rows = k < task.box.bottom - y ? k : task.box.bottom - y;
        copy(task.out.row(y - task.box.top), block, n);
        fill_block(next, y - radius + k, y + k < task.box.bottom ? k : rows - 1);
        for (int j = 1; j < rows; ++j) {
            T* prefix = buffer.prefix;
            if (j == 1) {
                copy(prefix, next, n);
            } else {
                combine<Op>(prefix, prefix, next + (j - 1) * pitch, n);
            }
            combine<Op>(task.out.row(y - task.box.top + j), block + j * pitch, prefix, n);
        }
        T* spent = block;
        block = next;
        next = spent;
    }
}

template <class T>
void rectangle_extremum(Extremum extremum, const RectangleTask<T>& task, char* workspace) {
    if (extremum == Extremum::minimum) {
        rectangle<Minimum<T>>(task, workspace);
    } else {
        rectangle<Maximum<T>>(task, workspace);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
