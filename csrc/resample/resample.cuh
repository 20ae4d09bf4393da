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
constexpr int resample_blocks = 5;  // on a multiprocessor at least: at most 48 registers a thread

/// Which input positions make an output position (`count` from `first` on), and how much: `weights` (positions, most).
struct ResampledAxis {
    const int* first;
    const int* count;
    const float* weights;
    int most;
};

/// Output pixel (y, x) of an image whose pixels `load(row, column)` gives as floats.
template <class Load>
MC_DEVICE float resampled(const ResampledAxis& down, const ResampledAxis& along, int y, int x, const Load& load) {
    const float* by_row = down.weights + static_cast<int64_t>(y) * down.most;
    const float* by_column = along.weights + static_cast<int64_t>(x) * along.most;
    const int top = down.first[y], left = along.first[x], height = down.count[y], width = along.count[x];
    float sum = 0;
    for (int i = 0; i < width; ++i) {
        float column = 0;
        for (int k = 0; k < height; ++k) column += by_row[k] * load(top + k, left + i);
        sum += by_column[i] * column;
    }
    return sum;
}

template <class T>
MC_KERNEL void __launch_bounds__(resample_threads* resample_rows, resample_blocks)
    resample(const T* __restrict__ image, int64_t image_stride, T* __restrict__ out, int64_t out_stride, int new_rows,
             int new_columns, const int* __restrict__ row_first, const int* __restrict__ row_count,
             const float* __restrict__ row_weights, int row_most, const int* __restrict__ column_first,
             const int* __restrict__ column_count, const float* __restrict__ column_weights, int column_most) {
    const int x = static_cast<int>(blockIdx.x) * resample_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * resample_rows + static_cast<int>(threadIdx.y);
    if (x >= new_columns || y >= new_rows) return;
    const ResampledAxis down{row_first, row_count, row_weights, row_most};
    const ResampledAxis along{column_first, column_count, column_weights, column_most};
    out[y * out_stride + x] = rounded<T>(resampled(down, along, y, x, [&](int row, int column) {
        return static_cast<float>(image[row * image_stride + column]);
    }));
}

#define MCFAST_RESAMPLE_KERNELS(X) X(resample<uint8_t>) X(resample<uint16_t>) X(resample<float>)

}  // namespace mcfast::gpu
