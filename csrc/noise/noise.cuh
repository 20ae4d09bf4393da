// The noise around a pixel, and how far above it a maximum stands: its z-score.
//
// Mean and standard deviation over the part of a window that lies inside a mask, of every `step`-th pixel: a window
// this wide need not see them all. A second pass draws values farther than `clip` deviations in to there, so that the
// few pixels of a cluster of calcifications do not raise the noise that they are measured against.
//
//   bytes per pixel   of the sparse image: 5 read (13 in the second pass), 8 written; z-scores: 20 per maximum
//   limit             memory bandwidth (sectors of which every other pixel is used)
//   launch            moments: grid (strips of 128 columns, strips of `strip` rows), 128 threads,
//                     8 (7 (128 + 2 radius) + 4) bytes of shared memory, or of scratch memory for each block; z-scores:
//                     256 threads, one for each maximum
#pragma once

#include "blur/window_sums.cuh"

namespace mcfast::gpu {

constexpr int score_threads = 256;

/// Value of a pixel inside the mask, drawn in to `clip` deviations around the mean if there is one already.
MC_DEVICE float drawn_in(float value, const float* mean, const float* deviation, int64_t at, float clip) {
    if (!mean) return value;
    const float low = mean[at] - clip * deviation[at], high = mean[at] + clip * deviation[at];
    return value < low ? low : value > high ? high : value;
}

/// `first_mean` and `first_deviation` are null in the first pass. All of them are packed, rows x columns.
template <class Memory>
MC_KERNEL void __launch_bounds__(sum_threads, Memory::blocks)
    local_moments(const float* __restrict__ values, int64_t values_stride, const uint8_t* __restrict__ inside,
                  int64_t inside_stride, int step, const float* __restrict__ first_mean,
                  const float* __restrict__ first_deviation, float clip, float* __restrict__ mean,
                  float* __restrict__ deviation, int rows, int columns, int down, int along, int strip,
                  double* scratch) {
    const Windows windows{rows, columns, down, along, strip};
    const auto quantity = [&](int q, int y, int x) {
        const bool in = inside[y * step * inside_stride + x * step];
        if (q == 0 || !in) return in ? 1.0 : 0.0;
        const int64_t at = static_cast<int64_t>(y) * columns + x;
        const double value =
            drawn_in(values[y * step * values_stride + x * step], first_mean, first_deviation, at, clip);
        return q == 1 ? value : value * value;
    };
    window_sums<double, 3, Memory>(windows, scratch, quantity, [&](int y, int x, const double* sums) {
        const double share = larger(sums[0], 1e-6 * windows.count(y, x)), average = sums[1] / share;
        const int64_t at = static_cast<int64_t>(y) * columns + x;
        mean[at] = static_cast<float>(average);
        deviation[at] = static_cast<float>(sqrt(larger(sums[2] / share - average * average, 0.0)));
    });
}

/// scores[i] = (value - mean) / max(deviation, floor) at the positions of the first min(count, capacity) maxima.
MC_KERNEL void __launch_bounds__(score_threads)
    zscores(const int* __restrict__ positions, const float* __restrict__ values, const int* __restrict__ count,
            int capacity, const float* __restrict__ mean, const float* __restrict__ deviation, int columns, int step,
            float floor, float* __restrict__ scores) {
    const int i = static_cast<int>(blockIdx.x) * score_threads + static_cast<int>(threadIdx.x);
    if (i >= smaller(count[0], capacity)) return;
    const int64_t at = static_cast<int64_t>(positions[2 * i] / step) * columns + positions[2 * i + 1] / step;
    const float noise = deviation[at];
    scores[i] = (values[i] - mean[at]) / (noise < floor ? floor : noise);
}

#define MCFAST_NOISE_KERNELS(X) X(local_moments<InShared>) X(local_moments<InGlobal>) X(zscores)

}  // namespace mcfast::gpu
