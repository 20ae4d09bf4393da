// The strongest of the maxima, sorted, and what networks say about them: lists whose lengths only the device knows.
//
//   bytes per entry   choose: 4, read 35 times out of L2; rank: 8; no traffic to speak of
//   limit             latency: choosing is one block, and 2 barriers for each of 32 bits
//   launch            choose: one block of 1024 threads, 392 bytes of shared memory; the others: 256 threads
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int choose_threads = 1024, choose_warps = choose_threads / 32, rank_threads = 256;

/// A number that grows with the score, never 0; 0 for scores that are not above the threshold, NaN among them.
MC_DEVICE uint32_t score_key(float score, float threshold) {
    if (!(score > threshold)) return 0;
    const auto bits = static_cast<uint32_t>(__float_as_int(score));
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/// How many entries have a key of at least `low`, known to all threads. `totals` is used again by the next call.
MC_DEVICE int count_from(uint32_t low, const float* scores, int count, float threshold, Shared<int> totals) {
    const int thread = static_cast<int>(threadIdx.x);
    int own = 0;
    for (int i = thread; i < count; i += choose_threads) own += score_key(scores[i], threshold) >= low;
    for (unsigned mask = 16; mask; mask /= 2) own += __shfl_xor_sync(0xffffffffu, own, mask);
    if (thread % 32 == 0) totals[thread / 32] = own;
    __syncthreads();
    int total = 0;
    for (int i = 0; i < choose_warps; ++i) total += totals[i];
    __syncthreads();
    return total;
}

/// chosen[0 .. chosen_count): indices, in ascending order, of the `limit` highest scores above the threshold; of equal
/// scores the first ones.
MC_KERNEL void __launch_bounds__(choose_threads)
    choose_strongest(const float* __restrict__ scores, const int* __restrict__ found, int capacity, float threshold,
                     int limit, int* __restrict__ chosen, int* __restrict__ chosen_count) {
    MC_SHARED(int, totals, choose_warps);
    MC_SHARED(int, ties, choose_warps);
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
    const int count = smaller(found[0], capacity);
    uint32_t cut = 1;  // the lowest key that is taken
    int room = limit;  // for entries of just that key
    if (count_from(cut, scores, count, threshold, totals) > limit) {
        cut = 0;
        for (uint32_t bit = 0x80000000u; bit; bit /= 2) {
            if (count_from(cut | bit, scores, count, threshold, totals) >= limit) cut |= bit;
        }
        if (cut != 0xffffffffu) room -= count_from(cut + 1, scores, count, threshold, totals);
    }
    int taken = 0;
    for (int first = 0; first < count; first += choose_threads) {
        const int i = first + thread;
        const uint32_t key = i < count ? score_key(scores[i], threshold) : 0;
        const uint32_t equal = __ballot_sync(0xffffffffu, key == cut), below = (1u << lane) - 1;
        // Each of the two arrays is written on the other side of a barrier from where it was last read.
        if (lane == 0) ties[warp] = __popc(equal);
        __syncthreads();
        int rank = __popc(equal & below), all_ties = 0;
        for (int w = 0; w < choose_warps; ++w) {
            const int those = ties[w];
            rank += w < warp ? those : 0;
            all_ties += those;
        }
        const uint32_t take = __ballot_sync(0xffffffffu, key > cut || (key == cut && rank < room));
        if (lane == 0) totals[warp] = __popc(take);
        __syncthreads();
        int at = taken + __popc(take & below);
        for (int w = 0; w < choose_warps; ++w) {
            const int those = totals[w];
            at += w < warp ? those : 0;
            taken += those;
        }
        if (take >> lane & 1u) chosen[at] = i;
        room = larger(room - all_ties, 0);
    }
    if (thread == 0) chosen_count[0] = taken;
}

/// Place, strength and noise of the chosen maxima, strongest first; of equal ones the first. `deviation` is that of
/// every `step`-th pixel, `noise_columns` in a row.
MC_KERNEL void __launch_bounds__(rank_threads)
    sort_chosen(const int* __restrict__ chosen, const int* __restrict__ chosen_count, const float* __restrict__ scores,
                const int* __restrict__ positions, const float* __restrict__ deviation, int noise_columns, int step,
                float floor, int* __restrict__ places, float* __restrict__ strength, float* __restrict__ noise) {
    const int i = static_cast<int>(blockIdx.x) * rank_threads + static_cast<int>(threadIdx.x);
    const int count = chosen_count[0];
    if (i >= count) return;
    const float own = scores[chosen[i]];
    int rank = 0;
    for (int j = 0; j < count; ++j) {
        const float other = scores[chosen[j]];
        rank += other > own || (other == own && j < i);
    }
    const int y = positions[2 * chosen[i]], x = positions[2 * chosen[i] + 1];
    const float around = deviation[static_cast<int64_t>(y / step) * noise_columns + x / step];
    places[2 * rank] = y;
    places[2 * rank + 1] = x;
    strength[rank] = own;
    noise[rank] = around < floor ? floor : around;
}

/// Log-odds of a probability that is kept `sure` away from 0 and 1.
MC_DEVICE double log_odds(float probability, double sure) {
    const double p = smaller(larger(static_cast<double>(probability), sure), 1.0 - sure);
    return log(p / (1.0 - p));
}

/// scores = what the first network says where its log-odds are at most `doubt`, else the mean log-odds of all of them,
/// as a probability. `said` is (networks, stride).
MC_KERNEL void __launch_bounds__(rank_threads)
    committee(const float* __restrict__ said, int networks, int64_t stride, const int* __restrict__ chosen_count,
              double doubt, double sure, float* __restrict__ scores) {
    const int i = static_cast<int>(blockIdx.x) * rank_threads + static_cast<int>(threadIdx.x);
    if (i >= chosen_count[0]) return;
    double odds = log_odds(said[i], sure);
    if (odds > doubt && networks > 1) {
        double others = 0;
        for (int network = 1; network < networks; ++network) others += log_odds(said[network * stride + i], sure);
        odds = (odds + others) / networks;
    }
    scores[i] = static_cast<float>(1.0 / (1.0 + exp(-odds)));
}

#define MCFAST_SELECTION_KERNELS(X) X(choose_strongest) X(sort_chosen) X(committee)

}  // namespace mcfast::gpu
