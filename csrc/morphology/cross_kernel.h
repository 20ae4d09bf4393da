// Extremum over a square with a pixel at the middle of every side: what is left of most disks without their segments
// (factors.h), as below for side 3. Separable windows as in Urbach and Wilkinson (2008); the band is this project's.
//
//       o
//     o o o
//   o o o o o
//     o o o
//       o
//
// Rows first (slide.h), then a band of rows in registers, as sweeps do it, and the four pixels one by one: about eight
// loads and two stores for each vector, for any side. A top-hat's difference is taken before the vector is stored.
#pragma once

#include "morphology/slide.h"
#include "morphology/sweep_kernel.h"

namespace mcfast::MCFAST_LEVEL {

template <class Op, int side, class T>
class Cross {
  public:
    explicit Cross(const CrossTask<T>& task) : task_(task), n_(task.out.columns) {}

    void run() const {
        const int top = task_.out.top;
        for (int y = task_.made; y < top + rows_at_once + side + 1; ++y) slide_row(y);
        for (int y = 0; y < task_.out.rows; y += band_rows) {
            task_.out.is_difference() ? make_band<true>(top + y) : make_band<false>(top + y);
        }
    }

  private:
    static constexpr int half = side / 2, held = band_rows + side - 1;

    /// Each extremum is stored in the middle of its columns: in a column of aligned vectors, as the pixels above and
    /// below are.
    void slide_row(int y) const {
        const int first = task_.left + half + 1, past = first & (lanes<T> - 1), begin = first - past;
        slide_along_row<Op>(task_.along.row(y) + begin, task_.from.row(y) + begin - half, task_.ping, task_.pong,
                            n_ + past, side);
    }

    template <bool is_difference>
    void make_band(int y) const {
        const T *squares[held], *above[band_rows], *below[band_rows], *beside[band_rows], *pixels[band_rows];
        T* to[band_rows];
        const int left = task_.left, bottom = task_.out.top + task_.out.rows;
        for (int j = 0; j < held; ++j) squares[j] = task_.along.row(y + 1 + j) + left + half + 1;
        for (int j = 0; j < band_rows; ++j) {
            above[j] = task_.from.row(y + j) + left + half + 1;
            below[j] = task_.from.row(y + j + side + 1) + left + half + 1;
            beside[j] = task_.from.row(y + j + half + 1) + left;
            to[j] = y + j < bottom ? task_.out.to.row(y + j) : task_.out.spare;
            pixels[j] = is_difference ? task_.out.image.row(y + j < bottom ? y + j : bottom - 1) : nullptr;
        }
        // What is read next and written next is fetched along with the first of this task's bands, and with each.
        const int fetched = y == task_.out.top ? task_.out.next.rows : 0;
        const std::ptrdiff_t ahead = task_.out.is_fetched ? rows_at_once * task_.out.to.pitch : 0;
        // The vectors at x of a band of outputs, each handed to `put`.
        const auto make = [&](int x, auto&& put) __attribute__((always_inline)) {
            for (int j = 0; j < fetched; ++j) __builtin_prefetch(task_.out.next.row(j) + x, 0, 2);
            Vector<T> best[held];
#pragma GCC unroll 32
            for (int j = 0; j < held; ++j) best[j] = load(squares[j] + x);
            reduce_rows<Op, side, 1, band_rows>(best);
#pragma GCC unroll 32
            for (int j = 0; j < band_rows; ++j) {
                const Vector<T> ends = Op::of(load(above[j] + x), load(below[j] + x));
                const Vector<T> sides = Op::of(load(beside[j] + x), load(beside[j] + x + side + 1));
                put(j, Op::of(best[j], Op::of(ends, sides)));
            }
        };
        if (n_ < lanes<T>) {
            make(0, [&](int j, Vector<T> v) __attribute__((always_inline)) {
                for (int x = 0; x < n_; ++x) to[j][x] = is_difference ? difference(pixels[j][x], v[x]) : v[x];
            });
            return;
        }
        for_each_vector(to[0], n_, [&](int x) {
            make(x, [&](int j, Vector<T> v) __attribute__((always_inline)) {
                if constexpr (is_difference) v = difference(load(pixels[j] + x), v);
                if (ahead) __builtin_prefetch(to[j] + x + ahead, 1, 2);
                store(to[j] + x, v);
            });
        });
    }

    /// What an opening leaves of the image, or a closing adds to it.
    template <class V>
    [[gnu::always_inline]] static V difference(V pixel, V extremum) {
        return static_cast<V>(Op::is_minimum ? extremum - pixel : pixel - extremum);
    }

    const CrossTask<T>& task_;
    const int n_;
};

template <class Op, class T, int side = 1>
void cross_of(const CrossTask<T>& task) {
    if constexpr (side < largest_cross) {
        if (task.side != side) return cross_of<Op, T, side + 2>(task);
    }
    Cross<Op, side, T>(task).run();
}

template <class T>
void cross_extremum(Extremum extremum, const CrossTask<T>& task) {
    extremum == Extremum::minimum ? cross_of<Minimum<T>, T>(task) : cross_of<Maximum<T>, T>(task);
}

}  // namespace mcfast::MCFAST_LEVEL
