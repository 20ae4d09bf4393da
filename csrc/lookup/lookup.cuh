// Operations on single pixels: the lookup table, copying, conversion, and a times guide plus b.
//
//   bytes per pixel   lookup: sizeof(T) + 2 (the table, up to 128 kB, stays in L1 and L2); copy: 2 sizeof(T);
//                     convert: sizeof(T) + 4; multiply_add: sizeof(T) + 12
//   limit             memory bandwidth; for wide-spread values of a 65,536-entry table L1 hits
//   launch            grid (columns / 256, rows / 4), 64 x 4 threads, four pixels each; no shared memory
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int pixel_threads = 64, pixel_rows = 4, pixels_each = 4;

/// Calls f(y, x) for this thread's pixels, which lie 64 columns apart, so that a warp's accesses are contiguous.
template <class F>
MC_DEVICE void for_each_pixel(int rows, int columns, const F& f) {
    const int y = static_cast<int>(blockIdx.y) * pixel_rows + static_cast<int>(threadIdx.y);
    const int left = static_cast<int>(blockIdx.x) * pixel_threads * pixels_each + static_cast<int>(threadIdx.x);
    if (y >= rows) return;
    MC_UNROLL
    for (int i = 0; i < pixels_each; ++i) {
        const int x = left + i * pixel_threads;
        if (x < columns) f(y, x);
    }
}

/// out = table[min(image, entries - 1)]; `out` may be the image.
template <class T>
MC_KERNEL void lookup(const T* image, int64_t image_stride, const uint16_t* __restrict__ table, int entries,
                      uint16_t* out, int64_t out_stride, int rows, int columns) {
    for_each_pixel(rows, columns, [&](int y, int x) {
        out[y * out_stride + x] = table[smaller(image[y * image_stride + x], entries - 1)];
    });
}

template <class T>
MC_KERNEL void copy_pixels(const T* image, int64_t image_stride, T* out, int64_t out_stride, int rows, int columns) {
    for_each_pixel(rows, columns, [&](int y, int x) { out[y * out_stride + x] = image[y * image_stride + x]; });
}

template <class T>
MC_KERNEL void convert_to_float(const T* image, int64_t image_stride, float* out, int64_t out_stride, int rows,
                                int columns) {
    for_each_pixel(rows, columns,
                   [&](int y, int x) { out[y * out_stride + x] = static_cast<float>(image[y * image_stride + x]); });
}

/// out = a image + b, rounded after each operation as NumPy does; a and b are contiguous.
template <class T>
MC_KERNEL void multiply_add(const float* a, const float* b, const T* image, int64_t image_stride, float* out,
                            int64_t out_stride, int rows, int columns) {
    for_each_pixel(rows, columns, [&](int y, int x) {
        const int64_t at = static_cast<int64_t>(y) * columns + x;
        out[y * out_stride + x] = a[at] * static_cast<float>(image[y * image_stride + x]) + b[at];
    });
}

#define MCFAST_LOOKUP_KERNELS_OF(X, T) X(copy_pixels<T>) X(convert_to_float<T>) X(multiply_add<T>)
#define MCFAST_LOOKUP_KERNELS(X)          \
    X(lookup<uint8_t>)                    \
    X(lookup<uint16_t>)                   \
    MCFAST_LOOKUP_KERNELS_OF(X, uint8_t)  \
    MCFAST_LOOKUP_KERNELS_OF(X, uint16_t) \
    MCFAST_LOOKUP_KERNELS_OF(X, float)

}  // namespace mcfast::gpu
