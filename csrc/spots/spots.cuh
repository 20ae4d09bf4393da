// The response to bright spots: differences of Gaussians, each in units of its own deviation over the breast.
//
//   bytes per pixel   Gaussian: 4 read (and up to 2 radius times more out of L1), 4 written, in each direction;
//                     deviation: a ninth of 9 read; response: 12 read, 4 written
//   limit             L1 in the Gaussians, memory bandwidth elsewhere
//   launch            grid (columns / 64, rows / 4), 64 x 4 threads; moments: one block of 128 threads for
//                     `moment_lines` sampled lines, 4096 bytes of shared memory; deviation: one block of 32 threads
#pragma once

#include "residual/part.cuh"

namespace mcfast::gpu {

constexpr int moment_threads = 128, moment_lines = 16, moment_step = 3;

/// Sums of the weights that fall inside an axis, from the sums of the first n + 1 of one side.
MC_DEVICE float inside_scale(const double* sums, int radius, int i, int length) {
    const int before = smaller(radius, i), after = smaller(radius, length - 1 - i);
    return static_cast<float>(1.0 / (sums[before] + sums[after] - sums[0]));
}

/// Weighted sums down the columns, not yet divided by the sum of the weights. What is beyond the part counts as 0.
MC_KERNEL void __launch_bounds__(part_threads* part_rows)
    gaussian_down(const float* __restrict__ values, const int* __restrict__ part, const float* __restrict__ weights,
                  int radius, float* __restrict__ out, int columns) {
    const int x = static_cast<int>(blockIdx.x) * part_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * part_rows + static_cast<int>(threadIdx.y);
    const Part box = Part::of(part);
    if (!box.holds(y, x)) return;
    const float* centre = values + static_cast<int64_t>(y) * columns + x;
    float sum = weights[0] * centre[0];
    for (int k = 1; k <= radius; ++k) {
        const float before = y >= k ? centre[-static_cast<int64_t>(k) * columns] : 0.0f;
        const float after = y + k < box.rows ? centre[static_cast<int64_t>(k) * columns] : 0.0f;
        sum += weights[k] * (before + after);
    }
    out[static_cast<int64_t>(y) * columns + x] = sum;
}

/// The same along the rows, then divided by the weights that fall inside the part in both directions.
MC_KERNEL void __launch_bounds__(part_threads* part_rows)
    gaussian_along(const float* __restrict__ sums, const int* __restrict__ part, const float* __restrict__ weights,
                   const double* __restrict__ weight_sums, int radius, float* __restrict__ out, int columns) {
    const int x = static_cast<int>(blockIdx.x) * part_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * part_rows + static_cast<int>(threadIdx.y);
    const Part box = Part::of(part);
    if (!box.holds(y, x)) return;
    const float* centre = sums + static_cast<int64_t>(y) * columns + x;
    float sum = weights[0] * centre[0];
    for (int k = 1; k <= radius; ++k) {
        const float before = x >= k ? centre[-k] : 0.0f, after = x + k < box.columns ? centre[k] : 0.0f;
        sum += weights[k] * (before + after);
    }
    const float scale =
        inside_scale(weight_sums, radius, y, box.rows) * inside_scale(weight_sums, radius, x, box.columns);
    out[static_cast<int64_t>(y) * columns + x] = sum * scale;
}

/// Number, sum and sum of squares of finer - coarser inside, at every third pixel, for each block's lines; values are
/// drawn in to `clip` deviations if there is a deviation already.
MC_KERNEL void __launch_bounds__(moment_threads)
    difference_moments(const float* __restrict__ finer, const float* __restrict__ coarser,
                       const uint8_t* __restrict__ inside, const int* __restrict__ part,
                       const float* __restrict__ deviation, float clip, double* __restrict__ sums, int columns) {
    MC_SHARED(double, own, 3 * moment_threads);
    const Part box = Part::of(part);
    const int thread = static_cast<int>(threadIdx.x);
    const float limit = deviation ? clip * deviation[0] : infinity();
    double number = 0, sum = 0, squares = 0;
    for (int line = 0; line < moment_lines; ++line) {
        const int y = moment_step * (static_cast<int>(blockIdx.x) * moment_lines + line);
        if (y >= box.rows) break;
        for (int x = moment_step * thread; x < box.columns; x += moment_step * moment_threads) {
            const int64_t at = static_cast<int64_t>(y) * columns + x;
            if (!inside[at]) continue;
            const float value = finer[at] - coarser[at];
            const double drawn = value < -limit ? -limit : value > limit ? limit : value;
            number += 1;
            sum += drawn;
            squares += drawn * drawn;
        }
    }
    own[3 * thread] = number;
    own[3 * thread + 1] = sum;
    own[3 * thread + 2] = squares;
    __syncthreads();
    if (thread >= 3) return;
    double total = 0;
    for (int i = 0; i < moment_threads; ++i) total += own[3 * i + thread];
    sums[3 * static_cast<int64_t>(blockIdx.x) + thread] = total;
}

/// The standard deviation from the sums of all blocks, at least `floor`; 0 of no values.
MC_KERNEL void __launch_bounds__(32)
    moments_deviation(const double* __restrict__ sums, int blocks, float floor, float* __restrict__ deviation) {
    const int lane = static_cast<int>(threadIdx.x), which = lane % 3;
    double total = 0;
    for (int i = 0; i < blocks; ++i) total += sums[3 * i + which];
    const double number = __shfl_sync(0xffffffffu, total, 0), sum = __shfl_sync(0xffffffffu, total, 1);
    const double squares = __shfl_sync(0xffffffffu, total, 2);
    if (lane) return;
    const double mean = number > 0 ? sum / number : 0.0, variance = number > 0 ? squares / number - mean * mean : 0.0;
    const float found = static_cast<float>(sqrt(larger(variance, 0.0)));
    deviation[0] = found < floor ? floor : found;
}

/// response = max(before, (finer - coarser) / deviation), -inf beyond the part; `before` may be null or the response.
MC_KERNEL void __launch_bounds__(part_threads* part_rows)
    spot_response(const float* __restrict__ finer, const float* __restrict__ coarser, const int* __restrict__ part,
                  const float* __restrict__ deviation, const float* before, float* response, int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * part_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * part_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const int64_t at = static_cast<int64_t>(y) * columns + x;
    float value = -infinity();
    if (Part::of(part).holds(y, x)) {
        value = (finer[at] - coarser[at]) / deviation[0];
        if (before && before[at] > value) value = before[at];
    }
    response[at] = value;
}

#define MCFAST_SPOTS_KERNELS(X) \
    X(gaussian_down) X(gaussian_along) X(difference_moments) X(moments_deviation) X(spot_response)

}  // namespace mcfast::gpu
