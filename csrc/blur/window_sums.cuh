// Sums over clipped (2 radius + 1)^2 windows of several quantities at once, O(1) per pixel in the radius.
//
// A block owns 128 columns and walks down its strip. The sums of every column over the window's rows move down by one
// row at a time (the entering pixel is added, the leaving one taken off); each warp turns one row of them into prefix
// sums, of which a window is a difference. Integers are summed as uint64, modulo 2^64 and so exactly, floats as
// doubles, whose sums start afresh in each strip; neither depends on the order in which threads run.
//
// Windows so wide that their sums do not fit into shared memory (a radius of 319 with four quantities, of 550 with one)
// have them in a part of a scratch array for each block, some 60 kB out of L2: the same code, of another memory.
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int sum_threads = 128, sum_rows = sum_threads / 32;

/// What sums of T are kept in.
template <class T>
struct SumType {
    using type = uint64_t;
};
template <>
struct SumType<float> {
    using type = double;
};
template <class T>
using Sum = typename SumType<T>::type;

/// Where a block keeps `length` sums: in the launch's dynamic shared memory, or in its part of `scratch`.
struct InShared {
    static constexpr int blocks = 5;  // on a multiprocessor at least: at most 96 registers a thread
    template <class A>
    using Array = Shared<A>;
    template <class A>
    static MC_DEVICE Array<A> of(A*, int64_t) {
        MC_DYNAMIC_SHARED(A, memory);
        return memory;
    }
};
struct InGlobal {
    static constexpr int blocks = 4;  // 128 registers
    template <class A>
    using Array = A*;
    template <class A>
    static MC_DEVICE Array<A> of(A* scratch, int64_t length) {
        return scratch + (static_cast<int64_t>(blockIdx.y) * gridDim.x + blockIdx.x) * length;
    }
};

/// The windows of an image of rows x columns: half sides, and the rows that a block walks down.
struct Windows {
    int rows, columns, down, along, strip;

    /// Pixels of the window around (y, x) that lie inside the image.
    MC_DEVICE double count(int y, int x) const {
        const int height = smaller(y + down, rows - 1) - larger(y - down, 0) + 1;
        const int width = smaller(x + along, columns - 1) - larger(x - along, 0) + 1;
        return static_cast<double>(height) * width;
    }
};

/// Turns `length` values into prefix sums: sums[i] becomes values[0] + ... + values[i - 1], up to sums[length]. The
/// lanes of a warp take runs of an odd number of values, which lie in different banks.
template <class A, class Array>
MC_DEVICE void warp_prefix_sums(Array values, int length) {
    const int lane = static_cast<int>(threadIdx.x) % 32, run = (length + 31) / 32 | 1;
    const int first = smaller(lane * run, length), last = smaller(first + run, length);
    A total = 0;
    for (int i = first; i < last; ++i) {
        const A value = values[i];
        total += value;
    }
    A before = total;
    for (unsigned places = 1; places < 32; places *= 2) {
        const A other = __shfl_up_sync(0xffffffffu, before, places);
        if (lane >= static_cast<int>(places)) before += other;
    }
    before -= total;
    for (int i = first; i < last; ++i) {
        const A value = values[i];
        values[i] = before;
        before += value;
    }
    if (lane == 31) values[length] = before;
}

/// The column sums of one quantity: `load(y, x)` gives its value at a pixel of the image.
template <class A, class Array, class Load>
struct ColumnSums {
    const Windows& windows;
    Array sums;  // of columns left .. left + width - 1
    int left, width;
    const Load& load;

    MC_DEVICE A value(int y, int x) const {
        const bool inside = y >= 0 && y < windows.rows && x >= 0 && x < windows.columns;
        return inside ? load(y, x) : A(0);
    }

    /// The sums over the window of row `y`, but for the row that `advance` adds.
    MC_DEVICE void begin(int y) const {
        for (int i = static_cast<int>(threadIdx.x); i < width; i += sum_threads) {
            A sum = 0;
            for (int row = larger(y - windows.down - 1, 0); row < smaller(y + windows.down, windows.rows); ++row) {
                sum += value(row, left + i);
            }
            sums[i] = sum;
        }
    }

    /// Moves the sums down to the windows of row `y` and copies them to `row`.
    MC_DEVICE void advance(int y, Array row) const {
        for (int i = static_cast<int>(threadIdx.x); i < width; i += sum_threads) {
            A sum = sums[i];
            sum += value(y + windows.down, left + i);
            sum -= value(y - windows.down - 1, left + i);
            sums[i] = sum;
            row[i] = sum;
        }
    }
};

/// Calls emit(y, x, sums) for every pixel of the block's strip, where sums[q] is the window sum of `load.at<q>(y, x)`.
/// Memory (InShared or InGlobal): quantities * width + 4 (width + 1) sums of a block, where width = 128 + 2 along.
template <class A, int quantities, class Memory, class Quantities, class Emit>
MC_DEVICE void window_sums(const Windows& windows, A* scratch, const Quantities& quantity, const Emit& emit) {
    using Array = typename Memory::template Array<A>;
    const int width = sum_threads + 2 * windows.along, thread = static_cast<int>(threadIdx.x);
    const int left = static_cast<int>(blockIdx.x) * sum_threads, x = left + thread;
    const int top = static_cast<int>(blockIdx.y) * windows.strip;
    const int bottom = smaller(top + windows.strip, windows.rows);
    const Array memory =
        Memory::template of<A>(scratch, static_cast<int64_t>(quantities + sum_rows) * width + sum_rows);
    const Array prefix = memory + quantities * width;

    for (int q = 0; q < quantities; ++q) {
        const auto load = [&](int row, int column) { return quantity(q, row, column); };
        ColumnSums<A, Array, decltype(load)>{windows, memory + q * width, left - windows.along, width, load}.begin(top);
    }
    for (int y = top; y < bottom; y += sum_rows) {
        A sums[sum_rows][quantities];
        MC_UNROLL
        for (int q = 0; q < quantities; ++q) {
            const auto load = [&](int row, int column) { return quantity(q, row, column); };
            const ColumnSums<A, Array, decltype(load)> columns{windows, memory + q * width, left - windows.along, width,
                                                               load};
            for (int r = 0; r < sum_rows; ++r) columns.advance(y + r, prefix + r * (width + 1));
            __syncthreads();
            warp_prefix_sums<A>(prefix + thread / 32 * (width + 1), width);
            __syncthreads();
            MC_UNROLL
            for (int r = 0; r < sum_rows; ++r) {
                const Array row = prefix + r * (width + 1);
                const A before = row[thread], through = row[thread + 2 * windows.along + 1];
                sums[r][q] = through - before;
            }
            __syncthreads();
        }
        MC_UNROLL
        for (int r = 0; r < sum_rows; ++r) {
            if (y + r < bottom && x < windows.columns) emit(y + r, x, sums[r]);
        }
    }
}

}  // namespace mcfast::gpu
