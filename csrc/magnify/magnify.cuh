// What stands before and after a magnifying network, and the mask at the input's own pixels.
//
//   bytes per pixel   unit: 2 read, 4 written; mask: 1 written; magnified, of its own pixels: 4 (outside a mask 2)
//                     read, 2 written
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
/// what `interpolated` says. A thread makes the four pixels that lie in pixel (y, x) of the input; the network's output
/// has (r, c) of them at y down + x along + r below + c beside, whether its pixels are in their places or are phases,
/// which the threads of a warp read side by side. Rows of `interpolated` and `out` are even: a word is two of their
/// uint16 pixels.
MC_KERNEL void __launch_bounds__(frame_threads* frame_rows)
    magnified(const float* __restrict__ large, int64_t down, int64_t along, int64_t below, int64_t beside, float white,
              const uint32_t* __restrict__ interpolated, const uint8_t* __restrict__ mask, uint32_t* __restrict__ out,
              int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * frame_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * frame_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const bool inside = !mask || mask[static_cast<int64_t>(y) * columns + x];
    for (int r = 0; r < 2; ++r) {
        const int64_t at = (2 * static_cast<int64_t>(y) + r) * columns + x;
        if (!inside) {
            out[at] = interpolated[at];
            continue;
        }
        const int64_t from = y * down + x * along + r * below;
        uint32_t pair = 0;
        for (int c = 0; c < 2; ++c) {
            const float value = large[from + c * beside] * white;
            const float clipped = value < 0.0f ? 0.0f : value > white ? white : value;
            pair = with_lane<uint16_t>(pair, c, rounded<uint16_t>(clipped));
        }
        out[at] = pair;
    }
}

#define MCFAST_MAGNIFY_KERNELS(X) X(scaled<uint16_t>) X(mask_in_input) X(magnified)

}  // namespace mcfast::gpu
