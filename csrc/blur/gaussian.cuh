// Separable Gaussian in one pass over memory, to the bits of the CPU's: down the columns, then along the rows.
//
// A block makes 16 rows of `segments` * 7 columns. Threads first weigh columns, eight rows each: what is around them
// slides through registers, so that a step further away costs two loads for eight sums. The weighted rows lie in shared
// memory, from which each thread takes seven neighbouring pixels in the same manner; seven is odd, so the threads of a
// warp are in different banks. Results go back through shared memory, so that a warp's writes are contiguous.
//
//   bytes per pixel   sizeof(T) read, 4 written; the halo of `reach` pixels is read again, out of L2:
//                     (1 + reach / 8) (1 + 2 reach / columns of a block) sizeof(T)
//   limit             memory bandwidth up to a sigma of about 2; then 3 operations and half an access for each of the
//                     2 reach + 1 weights and both directions
//   launch            grid (columns / (7 segments), rows / 16), 256 threads, 64 (pitch + 7 segments) bytes of shared
//                     memory, where pitch = 7 segments + 2 reach, brought to 16 modulo 32
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int gaussian_threads = 256, gaussian_rows = 16, gaussian_down = 8, gaussian_along = 7;
constexpr int gaussian_blocks = 4;  // on a multiprocessor at least: at most 64 registers a thread

/// sums[j] = weighted sum around position j of what `load(position)` gives, for `count` positions from 0 on. Pixels at
/// the same distance are added before they are weighted. before[] and after[] hold what lies at the distance k,
/// position j in element (j - k) and (j + k) modulo `count`, so that nothing ever moves.
template <int count, class Load>
MC_DEVICE void weigh(const float* weights, int reach, float (&sums)[count], const Load& load) {
    float before[count], after[count];
    MC_UNROLL
    for (int j = 0; j < count; ++j) {
        before[j] = after[j] = load(j);
        sums[j] = weights[0] * before[j];
    }
    for (int base = 0; base < reach; base += count) {
        MC_UNROLL
        for (int i = 1; i <= count; ++i) {
            const int k = base + i;
            if (k > reach) break;
            const float weight = weights[k];
            before[(2 * count - i) % count] = load(-k);
            after[(count - 1 + i) % count] = load(count - 1 + k);
            MC_UNROLL
            for (int j = 0; j < count; ++j) {
                sums[j] += weight * (before[(2 * count + j - i) % count] + after[(j + i) % count]);
            }
        }
    }
}

/// `weights` of distances 0 .. reach; row and column scales are 1 / the sum of the weights that fall inside.
template <class T>
MC_KERNEL void __launch_bounds__(gaussian_threads, gaussian_blocks)
    gaussian_blur(const T* __restrict__ image, int64_t image_stride, float* __restrict__ out, int64_t out_stride,
                  int rows, int columns, const float* __restrict__ weights, int reach,
                  const float* __restrict__ row_scale, const float* __restrict__ column_scale, int segments,
                  int pitch) {
    MC_DYNAMIC_SHARED(float, memory);
    const int width = segments * gaussian_along, thread = static_cast<int>(threadIdx.x);
    const int left = static_cast<int>(blockIdx.x) * width, top = static_cast<int>(blockIdx.y) * gaussian_rows;
    const Shared<float> weighed = memory, done = memory + gaussian_rows * pitch;

    const int reached = width + 2 * reach;
    for (int job = thread; job < gaussian_rows / gaussian_down * reached; job += gaussian_threads) {
        const int i = job % reached, x = left - reach + i, y = job / reached * gaussian_down;
        float sums[gaussian_down];
        weigh(weights, reach, sums, [&](int j) {
            const int row = top + y + j;
            const bool inside = x >= 0 && x < columns && row >= 0 && row < rows;
            return inside ? static_cast<float>(image[row * image_stride + x]) : 0.0f;
        });
        for (int j = 0; j < gaussian_down; ++j) weighed[(y + j) * pitch + i] = sums[j];
    }
    __syncthreads();
    for (int job = thread; job < gaussian_rows * segments; job += gaussian_threads) {
        const int i = job % segments * gaussian_along, y = job / segments;
        float sums[gaussian_along];
        weigh(weights, reach, sums, [&](int j) { return static_cast<float>(weighed[y * pitch + reach + i + j]); });
        for (int j = 0; j < gaussian_along; ++j) done[y * width + i + j] = sums[j];
    }
    __syncthreads();
    for (int job = thread; job < gaussian_rows * width; job += gaussian_threads) {
        const int x = left + job % width, y = top + job / width;
        const float sum = done[job];
        if (x < columns && y < rows) out[y * out_stride + x] = sum * (row_scale[y] * column_scale[x]);
    }
}

#define MCFAST_GAUSSIAN_KERNELS(X) X(gaussian_blur<uint8_t>) X(gaussian_blur<uint16_t>) X(gaussian_blur<float>)

}  // namespace mcfast::gpu
