// Top-hats over rectangles in one pass: opening or closing and the difference, without an image in between.
//
// A block walks down its columns as in rectangle.cuh, twice at a time: the extrema of eight rows go down the first van
// Herk scheme, and what it gives goes along the rows and down the columns again, a window's height later. The second
// pass needs the first's results beside its own columns, so of 128 words of columns 129 - window_columns are written;
// lanes lie that many columns apart. Outside pixels take no part in either pass: they become the other identity between
// the two.
//
//   bytes per pixel   2 sizeof(T) from and to memory, and sizeof(T) read again out of L2 for the difference; in two
//                     passes (rectangle.cuh) it is 5 sizeof(T). The halo is (window - 1), twice that of one pass:
//                     (1 + 2 (window_rows - 1) / strip) 128 / (129 - window_columns) sizeof(T) read, and as much more
//                     work. So it pays up to sides of 31 (columns: 1.31, rows: 1.24), which is what the launch plan
//                     uses it for; there shared memory ends, too
//   limit             memory bandwidth up to sides of about 15: 20 shared accesses a word, half a word a pixel for
//                     uint16; then these
//   launch            grid (columns / (lanes (129 - window_columns)), strips of `strip` rows), 128 threads,
//                     (16 pitch + 256 window_rows) words of shared memory, where pitch = window_columns *
//                     ceil((127 + window_columns) / window_columns)
#pragma once

#include "morphology/rectangle.cuh"

namespace mcfast::gpu {

/// What a top-hat is made of: the first and the second extremum, and the difference.
struct White {
    using First = Minimum;
    using Second = Maximum;
    using Result = WhiteTopHat;
};
struct Black {
    using First = Maximum;
    using Second = Minimum;
    using Result = BlackTopHat;
};

/// `out` must be apart from the image.
template <class Kind, class T>
MC_KERNEL void __launch_bounds__(rectangle_threads, 5)
    tophat(const T* __restrict__ image, int64_t image_stride, T* __restrict__ out, int64_t out_stride, int rows,
           int columns, int window_rows, int window_columns, int strip) {
    using First = typename Kind::First;
    using Second = typename Kind::Second;
    MC_DYNAMIC_SHARED(Word<T>, memory);
    constexpr int lanes = Packing<T>::lanes;
    const int thread = static_cast<int>(threadIdx.x), across = rectangle_threads - window_columns + 1;
    const RowScheme<T> along(memory, window_columns);
    const Shared<Word<T>> columns_memory = memory + (2 * rectangle_chunk * along.pitch + thread);
    ColumnScheme<First, T> first(columns_memory, window_rows);
    ColumnScheme<Second, T> second(columns_memory + window_rows * rectangle_threads, window_rows);

    const int left = static_cast<int>(blockIdx.x) * across * lanes - window_columns / 2;  // of the first's results
    const int top = static_cast<int>(blockIdx.y) * strip, bottom = smaller(top + strip, rows);
    for (int y = top - window_rows + 1; y < bottom + window_rows - 1; y += rectangle_chunk) {
        along.load([&](int r, int i) {
            const T* row = y + r >= 0 && y + r < rows ? image + (y + r) * image_stride : nullptr;
            return read_word<First>(row, left + i - window_columns / 2, across, columns, 1);
        });
        __syncthreads();
        along.template scan<First>();
        __syncthreads();
        Word<T> between[rectangle_chunk];
        MC_UNROLL
        for (int r = 0; r < rectangle_chunk; ++r) {
            const int middle = y + r - window_rows / 2;
            const Word<T> best = first.push(along.template at<First>(r, thread));
            between[r] = 0;
            for (int lane = 0; lane < lanes; ++lane) {
                const int x = left + lane * across + thread;
                const bool inside = middle >= 0 && middle < rows && x >= 0 && x < columns;
                between[r] =
                    with_lane<T>(between[r], lane, inside ? lane_of<T>(best, lane) : Second::template identity<T>());
            }
        }
        __syncthreads();
        const Word<T> outside = read_word<Second, T>(nullptr, 0, 0, 0, 1);
        MC_UNROLL
        for (int r = 0; r < rectangle_chunk; ++r) {
            along.put(r, thread, between[r]);
            for (int i = thread + rectangle_threads; i < along.pitch; i += rectangle_threads) along.put(r, i, outside);
        }
        __syncthreads();
        along.template scan<Second>();
        __syncthreads();
        for (int r = 0; r < rectangle_chunk; ++r) {
            const Word<T> best = second.push(along.template at<Second>(r, thread));
            const int to = y + r - window_rows + 1;
            if (to < top || to >= bottom || thread >= across) continue;
            write_word<typename Kind::Result, T>(best, out + to * out_stride, image + to * image_stride,
                                                 left + window_columns / 2 + thread, across, columns);
        }
        __syncthreads();
    }
}

#define MCFAST_TOPHAT_KERNELS_OF(X, T) X(tophat<White, T>) X(tophat<Black, T>)
#define MCFAST_TOPHAT_KERNELS(X)          \
    MCFAST_TOPHAT_KERNELS_OF(X, uint8_t)  \
    MCFAST_TOPHAT_KERNELS_OF(X, uint16_t) \
    MCFAST_TOPHAT_KERNELS_OF(X, float)

}  // namespace mcfast::gpu
