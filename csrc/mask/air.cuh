// The levels that part a coarse image: mcfast/detect/mask.py's, from exact quantiles and histograms.
//
// Above the first one a pixel is no air; between the two it may be air or fat that a curve left dark, which texture.cuh
// decides. Histograms are counted between edges that are rounded as NumPy rounds them (ranks.cuh says how), and the
// rest is a few operations, so the bits are those of the CPU.
//
//   bytes per pixel   of the coarse image: 4, eight times, out of L2
//   limit             one multiprocessor's share of L2 (some 40 us for 100,000 pixels, if that is 64 bytes a clock): a
//                     grid would have to come together eight times
//   launch            one block of 1024 threads, 35,624 bytes of shared memory
#pragma once

#include "mask/ranks.cuh"

namespace mcfast::gpu {

constexpr int air_bins = 40, black_bins = 256;

/// A histogram's edges, in shared memory, for the pixels from `low` to `high`.
struct Bins {
    Shared<float> edges;
    int count;
    double low, step;

    /// To be followed by a barrier, as count_classes begins with one.
    MC_DEVICE Bins(Shared<float> edges_, int count_, double low_, double high)
        : edges(edges_), count(count_), low(low_), step((high - low_) / count_) {
        const int thread = static_cast<int>(threadIdx.x);
        if (thread <= count) edges[thread] = static_cast<float>(thread == count ? high : thread * step + low);
    }

    /// The bin of a pixel, or -1 beyond the last.
    MC_DEVICE int of(float value) const {
        const float top = edges[count];
        if (value > top) return -1;
        int bin = clamped(static_cast<int>((value - low) / step), 0, count - 1);
        while (bin + 1 < count && value >= edges[bin + 1]) ++bin;
        while (bin > 0 && value < edges[bin]) --bin;
        return bin;
    }
};

/// Where the histogram has fallen from the highest peak of its darker third to a twenty-fifth of it, or an eighth of
/// the range further; `none` if it does not fall to a quarter.
MC_DEVICE float end_of_air(const BlockMemory& memory, const Bins& bins, float none) {
    constexpr int reach = air_bins / 8;
    uint32_t height;
    const int peak = memory.highest(air_bins / 3, height), beyond = peak + reach;
    const int fallen = memory.first_at_most(0.25 * static_cast<double>(height), peak, beyond);
    const int end = memory.first_at_most(0.04 * static_cast<double>(height), peak, beyond);
    const float edge = bins.edges[end];
    return fallen < beyond ? edge : none;
}

/// Where the peak of the darkest air ends, however narrow it is: at a twenty-fifth of its height, or at once if the
/// next bin has a quarter of it.
MC_DEVICE float end_of_black(const BlockMemory& memory, const Bins& bins) {
    uint32_t height;
    const int peak = memory.highest(black_bins / 3, height);
    const bool single = memory.first_at_most(0.25 * static_cast<double>(height), peak, peak + 2) == peak + 1;
    const double share = single ? 0.25 : 0.04;
    return bins.edges[memory.first_at_most(share * static_cast<double>(height), peak, black_bins)];
}

/// False where hardly anything lies between the two levels, for one pixel above them: it is the skin's own slope.
MC_DEVICE bool leaves_doubt(const BlockMemory& memory, const float* coarse, int count, float black, float air) {
    constexpr double share = 0.05;
    uint32_t bright = 0, doubtful = 0;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += block_threads) {
        const float value = coarse[i];
        bright += value > air;
        doubtful += value > black && value <= air;
    }
    bright = memory.sum(bright, 3);
    doubtful = memory.sum(doubtful, 4);
    return !(static_cast<double>(doubtful) < share * static_cast<double>(bright));
}

/// True if float32 cannot tell the bins between these apart, by the caller's measure.
MC_DEVICE bool is_narrow(double low, double high, double measure) {
    return high - low <= measure * larger(low < 0 ? -low : low, high < 0 ? -high : high);
}

/// limits[0] = the level above which a pixel is no air, infinity where the image is as good as constant; limits[1] = if
/// `thorough`, that above which it may be fat, or limits[0] again if there is no doubt. The upper end of the histograms
/// lies `gamma` between elements `rank` and `rank` + 1 of the sorted pixels.
MC_KERNEL void __launch_bounds__(block_threads, 1) air_limit(const float* __restrict__ coarse, int count, int rank,
                                                             double gamma, int thorough, float* __restrict__ limits) {
    MC_BLOCK_MEMORY(memory);
    MC_SHARED(float, edges, air_bins + 1);
    MC_SHARED(float, fine_edges, black_bins + 1);
    const int thread = static_cast<int>(threadIdx.x);
    const auto finish = [&](float air, float black) {
        if (thread > 0) return;
        limits[0] = air;
        limits[1] = black;
    };

    uint32_t least = 0xffffffffu, inverse_most = 0xffffffffu;
    for (int i = thread; i < count; i += block_threads) {
        const uint32_t key = ordered(coarse[i]);
        if (key < least) least = key;
        if (~key < inverse_most) inverse_most = ~key;
    }
    const double low = unordered(memory.least(least, 0)), most = unordered(~memory.least(inverse_most, 1));
    const Neighbours around = values_at(memory, coarse, count, rank, [](int) { return true; });
    const float apart = around.next - around.own;
    const double high = gamma >= 0.5 ? around.next - apart * (1 - gamma) : around.own + apart * gamma;

    const auto none = static_cast<float>(low - 1.0);
    if (most - low < 0.01) return finish(infinity(), infinity());
    if (is_narrow(low, high, 1e-5)) return finish(none, none);
    const Bins bins(edges, air_bins, low, high);
    memory.count_classes(count, [&](int i) { return bins.of(coarse[i]); });
    const float air = end_of_air(memory, bins, none);
    if (!thorough || air <= static_cast<float>(low) || is_narrow(low, high, 1e-4)) return finish(air, air);

    const Bins fine(fine_edges, black_bins, low, high);
    memory.count_classes(count, [&](int i) { return fine.of(coarse[i]); });
    const float black = end_of_black(memory, fine);
    const bool doubt = black < air && leaves_doubt(memory, coarse, count, black, air);
    finish(air, doubt ? black : air);
}

#define MCFAST_AIR_KERNELS(X) X(air_limit)

}  // namespace mcfast::gpu
