// Minimum or maximum over a rectangle, at a cost that hardly depends on its size.
//
// Down the columns, van Herk (1992) and Gil and Werman (1993): rows are cut into blocks of k; a window of k rows is the
// suffix of one block and the prefix of the next, three operations per pixel for any k. Along the row, quadrupling: the
// extremum over 4 w pixels is that of four windows of w, so log4(k) passes over an L1-resident row reach a window of k;
// the last one overlaps. Each row of the image is read where it lies; only the block's suffixes and two rows are
// scratch. All of it is contiguous; nothing is transposed. Windows of up to three rows are combined directly.
#pragma once

#include "core/simd.h"
#include "morphology/morphology_task.h"
#include "morphology/slide.h"

namespace mcfast::MCFAST_LEVEL {

/// How many rows ahead of their use.
constexpr int fetched_ahead = 3;

/// Extremum over the rows of each window, then along the row.
template <class Op, class T>
struct RectangleKernel {
    const RectangleTask<T>& task;
    RectangleLayout<T> buffer;
    int begin, end, width;  // columns that the windows of the box reach, clipped to the image
    T* padded;              // a row of column extrema, with the columns that lie outside the image
    T* inside;              // the part of it that lies inside, aligned

    RectangleKernel(const RectangleTask<T>& t, char* workspace) : task(t), buffer(t, workspace) {
        const int side = task.window_columns / 2;
        begin = task.box.left - side > 0 ? task.box.left - side : 0;
        end = task.box.right + side < task.columns ? task.box.right + side : task.columns;
        width = end - begin;
        const int outside = begin - (task.box.left - side);
        padded = buffer.padded + (lanes<T> - outside % lanes<T>) % lanes<T>;
        inside = padded + outside;
        // The columns outside the image stay the identity in every row.
        fill(padded, Op::identity, task.box.columns() + task.window_columns);
    }

    /// Row y of the image, or null if there is none; several channels are reduced into `space`.
    const T* row(int y, T* space) const {
        if (y < 0 || y >= task.image.rows) return nullptr;
        const T* from = task.image.row(y) + std::ptrdiff_t(begin) * task.channels;
        if (task.channels == 1) return from;
        for (int x = 0; x < width; ++x) {
            T value = from[std::ptrdiff_t(x) * task.channels];
            for (int c = 1; c < task.channels; ++c) value = Op::of(value, from[std::ptrdiff_t(x) * task.channels + c]);
            space[x] = value;
        }
        return space;
    }

    /// Has row y of the image on its way to the second-level cache: where boxes are narrower than the image, the
    /// processor does not foresee it.
    void fetch(int y) const {
        if (y >= task.image.rows) return;
        const T* from = task.image.row(y) + std::ptrdiff_t(begin) * task.channels;
        for (int x = 0; x < width * task.channels; x += static_cast<int>(64 / sizeof(T)))
            __builtin_prefetch(from + x, 0, 2);
    }

    void write(int y) const {
        slide_along_row<Op>(task.out.row(y - task.box.top), padded, buffer.ping, buffer.pong, task.box.columns(),
                            task.window_columns);
    }

    /// Windows of one or three rows.
    void few_rows() const {
        for (int y = task.box.top; y < task.box.bottom; ++y) {
            const T* middle = row(y, buffer.block);
            const T* above = task.window_rows == 1 ? nullptr : row(y - 1, buffer.next_row);
            const T* below = task.window_rows == 1 ? nullptr : row(y + 1, buffer.prefix);
            if (above && below) {
                combine<Op>(inside, width, middle, above, below);
            } else if (above || below) {
                combine<Op>(inside, width, middle, above ? above : below);
            } else {
                copy(inside, middle, width);
            }
            write(y);
        }
    }

    /// suffixes[j] = extremum of rows first + j .. first + k - 1.
    void fill_suffixes(int first) const {
        const int k = task.window_rows;
        const T* below = nullptr;
        for (int j = k - 1; j >= 0; --j) {
            T* to = buffer.block + j * buffer.pitch;
            const T* from = row(first + j, buffer.next_row);
            if (from && below) {
                combine<Op>(to, width, from, below);
            } else if (from || below) {
                copy(to, from ? from : below, width);
            } else {
                fill(to, Op::identity, width);
            }
            below = to;
        }
    }

    void many_rows() const {
        const int k = task.window_rows, radius = k / 2;
        for (int y = task.box.top; y < task.box.bottom; y += k) {
            fill_suffixes(y - radius);
            const int rows = k < task.box.bottom - y ? k : task.box.bottom - y;
            copy(inside, buffer.block, width);
            write(y);
            bool started = false;  // whether `prefix` holds any row
            for (int j = 1; j < rows; ++j) {
                const T* suffix = buffer.block + j * buffer.pitch;
                const T* from = row(y - radius + k + j - 1, buffer.next_row);
                fetch(y - radius + k + j - 1 + fetched_ahead);
                if (from && started) {
                    extend_prefix(from, suffix);
                } else if (from) {
                    copy(buffer.prefix, from, width);
                    combine<Op>(inside, width, suffix, from);
                    started = true;
                } else if (started) {
                    combine<Op>(inside, width, suffix, buffer.prefix);
                } else {
                    copy(inside, suffix, width);
                }
                write(y + j);
            }
        }
    }

    /// prefix = Op(prefix, from) and inside = Op(suffix, prefix), in one pass.
    void extend_prefix(const T* from, const T* suffix) const {
        T *prefix = buffer.prefix, *to = inside;
        if (width < lanes<T>) {
            combine<Op>(prefix, width, prefix, from);
            combine<Op>(to, width, prefix, suffix);
            return;
        }
        for_each_vector(to, width, [&](int x) {
            const Vector<T> grown = Op::of(load(prefix + x), load(from + x));
            store(prefix + x, grown);
            store(to + x, Op::of(grown, load(suffix + x)));
        });
    }
};

template <class Op, class T>
void rectangle(const RectangleTask<T>& task, char* workspace) {
    const RectangleKernel<Op, T> kernel(task, workspace);
    if (task.window_rows <= 3) {
        kernel.few_rows();
    } else {
        kernel.many_rows();
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
