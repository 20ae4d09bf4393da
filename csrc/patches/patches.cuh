// Patches: gathered into a network's batch, float32 or float16; windows of a covering grid, and laid over one another
// again.
//
//   bytes per pixel   gather: sizeof(T) + 4 (or 2) per pixel of a patch; copy_windows: 2 sizeof(T) per pixel of a
//   window
//                     (those that windows share are read out of L2); stitch: sizeof(T) for each window that covers a
//                     pixel, and sizeof(T) written
//   limit             memory bandwidth; patches of 12 x 12 use half of the sectors that they touch
//   launch            gather: one block of 128 threads for each patch; copy_windows: grid (windows, pixels of a window
//   /
//                     4096), 256 threads; stitch: grid (columns / 64, rows / 4), 64 x 4 threads; no shared memory
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int gather_threads = 128, stitch_threads = 64, stitch_rows = 4;
constexpr int window_threads = 256, window_pixels = 4096;

/// How a normalised value is stored in a batch.
struct Float32 {
    using Stored = float;
    static MC_DEVICE float of(float value) { return value; }
};
struct Float16 {
    using Stored = uint16_t;
    static MC_DEVICE uint16_t of(float value) { return half_bits(value); }
};

/// One number for all patches, or an array on the device with one for each (step 1) or for all (step 0).
struct Normalizer {
    const float* values;
    int step;
    float value;

    MC_DEVICE float of(int64_t patch) const { return values ? values[step * patch] : value; }
};

/// Patch blockIdx.x: (value - mean) / std. Outside pixels take the nearest pixel's value; so does a centre outside.
template <class T, class Format>
MC_KERNEL void __launch_bounds__(gather_threads)
    gather_patches(const T* __restrict__ image, int64_t image_stride, int rows, int columns,
                   const int* __restrict__ centres, int size, const float* __restrict__ means, int mean_step,
                   float mean, const float* __restrict__ stds, int std_step, float std,
                   typename Format::Stored* __restrict__ out) {
    const int64_t patch = blockIdx.x;
    const int top = centres[2 * patch] - size / 2, left = centres[2 * patch + 1] - size / 2;
    const float shift = Normalizer{means, mean_step, mean}.of(patch);
    const float scale = 1.0f / Normalizer{stds, std_step, std}.of(patch);
    for (int i = static_cast<int>(threadIdx.x); i < size * size; i += gather_threads) {
        const int y = clamped(top + i / size, 0, rows - 1), x = clamped(left + i % size, 0, columns - 1);
        const float value = (static_cast<float>(image[y * image_stride + x]) - shift) * scale;
        out[patch * size * size + i] = Format::of(value);
    }
}

/// A grid of windows along one axis, the last of them clamped to the border.
struct GridAxis {
    int length, size, stride, count;

    MC_DEVICE int origin(int i) const { return smaller(i * stride, length - size); }
    /// The first window that covers position x; all from there on do, as long as their origin is at most x.
    MC_DEVICE int first(int x) const {
        const int reaching = x < size ? 0 : (x - size) / stride + 1;
        return smaller(reaching, count - 1);
    }
};

/// All windows of the grid, one after another.
template <class T>
MC_KERNEL void __launch_bounds__(window_threads)
    copy_windows(const T* __restrict__ image, int64_t image_stride, int grid_rows, int grid_columns, int height,
                 int width, int row_stride, int column_stride, T* __restrict__ out, int rows, int columns) {
    const auto window = static_cast<int>(blockIdx.x);
    const GridAxis down{rows, height, row_stride, grid_rows}, along{columns, width, column_stride, grid_columns};
    const T* corner = image + down.origin(window / grid_columns) * image_stride + along.origin(window % grid_columns);
    const int first = static_cast<int>(blockIdx.y) * window_pixels;
    const int last = smaller(first + window_pixels, height * width);
    for (int i = first + static_cast<int>(threadIdx.x); i < last; i += window_threads) {
        out[static_cast<int64_t>(window) * height * width + i] = corner[i / width * image_stride + i % width];
    }
}

/// Mean of the windows that cover a pixel, added in the order of the grid, as on the CPU.
template <class T>
MC_KERNEL void __launch_bounds__(stitch_threads* stitch_rows)
    stitch(const T* __restrict__ patches, int grid_rows, int grid_columns, int height, int width, int row_stride,
           int column_stride, T* __restrict__ out, int64_t out_stride, int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * stitch_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * stitch_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const GridAxis down{rows, height, row_stride, grid_rows}, along{columns, width, column_stride, grid_columns};
    double sum = 0;
    int covering = 0;
    for (int i = down.first(y); i < grid_rows && down.origin(i) <= y; ++i) {
        for (int j = along.first(x); j < grid_columns && along.origin(j) <= x; ++j) {
            const int64_t window = static_cast<int64_t>(i) * grid_columns + j;
            sum += patches[(window * height + y - down.origin(i)) * width + x - along.origin(j)];
            ++covering;
        }
    }
    out[y * out_stride + x] = rounded<T>(sum / covering);
}

#define MCFAST_PATCHES_KERNELS_OF(X, T) \
    X(gather_patches<T, Float32>) X(gather_patches<T, Float16>) X(copy_windows<T>) X(stitch<T>)
#define MCFAST_PATCHES_KERNELS(X)          \
    MCFAST_PATCHES_KERNELS_OF(X, uint8_t)  \
    MCFAST_PATCHES_KERNELS_OF(X, uint16_t) \
    MCFAST_PATCHES_KERNELS_OF(X, float)

}  // namespace mcfast::gpu
