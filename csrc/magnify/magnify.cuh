// What stands before and after a magnifying network, and the mask at the input's own pixels.
//
//   bytes per pixel   unit: 2 read, 4 written; mask: 1 written; magnified, of its own pixels: 4 (and 2 where there is
//                     a mask) read, 2 written
//   limit             memory bandwidth
//   launch            grid (columns / 64, rows / 4), 64 x 4 threads; no shared memory
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int frame_threads = 64, frame_rows = 4;

/// values = image * scale.
template <class T>
MC_KERNEL void __launch_bounds__(frame_threads* frame_rows)
    scaled(const T* __restrict__ image, float scale, float* __restrict__ values, int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * frame_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * frame_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const int64_t at = static_cast<int64_t>(y) * columns + x;
    values[at] = static_cast<float>(image[at]) * scale;
}

/// Each pixel of the input takes the canonical pixel that its centre lies in.
MC_KERNEL void __launch_bounds__(frame_threads* frame_rows)
    mask_in_input(const uint8_t* __restrict__ mask, int mask_rows_, int mask_columns, double down, double along,
                  uint8_t* __restrict__ out, int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * frame_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * frame_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const int v = smaller(static_cast<int>((y + 0.5) * down), mask_rows_ - 1);
    const int u = smaller(static_cast<int>((x + 0.5) * along), mask_columns - 1);
    out[static_cast<int64_t>(y) * columns + x] = mask[static_cast<int64_t>(v) * mask_columns + u];
}

/// What the network says, times white, clipped and rounded; outside the mask of the input's pixels, if there is one,
/// what `interpolated` says.
template <class T>
MC_KERNEL void __launch_bounds__(frame_threads* frame_rows)
    magnified(const float* __restrict__ large, float white, const T* __restrict__ interpolated,
              const uint8_t* __restrict__ mask, T* __restrict__ out, int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * frame_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * frame_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const int64_t at = static_cast<int64_t>(y) * columns + x;
    if (mask && !mask[static_cast<int64_t>(y / 2) * (columns / 2) + x / 2]) {
        out[at] = interpolated[at];
        return;
    }
    const float value = large[at] * white;
    out[at] = rounded<T>(value < 0.0f ? 0.0f : value > white ? white : value);
}

#define MCFAST_MAGNIFY_KERNELS(X) X(scaled<uint16_t>) X(mask_in_input) X(magnified<uint16_t>)

}  // namespace mcfast::gpu
