// Order statistics and histograms of coarse pixels, by one block.
//
// An element of given rank is selected digit by digit (four counts of 256 classes), its neighbour by one more look.
// Every lane counts in a column of its own, so that a warp whose pixels are all equal, as air is, does not add to one
// address 32 times. Counts are integers, so nothing depends on the order of threads.
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int block_threads = 1024, block_classes = 256, block_slots = 5;

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
MC_DEVICE uint32_t warp_sum(uint32_t value) {
    for (unsigned mask = 16; mask; mask /= 2) value += __shfl_xor_sync(0xffffffffu, value, mask);
    return value;
}

/// Shared memory of a block: counts of 256 classes, a column for each lane; their sums; what warps have found.
struct BlockMemory {
    Shared<uint32_t> counts, totals, found;

    /// totals[c] = how many of `count` elements are of class c; `class_of` gives -1 for those of none.
    template <class Class>
    MC_DEVICE void count_classes(int count, const Class& class_of) const {
        const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
        for (int i = thread; i < 32 * block_classes; i += block_threads) counts[i] = 0;
        __syncthreads();
        for (int i = thread; i < count; i += block_threads) {
            const int which = class_of(i);
            if (which >= 0) atomicAdd(&counts[32 * which + lane], 1u);
        }
        __syncthreads();
        for (int which = thread / 32; which < block_classes; which += block_threads / 32) {
            const uint32_t own = counts[32 * which + lane], sum = warp_sum(own);
            if (lane == 0) totals[which] = sum;
        }
        __syncthreads();
    }

    /// The least of all threads' values, and their sum. `slot` (0, 1, ...) is another for each use.
    MC_DEVICE uint32_t least(uint32_t value, int slot) const { return warp_least(of_warps(warp_least(value), slot)); }
    MC_DEVICE uint32_t sum(uint32_t value, int slot) const { return warp_sum(of_warps(warp_sum(value), slot)); }

    /// The first class of [begin, end) with a total of at most `most`; `end` if there is none.
    MC_DEVICE int first_at_most(double most, int begin, int end) const {
        uint32_t first = static_cast<uint32_t>(end);
        for (int i = begin + static_cast<int>(threadIdx.x) % 32; i < end; i += 32) {
            const uint32_t total = totals[i];
            if (static_cast<double>(total) <= most && static_cast<uint32_t>(i) < first)
                first = static_cast<uint32_t>(i);
        }
        return static_cast<int>(warp_least(first));
    }

    /// The largest total of the first `classes`, and the first of those that have it.
    MC_DEVICE int highest(int classes, uint32_t& total) const {
        uint32_t inverse = 0xffffffffu;
        for (int i = static_cast<int>(threadIdx.x) % 32; i < classes; i += 32) {
            const uint32_t own = totals[i];
            if (~own < inverse) inverse = ~own;
        }
        total = ~warp_least(inverse);
        uint32_t first = static_cast<uint32_t>(classes);
        for (int i = static_cast<int>(threadIdx.x) % 32; i < classes; i += 32) {
            const uint32_t own = totals[i];
            if (own == total && static_cast<uint32_t>(i) < first) first = static_cast<uint32_t>(i);
        }
        return static_cast<int>(warp_least(first));
    }

  private:
    /// Each warp's value, to the lane of its number.
    MC_DEVICE uint32_t of_warps(uint32_t value, int slot) const {
        const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
        if (lane == 0) found[32 * slot + thread / 32] = value;
        __syncthreads();
        return found[32 * slot + lane];
    }
};

#define MC_BLOCK_MEMORY(name)                               \
    MC_SHARED(uint32_t, name##_counts, 32 * block_classes); \
    MC_SHARED(uint32_t, name##_totals, block_classes);      \
    MC_SHARED(uint32_t, name##_found, 32 * block_slots);    \
    const BlockMemory name {                                \
        name##_counts, name##_totals, name##_found          \
    }

/// The class that element `rank` of the sorted elements is of; `rank` becomes its place in that class. Same in all
/// threads: each lane looks at eight classes.
MC_DEVICE int class_at(const BlockMemory& memory, int& rank) {
    constexpr int each = block_classes / 32;
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

/// Element `rank` of the sorted values, and the one after it (the same where there is none).
struct Neighbours {
    float own, next;
};

/// Of the values [0, count) for which `among(i)` holds, of which there are more than `rank`. Uses slot 2.
template <class Among>
MC_DEVICE Neighbours values_at(const BlockMemory& memory, const float* values, int count, int rank,
                               const Among& among) {
    uint32_t prefix = 0;
    bool last_of_equals = false;
    for (int shift = 24; shift >= 0; shift -= 8) {
        memory.count_classes(count, [&](int i) {
            if (!among(i)) return -1;  // and may not have been written
            const uint32_t key = ordered(values[i]);
            return shift == 24 || key >> (shift + 8) == prefix ? static_cast<int>(key >> shift & 0xff) : -1;
        });
        const int digit = class_at(memory, rank);
        prefix = prefix << 8 | static_cast<uint32_t>(digit);
        const uint32_t equals = memory.totals[digit];
        last_of_equals = rank + 1 == static_cast<int>(equals);
    }
    uint32_t above = 0xffffffffu;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += block_threads) {
        if (!among(i)) continue;
        const uint32_t key = ordered(values[i]);
        if (key > prefix && key < above) above = key;
    }
    above = memory.least(above, 2);
    return {unordered(prefix), unordered(last_of_equals && above != 0xffffffffu ? above : prefix)};
}

}  // namespace mcfast::gpu
