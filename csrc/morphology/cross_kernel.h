// Extremum over a square with a pixel at the middle of every side: what is left of most disks without their segments.
//
// Rows first (slide.h), then a band of rows in registers, as sweeps do it, and the four pixels one by one: about eight
// loads and two stores for each vector, for any side.
#pragma once

#include "morphology/chord_tables.h"
#include "morphology/sweep_kernel.h"

namespace mcfast::MCFAST_LEVEL {

template <class Op, int side, class T>
class Cross {
  public:
    Cross(const CrossTask<T>& task, char* workspace)
        : task_(task), buffer_(task, workspace), top_(task.box.top + task.first_row), n_(task.box.columns()) {}

    void run() {
        int made = top_;
        for (int y = task_.box.top; y < task_.box.bottom; y += band_rows) {
            for (; made < y + task_.first_row + side + 1 + band_rows; ++made) make_row(made);
            emit_band(y);
        }
    }

  private:
    static constexpr int half = side / 2, held = band_rows + side - 1;

    /// Row y of the image from one column left of the first square on, and its extrema over the squares' columns.
    T* pixels(int y) const { return buffer_.pixels + (y - top_) % buffer_.depth * buffer_.pitch; }
    T* extrema(int y) const { return buffer_.extrema + (y - top_) % buffer_.depth * buffer_.pitch; }

    void make_row(int y) const {
        const int begin = task_.box.left + task_.column - half - 1;
        load_row<Op>(pixels(y), task_.image, y, begin, begin + n_ + side + 1);
        slide_along_row<Op>(extrema(y), pixels(y) + 1, buffer_.ping, buffer_.pong, n_, side);
    }

    void emit_band(int y) const {
        const int first = y + task_.first_row;
        const T *squares[held], *above[band_rows], *below[band_rows], *beside[band_rows];
        T* to[band_rows];
        for (int j = 0; j < held; ++j) squares[j] = extrema(first + 1 + j);
        for (int j = 0; j < band_rows; ++j) {
            above[j] = pixels(first + j) + half + 1;
            below[j] = pixels(first + j + side + 1) + half + 1;
            beside[j] = pixels(first + j + half + 1);
            to[j] = task_.out.row(y - task_.box.top + j);
        }
        for (int x = 0; x < n_; x += lanes<T>) {
            Vector<T> best[held];
#pragma GCC unroll 32
            for (int j = 0; j < held; ++j) best[j] = load(squares[j] + x);
            reduce_rows<Op, side, 1, band_rows>(best);
#pragma GCC unroll 32
            for (int j = 0; j < band_rows; ++j) {
                const Vector<T> ends = Op::of(load(above[j] + x), load(below[j] + x));
                const Vector<T> sides = Op::of(load(beside[j] + x), load(beside[j] + x + side + 1));
                store(to[j] + x, Op::of(best[j], Op::of(ends, sides)));
            }
        }
    }

    const CrossTask<T>& task_;
    const CrossLayout<T> buffer_;
    const int top_, n_;
};

template <class Op, class T, int side = 1>
void cross_of(const CrossTask<T>& task, char* workspace) {
    if constexpr (side < largest_cross) {
        if (task.side != side) return cross_of<Op, T, side + 2>(task, workspace);
    }
    Cross<Op, side, T>(task, workspace).run();
}

template <class T>
void cross_extremum(Extremum extremum, const CrossTask<T>& task, char* workspace) {
    if (extremum == Extremum::minimum) {
        cross_of<Minimum<T>, T>(task, workspace);
    } else {
        cross_of<Maximum<T>, T>(task, workspace);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
