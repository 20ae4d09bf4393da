// The tone of an image: the curve that lifts the median of a dark breast to 30 % of its bright end, as a table.
//
// Median and bright end are exact quantiles of every fourth pixel of every fourth row: the pixels are counted by value,
// and one block finds the ranks in the counts. Counts are integers and the rest is a few operations of one thread's in
// double precision, so the curve is mcfast/detect/tone.py's, but for how `log` and `pow` round.
//
//   bytes per pixel   count: 2 / 16 read of the image and 1 / 16 of the mask, if sectors were not read as a whole (8
//                     times as much); an atomic addition in L2 for every sixteenth; the others: 262,144 bytes in all
//   limit             count: memory bandwidth, or where most pixels are of one value L2's additions to one address;
//                     find: some 32,000 answers of one L1; the others: the start of a launch
//   launch            clear, table: grid (65,536 / 256), 256 threads; count: grid (columns / 256, rows / 16), 64 x 4
//                     threads; find: one block of 1024 threads, 144 bytes of shared memory
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int tone_values = 65536, tone_threads = 256, tone_stride = 4;
constexpr int sample_columns = 64, sample_rows = 4, find_threads = 1024;

MC_KERNEL void __launch_bounds__(tone_threads) clear_counts(uint32_t* __restrict__ counts) {
    counts[static_cast<int>(blockIdx.x) * tone_threads + static_cast<int>(threadIdx.x)] = 0;
}

/// counts[v] = how many pixels of the sample in the mask have the value v.
MC_KERNEL void __launch_bounds__(sample_columns* sample_rows)
    count_values(const uint16_t* __restrict__ image, const uint8_t* __restrict__ mask, uint32_t* counts, int rows,
                 int columns) {
    const int x = tone_stride * (static_cast<int>(blockIdx.x) * sample_columns + static_cast<int>(threadIdx.x));
    const int y = tone_stride * (static_cast<int>(blockIdx.y) * sample_rows + static_cast<int>(threadIdx.y));
    if (x >= columns || y >= rows) return;
    const int64_t at = static_cast<int64_t>(y) * columns + x;
    if (mask[at]) atomicAdd(&counts[image[at]], 1u);
}

/// A thread's share of the values, and how many pixels have a smaller one.
struct Share {
    const uint32_t* counts;
    int first, before, own;

    static constexpr int values = tone_values / find_threads;

    MC_DEVICE bool holds(int rank) const { return rank >= before && rank < before + own; }

    /// Element `rank` of the sorted pixels, which is one of this thread's.
    MC_DEVICE int at(int rank) const {
        int value = first;
        for (int through = before + static_cast<int>(counts[value]); rank >= through;) {
            ++value;
            through += static_cast<int>(counts[value]);
        }
        return value;
    }
};

/// A quantile between two neighbours of the sorted pixels, as NumPy interpolates.
struct Quantile {
    int rank;
    double gamma;

    MC_DEVICE Quantile(double share, int total) {
        const double place = share * (total - 1);
        rank = static_cast<int>(place);
        gamma = place - rank;
    }
    MC_DEVICE double between(int own, int next) const {
        const double apart = next - own;
        return gamma >= 0.5 ? next - apart * (1 - gamma) : own + apart * gamma;
    }
};

/// tone = {bright, exponent}, for values as fractions of white.
MC_KERNEL void __launch_bounds__(find_threads)
    find_tone(const uint32_t* __restrict__ counts, double white, double* __restrict__ tone) {
    constexpr double lift_to = 0.3, bright_share = 0.99, steepest = 0.4;
    MC_SHARED(int, warps, find_threads / 32);
    MC_SHARED(int, found, 4);
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
    Share share{counts, thread * Share::values, 0, 0};
    // Two at a time: each thread reads from a cache line of its own, and L1's answers are what it waits for.
    const auto* pairs = reinterpret_cast<const uint64_t*>(counts + share.first);
    for (int i = 0; i < Share::values / 2; ++i) {
        share.own += static_cast<int>((pairs[i] & 0xffffffffu) + (pairs[i] >> 32));
    }
    int through = share.own;
    for (unsigned places = 1; places < 32; places *= 2) {
        const int other = __shfl_up_sync(0xffffffffu, through, places);
        if (lane >= static_cast<int>(places)) through += other;
    }
    if (lane == 31) warps[warp] = through;
    __syncthreads();
    share.before = through - share.own;
    int total = 0;
    for (int w = 0; w < find_threads / 32; ++w) {
        const int those = warps[w];
        share.before += w < warp ? those : 0;
        total += those;
    }
    if (total == 0) {
        if (thread < 2) tone[thread] = 1.0;
        return;
    }
    const Quantile middle(0.5, total), bright(bright_share, total);
    const int ranks[4] = {middle.rank, middle.rank + 1, bright.rank, bright.rank + 1};
    MC_UNROLL
    for (int i = 0; i < 4; ++i) {
        const int rank = ranks[i] < total ? ranks[i] : total - 1;
        if (share.holds(rank)) found[i] = share.at(rank);
    }
    __syncthreads();
    if (thread > 0) return;
    const double half = middle.between(found[0], found[1]) / white, top = bright.between(found[2], found[3]) / white;
    const bool is_dark = 0.0 < half && half < lift_to * top;
    tone[0] = is_dark ? top : 1.0;
    tone[1] = is_dark ? larger(steepest, log(lift_to) / log(half / top)) : 1.0;
}

/// table[v] = the value v in units of white, in its tone.
MC_KERNEL void __launch_bounds__(tone_threads)
    tone_table(const double* __restrict__ tone, float scale, float* __restrict__ table) {
    const int value = static_cast<int>(blockIdx.x) * tone_threads + static_cast<int>(threadIdx.x);
    const float share = static_cast<float>(value) * scale, bright = static_cast<float>(tone[0]);
    const auto exponent = static_cast<float>(tone[1]);
    if (tone[1] == 1.0) {
        table[value] = share;
        return;
    }
    const double lifted = pow(static_cast<double>(share / bright), static_cast<double>(exponent));
    table[value] = static_cast<float>(lifted) * bright;
}

#define MCFAST_TONE_KERNELS(X) X(clear_counts) X(count_values) X(find_tone) X(tone_table)

}  // namespace mcfast::gpu
