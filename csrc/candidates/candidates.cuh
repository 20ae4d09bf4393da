// Local maxima, compacted on the device into a list of fixed capacity, in raster order.
//
// No atomics, so the order of the list never varies. `mark_maxima` writes one bit per pixel; `count_maxima` counts them
// by row and `row_offsets` adds the counts up; `write_maxima` fills the list. The total goes to
// `offsets[rows]` whatever the capacity is: a total above it says how much was dropped.
//
//   bytes per pixel   mark: 2 sizeof(T) (the image and its maximum over the window, from morphology) and 1/8 written;
//                     the others: 1/8
//   limit             memory bandwidth; on plateaus, the search for an earlier equal pixel
//   launch            mark: grid (words of 32 columns, rows / 8), 32 x 8 threads; offsets: one block of 1024 threads,
//                     128 bytes of shared memory; count and write: grid (rows / 4), 32 x 4 threads
#pragma once

#include "gpu/pixel.h"
#include "gpu/warp.h"

namespace mcfast::gpu {

constexpr int mark_rows = 8, offset_threads = 1024, write_rows = 4;

/// True if a pixel of the window that comes earlier in raster order equals (y, x); the nearest are looked at first.
template <class T>
MC_DEVICE bool equals_an_earlier(const T* image, int64_t stride, int columns, int y, int x, int radius) {
    const T value = image[y * stride + x];
    const int first = larger(x - radius, 0), last = smaller(x + radius, columns - 1);
    for (int i = x - 1; i >= first; --i) {
        if (image[y * stride + i] == value) return true;
    }
    for (int row = y - 1; row >= larger(y - radius, 0); --row) {
        for (int i = first; i <= last; ++i) {
            if (image[row * stride + i] == value) return true;
        }
    }
    return false;
}

/// Bit x % 32 of bits[y, x / 32]: whether (y, x) is a maximum. `highest` is contiguous; `mask` may be null.
template <class T>
MC_KERNEL void __launch_bounds__(32 * mark_rows)
    mark_maxima(const T* __restrict__ image, int64_t image_stride, const T* __restrict__ highest,
                const uint8_t* __restrict__ mask, int64_t mask_stride, uint32_t* __restrict__ bits, int rows,
                int columns, int radius, double threshold) {
    const int x = static_cast<int>(blockIdx.x) * 32 + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * mark_rows + static_cast<int>(threadIdx.y);
    bool peak = false;
    if (x < columns && y < rows) {
        const T value = image[y * image_stride + x];
        peak = value == highest[static_cast<int64_t>(y) * columns + x] && static_cast<double>(value) > threshold &&
               (!mask || mask[y * mask_stride + x]) && !equals_an_earlier(image, image_stride, columns, y, x, radius);
    }
    const uint32_t word = __ballot_sync(0xffffffffu, peak);
    if (threadIdx.x == 0 && y < rows) bits[static_cast<int64_t>(y) * gridDim.x + blockIdx.x] = word;
}

/// counts[y] = bits set in row y, a row for each warp.
MC_KERNEL void __launch_bounds__(32 * write_rows)
    count_maxima(const uint32_t* __restrict__ bits, int* __restrict__ counts, int rows, int words) {
    const int y = static_cast<int>(blockIdx.x) * write_rows + static_cast<int>(threadIdx.y);
    if (y >= rows) return;
    int count = 0;
    for (int i = static_cast<int>(threadIdx.x); i < words; i += 32) {
        count += __popc(bits[static_cast<int64_t>(y) * words + i]);
    }
    for (unsigned mask = 16; mask; mask /= 2) count += __shfl_xor_sync(0xffffffffu, count, mask);
    if (threadIdx.x == 0) counts[y] = count;
}

/// Turns the counts into offsets: offsets[y] = maxima in the rows before y; offsets[rows] = all of them.
MC_KERNEL void __launch_bounds__(offset_threads) row_offsets(int* offsets, int rows) {
    MC_SHARED(int, warp_totals, 32);
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
    const int each = (rows + offset_threads - 1) / offset_threads;
    const int first = smaller(thread * each, rows), last = smaller(first + each, rows);
    int own = 0;
    for (int y = first; y < last; ++y) own += offsets[y];
    int before = sum_before(own, lane);
    if (lane == 31) warp_totals[thread / 32] = before + own;
    __syncthreads();
    for (int i = 0; i < thread / 32; ++i) {
        const int total = warp_totals[i];
        before += total;
    }
    for (int y = first; y < last; ++y) {
        const int count = offsets[y];
        offsets[y] = before;
        before += count;
    }
    if (thread == offset_threads - 1) offsets[rows] = before;
}

/// positions (capacity, 2) and values (capacity,) of the maxima, a row for each warp.
template <class T>
MC_KERNEL void __launch_bounds__(32 * write_rows)
    write_maxima(const T* __restrict__ image, int64_t image_stride, const uint32_t* __restrict__ bits,
                 const int* __restrict__ offsets, int* __restrict__ positions, float* __restrict__ values, int rows,
                 int words, int capacity) {
    const int y = static_cast<int>(blockIdx.x) * write_rows + static_cast<int>(threadIdx.y);
    const int lane = static_cast<int>(threadIdx.x);
    if (y >= rows) return;
    int next = offsets[y];
    for (int left = 0; left < words; left += 32) {
        uint32_t word = left + lane < words ? bits[static_cast<int64_t>(y) * words + left + lane] : 0;
        const int count = __popc(word), before = sum_before(count, lane);
        for (int at = next + before; word; word &= word - 1, ++at) {
            if (at >= capacity) break;
            const int x = (left + lane) * 32 + __popc((word & (0u - word)) - 1);
            positions[2 * at] = y;
            positions[2 * at + 1] = x;
            values[at] = static_cast<float>(image[y * image_stride + x]);
        }
        next += __shfl_sync(0xffffffffu, before + count, 31);
    }
}

#define MCFAST_CANDIDATES_KERNELS_OF(X, T) X(mark_maxima<T>) X(write_maxima<T>)
#define MCFAST_CANDIDATES_KERNELS(X)          \
    X(count_maxima)                           \
    X(row_offsets)                            \
    MCFAST_CANDIDATES_KERNELS_OF(X, uint8_t)  \
    MCFAST_CANDIDATES_KERNELS_OF(X, uint16_t) \
    MCFAST_CANDIDATES_KERNELS_OF(X, float)

}  // namespace mcfast::gpu
