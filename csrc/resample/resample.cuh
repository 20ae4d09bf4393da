// Separable resampling in one pass: each thread weights the few input pixels of its output pixel.
//
// Rows are weighted together first, then columns, each operation rounded on its own, as in the CPU's kernel: the
// results have the same bits.
//
//   bytes per pixel   of the larger image: sizeof(T); neighbours share input pixels out of L1
//   limit             memory bandwidth for scales of about 0.3 and more; below, L1 loads: 1 / scale^2 for each output
//   launch            grid (columns / 64, rows / 4), 64 x 4 threads; no shared memory
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int resample_threads = 64, resample_rows = 4;

/// `first` and `count` say which input positions make an output position, `weights` (positions, most) how much.
template <class T>
MC_KERNEL void __launch_bounds__(resample_threads* resample_rows)
    resample(const T* __restrict__ image, int64_t image_stride, T* __restrict__ out, int64_t out_stride, int new_rows,
             int new_columns, const int* __restrict__ row_first, const int* __restrict__ row_count,
             const float* __restrict__ row_weights, int row_most, const int* __restrict__ column_first,
             const int* __restrict__ column_count, const float* __restrict__ column_weights, int column_most) {
    const int x = static_cast<int>(blockIdx.x) * resample_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * resample_rows + static_cast<int>(threadIdx.y);
    if (x >= new_columns || y >= new_rows) return;
    const float* by_row = row_weights + static_cast<int64_t>(y) * row_most;
    const float* by_column = column_weights + static_cast<int64_t>(x) * column_most;
    float sum = 0;
    for (int i = 0; i < column_count[x]; ++i) {
        const T* pixel = image + row_first[y] * image_stride + column_first[x] + i;
        float column = 0;
        for (int k = 0; k < row_count[y]; ++k, pixel += image_stride) column += by_row[k] * static_cast<float>(*pixel);
        sum += by_column[i] * column;
    }
    out[y * out_stride + x] = rounded<T>(sum);
}

#define MCFAST_RESAMPLE_KERNELS(X) X(resample<uint8_t>) X(resample<uint16_t>) X(resample<float>)

}  // namespace mcfast::gpu
