// Fat that a hard window or a steep curve left nearly as dark as air, told from air by its structure.
//
// What lies between the two levels of air.cuh, away from what is surely breast, is fat if it has structure, and air if
// it is smooth: gradient over level decides (mcfast/detect/mask.py, with the same bits). Where the levels are equal
// there is no doubt, and these kernels end at once.
//
//   bytes per pixel   of the coarse image: 1 to 10, in L2; medians: 6, six times
//   limit             the start of a launch; medians: one multiprocessor's share of L2 for each
//   launch            grid (columns / 32, rows / 8), 32 x 8 threads; medians: three blocks of 1024 threads, 34,432
//   bytes
//                     of shared memory
#pragma once

#include "mask/labels.cuh"
#include "mask/ranks.cuh"

namespace mcfast::gpu {

constexpr uint8_t is_far = 1, is_near = 2;  // from what is surely breast: four coarse pixels and more; two and more

/// What is brighter than any air.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    sure_pixels(const float* __restrict__ coarse, const float* __restrict__ limits, uint8_t* __restrict__ sure,
                int rows, int columns) {
    const CoarsePixel at(rows, columns);
    if (at.inside()) sure[at.index()] = coarse[at.index()] > limits[0];
}

/// What lies between the levels, by how far it is from the largest component of what is sure.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    doubtful_pixels(const float* __restrict__ coarse, const float* __restrict__ limits,
                    const int* __restrict__ components, const Size* __restrict__ largest,
                    uint8_t* __restrict__ doubtful, int rows, int columns) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const float value = coarse[at.index()];
    uint8_t kind = 0;
    if (value > limits[1] && value <= limits[0]) {
        const int root = root_of_largest(largest[0]);
        const auto is_sure = [&](int64_t i) { return components[i + 1] == root; };
        if (!at.any_within(2, is_sure)) kind = at.any_within(4, is_sure) ? is_near : is_near | is_far;
    }
    doubtful[at.index()] = kind;
}

/// Correlation of nine pixels with a Gaussian of one pixel, and with its derivative; the pixels beyond the border are
/// those before it, in reverse. Adds the farthest first, as SciPy does.
struct Differentiation {
    double smooth[5], slope[5];  // at the distances 0 to 4; the derivative's to the right

    template <class Load>
    MC_DEVICE float smoothed(const Load& load) const {
        double sum = static_cast<double>(load(0)) * smooth[0];
        MC_UNROLL
        for (int k = 4; k > 0; --k) sum += (static_cast<double>(load(-k)) + static_cast<double>(load(k))) * smooth[k];
        return static_cast<float>(sum);
    }
    template <class Load>
    MC_DEVICE float sloping(const Load& load) const {
        double sum = static_cast<double>(load(0)) * slope[0];
        MC_UNROLL
        for (int k = 4; k > 0; --k) sum += (static_cast<double>(load(-k)) - static_cast<double>(load(k))) * -slope[k];
        return static_cast<float>(sum);
    }
};

/// Place i of an axis that is continued by its own reflection.
MC_DEVICE int reflected(int i, int length) {
    const int period = 2 * length;
    i = (i % period + period) % period;
    return i < length ? i : period - 1 - i;
}

/// beyond = what of the doubtful pixels counts: those that are far, without the outermost of them, and those that are
/// near; gradient = the magnitude there.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    doubtful_gradient(const float* __restrict__ coarse, const uint8_t* __restrict__ doubtful,
                      const double* __restrict__ weights, uint8_t* __restrict__ beyond, float* __restrict__ gradient,
                      int rows, int columns) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    uint8_t kind = doubtful[at.index()];
    if (kind & is_far) {
        const int64_t down = columns;
        const bool inner = at.to_border() > 0 && doubtful[at.index() - 1] & doubtful[at.index() + 1] &
                                                     doubtful[at.index() - down] & doubtful[at.index() + down] & is_far;
        if (!inner) kind = is_near;
    }
    beyond[at.index()] = kind;
    if (!kind) return;
    Differentiation axis;
    MC_UNROLL
    for (int k = 0; k < 5; ++k) {
        axis.smooth[k] = weights[k];
        axis.slope[k] = weights[5 + k];
    }
    const auto pixel = [&](int down, int right) {
        return coarse[static_cast<int64_t>(reflected(at.y + down, rows)) * columns + reflected(at.x + right, columns)];
    };
    const float downwards =
        axis.smoothed([&](int right) { return axis.sloping([&](int down) { return pixel(down, right); }); });
    const float sideways =
        axis.sloping([&](int right) { return axis.smoothed([&](int down) { return pixel(down, right); }); });
    gradient[at.index()] = sqrtf(downwards * downwards + sideways * sideways);
}

/// Median of the values for which `among(i)` holds; of an even number the mean of the two.
template <class Among>
MC_DEVICE float median(const BlockMemory& memory, const float* values, int count, int number, const Among& among) {
    const Neighbours middle = values_at(memory, values, count, (number - 1) / 2, among);
    return number % 2 ? middle.own : (middle.own + middle.next) / 2.0f;
}

/// A block for each of texture[0 .. 2]: the medians of what is black, of the gradient in what is doubtful, and of the
/// level there. texture[3] = is_far or is_near, by which doubtful pixels were taken; 0 if there are none.
MC_KERNEL void __launch_bounds__(block_threads, 1)
    texture_medians(const float* __restrict__ coarse, const float* __restrict__ gradient,
                    const uint8_t* __restrict__ beyond, const float* __restrict__ limits,
                    const Size* __restrict__ largest, int count, float* __restrict__ texture) {
    constexpr double share = 0.01;  // of what is sure: fewer far pixels are too few
    MC_BLOCK_MEMORY(memory);
    const int thread = static_cast<int>(threadIdx.x), which = static_cast<int>(blockIdx.x);
    const bool doubt = limits[1] < limits[0];
    if (!doubt) {
        if (thread == 0 && which == 1) texture[3] = 0;
        return;
    }
    uint32_t black = 0, far = 0, near = 0;
    for (int i = thread; i < count; i += block_threads) {
        black += coarse[i] <= limits[1];
        far += (beyond[i] & is_far) != 0;
        near += beyond[i] != 0;
    }
    black = memory.sum(black, 0);
    far = memory.sum(far, 1);
    near = memory.sum(near, 3);
    const bool narrow = static_cast<double>(far) < share * static_cast<double>(largest[0] >> 32);
    const uint8_t kind = narrow ? is_near : is_far;
    const auto number = static_cast<int>(which == 0 ? black : narrow ? near : far);
    if (thread == 0 && which == 1) texture[3] = number ? kind : 0.0f;
    if (number == 0) return;
    const float found = median(memory, which == 1 ? gradient : coarse, count, number,
                               [&](int i) { return which == 0 ? coarse[i] <= limits[1] : (beyond[i] & kind) != 0; });
    if (thread == 0) texture[which] = found;
}

/// The level above which a pixel is breast, or label, or metal. `texture` may be null: nobody has looked.
MC_DEVICE float breast_limit(const float* limits, const float* texture) {
    constexpr double far_limit = 0.14, near_limit = 0.3;  // film's air stays below 0.13 and 0.28, fat above
    if (!texture || texture[3] == 0.0f) return limits[0];
    const double level = static_cast<double>(texture[2]) - static_cast<double>(texture[0]);
    const double ratio = static_cast<double>(texture[1]) / larger(level, 1e-6);
    return ratio > (texture[3] == is_far ? far_limit : near_limit) ? limits[1] : limits[0];
}

#define MCFAST_TEXTURE_KERNELS(X) X(sure_pixels) X(doubtful_pixels) X(doubtful_gradient) X(texture_medians)

}  // namespace mcfast::gpu
