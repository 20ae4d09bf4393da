// Mean over the clipped window.
//
//   bytes per pixel   sizeof(T) read once from memory (and twice more out of L2: entering, leaving), 4 written
//   limit             memory bandwidth up to radii of about 64, then the halo of 2 radius columns for every 128
//   launch            grid (strips of 128 columns, strips of `strip` rows), 128 threads,
//                     8 (5 (128 + 2 radius) + 4) bytes of shared memory, or as many of scratch memory for each block
#pragma once

#include "blur/window_sums.cuh"

namespace mcfast::gpu {

template <class T, class Memory>
MC_KERNEL void __launch_bounds__(sum_threads, Memory::blocks)
    box_mean(const T* __restrict__ image, int64_t image_stride, float* __restrict__ out, int64_t out_stride, int rows,
             int columns, int down, int along, int strip, Sum<T>* scratch) {
    using A = Sum<T>;
    const Windows windows{rows, columns, down, along, strip};
    const auto pixel = [&](int, int y, int x) { return static_cast<A>(image[y * image_stride + x]); };
    window_sums<A, 1, Memory>(windows, scratch, pixel, [&](int y, int x, const A* sums) {
        out[y * out_stride + x] = static_cast<float>(static_cast<double>(sums[0]) / windows.count(y, x));
    });
}

#define MCFAST_BLUR_KERNELS_OF(X, T) X(box_mean<T, InShared>) X(box_mean<T, InGlobal>)
#define MCFAST_BLUR_KERNELS(X) \
    MCFAST_BLUR_KERNELS_OF(X, uint8_t) MCFAST_BLUR_KERNELS_OF(X, uint16_t) MCFAST_BLUR_KERNELS_OF(X, float)

}  // namespace mcfast::gpu
