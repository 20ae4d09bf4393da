// The breast mask brought back to the image's pixels: linear interpolation of the coarse mask, cut at one half.
//
// What is breast is decided on an image of about 0.8 mm, a hundredth of the pixels (coarse.cuh, air.cuh, texture.cuh,
// labels.cuh).
//
//   bytes per pixel   1 written; the coarse mask comes out of L2; of a crop 1 read where there is a mask of what is
//   valid limit             memory bandwidth of the writes launch            grid (columns / 64, rows / 4), 64 x 4
//   threads; no shared memory
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int mask_threads = 64, mask_rows = 4;

/// Weighted mean of two neighbouring rows, rounded after each operation as the resampling kernels do.
MC_DEVICE float between_rows(const float* pixel, int64_t stride, const float* weights, int count) {
    float sum = weights[0] * pixel[0];
    if (count > 1) sum += weights[1] * pixel[stride];
    return sum;
}

/// mask = soft, enlarged to whole_rows x whole_columns, above one half. Pixels past those take the nearest one's value.
MC_KERNEL void __launch_bounds__(mask_threads* mask_rows)
    enlarge_mask(const float* __restrict__ soft, int64_t soft_stride, uint8_t* __restrict__ mask, int64_t mask_stride,
                 int rows, int columns, int whole_rows, int whole_columns, const int* __restrict__ row_first,
                 const int* __restrict__ row_count, const float* __restrict__ row_weights,
                 const int* __restrict__ column_first, const int* __restrict__ column_count,
                 const float* __restrict__ column_weights) {
    const int x = static_cast<int>(blockIdx.x) * mask_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * mask_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const int v = smaller(y, whole_rows - 1), u = smaller(x, whole_columns - 1);
    const float* corner = soft + row_first[v] * soft_stride + column_first[u];
    float sum = column_weights[2 * u] * between_rows(corner, soft_stride, row_weights + 2 * v, row_count[v]);
    if (column_count[u] > 1) {
        sum += column_weights[2 * u + 1] * between_rows(corner + 1, soft_stride, row_weights + 2 * v, row_count[v]);
    }
    mask[y * mask_stride + x] = sum > 0.5f;
}

/// mask = all that is valid, of a crop that shows no outline; nothing of an image that is as good as constant. `valid`
/// may be null.
MC_KERNEL void __launch_bounds__(mask_threads* mask_rows)
    whole_mask(const float* __restrict__ limits, const uint8_t* __restrict__ valid, int64_t valid_stride,
               uint8_t* __restrict__ mask, int64_t mask_stride, int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * mask_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * mask_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    mask[y * mask_stride + x] = limits[0] < infinity() && (!valid || valid[y * valid_stride + x]);
}

#define MCFAST_MASK_KERNELS(X) X(enlarge_mask) X(whole_mask)

}  // namespace mcfast::gpu
