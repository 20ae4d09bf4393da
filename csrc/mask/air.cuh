// The level above which a coarse pixel is no air: mcfast/detect/mask.py's, from exact quantiles and a histogram.
//
// The quantile is selected digit by digit (four counts of 256 values), its neighbour by one more look; then the
// histogram is counted between edges that are rounded as NumPy rounds them. Every lane counts in a column of its own,
// so that a warp whose pixels are all equal, as air is, does not add to one address 32 times. Counts are integers and
// the rest is a few operations of one thread's, so the bits are those of the CPU.
//
//   bytes per pixel   of the coarse image: 4, six times, out of L2
//   limit             one multiprocessor's share of L2 (some 30 us for 100,000 pixels, if that is 64 bytes a clock): a
//                     grid would have to come together six times
//   launch            one block of 1024 threads, 34,340 bytes of shared memory
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int air_threads = 1024, air_digits = 256, air_bins = 40;

/// An unsigned integer that grows as the float does.
MC_DEVICE uint32_t ordered(float value) {
    const auto bits = static_cast<uint32_t>(__float_as_int(value));
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
MC_DEVICE float unordered(uint32_t key) {
    return __int_as_float(static_cast<int>(key & 0x80000000u ? key & 0x7fffffffu : ~key));
}

MC_DEVICE uint32_t warp_least(uint32_t value) {
    for (unsigned mask = 16; mask; mask /= 2) {
        const uint32_t other = __shfl_xor_sync(0xffffffffu, value, mask);
        if (other < value) value = other;
    }
    return value;
}

/// Shared memory: counts of 256 classes, a column for each lane; their sums; what warps have found.
struct AirMemory {
    Shared<uint32_t> counts, totals, found;
    Shared<float> edges;

    /// totals[c] = how many of `count` elements are of class c; `class_of` gives -1 for those of none.
    template <class Class>
    MC_DEVICE void count_classes(int count, const Class& class_of) const {
        const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
        for (int i = thread; i < 32 * air_digits; i += air_threads) counts[i] = 0;
        __syncthreads();
        for (int i = thread; i < count; i += air_threads) {
            const int which = class_of(i);
            if (which >= 0) atomicAdd(&counts[32 * which + lane], 1u);
        }
        __syncthreads();
        for (int which = thread / 32; which < air_digits; which += air_threads / 32) {
            uint32_t sum = counts[32 * which + lane];
            for (unsigned mask = 16; mask; mask /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, mask);
            if (lane == 0) totals[which] = sum;
        }
        __syncthreads();
    }

    /// The least of all threads' values. `slot` (0, 1, ...) is another for each use.
    MC_DEVICE uint32_t least(uint32_t value, int slot) const {
        const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
        value = warp_least(value);
        if (lane == 0) found[32 * slot + thread / 32] = value;
        __syncthreads();
        const uint32_t other = found[32 * slot + lane];
        return warp_least(other);
    }
};

/// The class that element `rank` of the sorted elements is of; `rank` becomes its place in that class. Same in all
/// threads: each lane looks at eight classes.
MC_DEVICE int class_at(const AirMemory& memory, int& rank) {
    constexpr int each = air_digits / 32;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    int own = 0;
    for (int i = 0; i < each; ++i) {
        const uint32_t total = memory.totals[each * lane + i];
        own += static_cast<int>(total);
    }
    int through = own;
    for (unsigned places = 1; places < 32; places *= 2) {
        const int other = __shfl_up_sync(0xffffffffu, through, places);
        if (lane >= static_cast<int>(places)) through += other;
    }
    const uint32_t beyond = __ballot_sync(0xffffffffu, rank < through);
    const int holder = __popc((beyond & (0u - beyond)) - 1);
    rank -= __shfl_sync(0xffffffffu, through - own, static_cast<unsigned>(holder));
    int which = each * holder;
    for (;; ++which) {
        const auto total = static_cast<int>(static_cast<uint32_t>(memory.totals[which]));
        if (rank < total) return which;
        rank -= total;
    }
}

/// Element `rank` of the sorted keys of the pixels, and the one after it (the same where there is none).
struct Neighbours {
    uint32_t own, next;
};
MC_DEVICE Neighbours keys_at(const AirMemory& memory, const float* coarse, int count, int rank) {
    uint32_t prefix = 0;
    bool last_of_equals = false;
    for (int shift = 24; shift >= 0; shift -= 8) {
        memory.count_classes(count, [&](int i) {
            const uint32_t key = ordered(coarse[i]);
            const bool counts = shift == 24 || key >> (shift + 8) == prefix;
            return counts ? static_cast<int>(key >> shift & 0xff) : -1;
        });
        const int digit = class_at(memory, rank);
        prefix = prefix << 8 | static_cast<uint32_t>(digit);
        const uint32_t equals = memory.totals[digit];
        last_of_equals = rank + 1 == static_cast<int>(equals);
    }
    uint32_t above = 0xffffffffu;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += air_threads) {
        const uint32_t key = ordered(coarse[i]);
        if (key > prefix && key < above) above = key;
    }
    above = memory.least(above, 2);
    return {prefix, last_of_equals && above != 0xffffffffu ? above : prefix};
}

/// Where the histogram has fallen from the highest peak of its darker third to a twenty-fifth of it, or an eighth of
/// the range further; `none` if it does not fall to a quarter.
MC_DEVICE float end_of_air(const AirMemory& memory, float none) {
    constexpr int reach = air_bins / 8;
    int peak = 0;
    uint32_t highest = memory.totals[0];
    for (int i = 1; i < air_bins / 3; ++i) {
        const uint32_t total = memory.totals[i];
        if (total > highest) {
            highest = total;
            peak = i;
        }
    }
    int end = reach;
    bool falls = false;
    for (int i = reach - 1; i >= 0; --i) {
        const auto total = static_cast<double>(static_cast<uint32_t>(memory.totals[peak + i]));
        if (total <= 0.25 * static_cast<double>(highest)) falls = true;
        if (total <= 0.04 * static_cast<double>(highest)) end = i;
    }
    const float edge = memory.edges[peak + end];
    return falls ? edge : none;
}

/// limit[0] = the level; infinity where the image is as good as constant. The upper end of the histogram lies `gamma`
/// between elements `rank` and `rank` + 1 of the sorted pixels.
MC_KERNEL void __launch_bounds__(air_threads, 1)
    air_limit(const float* __restrict__ coarse, int count, int rank, double gamma, float* __restrict__ limit) {
    MC_SHARED(uint32_t, counts, 32 * air_digits);
    MC_SHARED(uint32_t, totals, air_digits);
    MC_SHARED(uint32_t, found, 96);
    MC_SHARED(float, edges, air_bins + 1);
    const AirMemory memory{counts, totals, found, edges};
    const int thread = static_cast<int>(threadIdx.x);

    uint32_t least = 0xffffffffu, inverse_most = 0xffffffffu;
    for (int i = thread; i < count; i += air_threads) {
        const uint32_t key = ordered(coarse[i]);
        if (key < least) least = key;
        if (~key < inverse_most) inverse_most = ~key;
    }
    const double low = unordered(memory.least(least, 0)), most = unordered(~memory.least(inverse_most, 1));
    const Neighbours around = keys_at(memory, coarse, count, rank);
    const float before = unordered(around.own), after = unordered(around.next), apart = after - before;
    const double high = gamma >= 0.5 ? after - apart * (1 - gamma) : before + apart * gamma;

    if (most - low < 0.01) {
        if (thread == 0) limit[0] = infinity();
        return;
    }
    const auto none = static_cast<float>(low - 1.0);
    if (high - low <= 1e-5 * larger(low < 0 ? -low : low, high < 0 ? -high : high)) {
        if (thread == 0) limit[0] = none;
        return;
    }
    const double step = (high - low) / air_bins;
    if (thread <= air_bins) edges[thread] = static_cast<float>(thread == air_bins ? high : thread * step + low);
    memory.count_classes(count, [&](int i) {
        const float value = coarse[i];
        const float top = memory.edges[air_bins];
        if (value > top) return -1;
        int bin = clamped(static_cast<int>((value - low) / step), 0, air_bins - 1);
        while (bin + 1 < air_bins && value >= memory.edges[bin + 1]) ++bin;
        while (bin > 0 && value < memory.edges[bin]) --bin;
        return bin;
    });
    if (thread == 0) limit[0] = end_of_air(memory, none);
}

#define MCFAST_AIR_KERNELS(X) X(air_limit)

}  // namespace mcfast::gpu
