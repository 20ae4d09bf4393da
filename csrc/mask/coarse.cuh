// The coarse image on which the breast is found, and what neighbours decide there: bright or air, opened, smoothed.
//
// A coarse pixel is about 0.8 mm wide, so all of these but the first touch some 100,000 pixels, a hundredth of the
// image's: what counts is how many launches there are. Every step has the bits of mcfast/detect/mask.py.
//
//   bytes per pixel   coarse_pixels: sizeof(T) (and 1 where there is a mask of what is valid), of the image;
//                     the others: 1 to 10 of the coarse image, in L2
//   limit             coarse_pixels: memory bandwidth (its loads are 1 / factor of a sector apart and meet again in
//   L1);
//                     the others: the start of a launch
//   launch            grid (columns / 32, rows / 8), 32 x 8 threads; no shared memory
#pragma once

#include "mask/labels.cuh"
#include "mask/texture.cuh"
#include "resample/resample.cuh"

namespace mcfast::gpu {

/// The image's area means in units of white, and what part of each is valid; `valid` and `covered` may be null.
template <class T>
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    coarse_pixels(const T* __restrict__ image, int64_t image_stride, const uint8_t* __restrict__ valid,
                  int64_t valid_stride, float* __restrict__ coarse, float* __restrict__ covered, int rows, int columns,
                  const int* __restrict__ row_first, const int* __restrict__ row_count,
                  const float* __restrict__ row_weights, int row_most, const int* __restrict__ column_first,
                  const int* __restrict__ column_count, const float* __restrict__ column_weights, int column_most,
                  float white) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const ResampledAxis down{row_first, row_count, row_weights, row_most};
    const ResampledAxis along{column_first, column_count, column_weights, column_most};
    const auto pixel = [&](int row, int column) {
        return !valid || valid[row * valid_stride + column] ? static_cast<float>(image[row * image_stride + column])
                                                            : 0.0f;
    };
    coarse[at.index()] = static_cast<float>(rounded<T>(resampled(down, along, at.y, at.x, pixel))) / white;
    if (!valid) return;
    covered[at.index()] = resampled(
        down, along, at.y, at.x, [&](int row, int column) { return valid[row * valid_stride + column] ? 1.0f : 0.0f; });
}

/// Brighter than air, and valid.
struct Bright {
    const float* coarse;
    const float* covered;
    float limit;

    MC_DEVICE bool at(int64_t i) const { return coarse[i] > limit && (!covered || covered[i] > 0.5f); }
};

/// What is bright, and the same without lines along the image's border that no bright pixel further in is near to.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    bright_pixels(const float* __restrict__ coarse, const float* __restrict__ covered, const float* __restrict__ limits,
                  const float* __restrict__ texture, uint8_t* __restrict__ bright, uint8_t* __restrict__ framed,
                  int rows, int columns, int frame) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const Bright is_bright{coarse, covered, breast_limit(limits, texture)};
    const bool own = is_bright.at(at.index());
    bright[at.index()] = own;
    bool stays = own;
    if (own && at.to_border() < frame) {
        stays = false;
        for (int y = larger(at.y - frame, frame); y <= smaller(at.y + frame, rows - 1 - frame); ++y) {
            for (int x = larger(at.x - frame, frame); x <= smaller(at.x + frame, columns - 1 - frame); ++x) {
                stays = stays || is_bright.at(static_cast<int64_t>(y) * columns + x);
            }
        }
    }
    framed[at.index()] = stays;
}

/// Erosion by the diamond |y| + |x| <= reach; outside pixels are not set.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    erode_diamond(const uint8_t* __restrict__ mask, uint8_t* __restrict__ eroded, int rows, int columns, int reach) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    bool all = at.to_border() >= reach;
    for (int y = at.y - reach; all && y <= at.y + reach; ++y) {
        const int width = reach - (y < at.y ? at.y - y : y - at.y);
        for (int x = at.x - width; x <= at.x + width; ++x) all = all && mask[static_cast<int64_t>(y) * columns + x];
    }
    eroded[at.index()] = all;
}

/// Dilation by the same diamond, as the beginning of a labelling; sizes of components begin at 0.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    dilate_diamond(const uint8_t* __restrict__ mask, int* __restrict__ labels, int* __restrict__ sizes, int rows,
                   int columns, int reach) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    begin_label(labels, at, at.any_within(reach, [&](int64_t i) { return mask[i] != 0; }));
    sizes[at.index() + 1] = 0;
}

/// Bright pixels within two steps of the largest component, as the beginning of a labelling; within twelve where fat is
/// as dark as air, as the breast hangs together by strands there.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    near_largest(const uint8_t* __restrict__ bright, const int* __restrict__ components,
                 const Size* __restrict__ largest, const float* __restrict__ limits, const float* __restrict__ texture,
                 int* __restrict__ labels, int rows, int columns) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const int root = root_of_largest(largest[0]), reach = breast_limit(limits, texture) == limits[0] ? 2 : 12;
    begin_label(labels, at,
                bright[at.index()] && at.any_within(reach, [&](int64_t i) { return components[i + 1] == root; }));
}

/// The mask without border pixels less than half as bright as their brightest neighbour that is not on the border:
/// the skin, which is bright, covers a part of them.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    without_partial_air(const uint8_t* __restrict__ mask, const float* __restrict__ coarse, uint8_t* __restrict__ out,
                        int rows, int columns) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    bool stays = mask[at.index()];
    const auto within = [&](int y, int x) {  // as far as the image goes, all neighbours are set
        bool all = true;
        for (int v = larger(y - 1, 0); v <= smaller(y + 1, rows - 1); ++v) {
            for (int u = larger(x - 1, 0); u <= smaller(x + 1, columns - 1); ++u) {
                all = all && mask[static_cast<int64_t>(v) * columns + u];
            }
        }
        return all;
    };
    if (stays && !within(at.y, at.x)) {
        float brightest = 0;
        for (int y = larger(at.y - 1, 0); y <= smaller(at.y + 1, rows - 1); ++y) {
            for (int x = larger(at.x - 1, 0); x <= smaller(at.x + 1, columns - 1); ++x) {
                const float value = coarse[static_cast<int64_t>(y) * columns + x];
                if (value > brightest && within(y, x)) brightest = value;
            }
        }
        stays = !(coarse[at.index()] < 0.5f * brightest);
    }
    out[at.index()] = stays;
}

/// Gaussian of three pixels' reach, down the columns and then along the rows; the border's pixels go on outside.
struct Smoothing {
    double centre, first, second, third;

    /// Adds the farthest first, as SciPy does.
    template <class Load>
    MC_DEVICE float of(const Load& load) const {
        double sum = static_cast<double>(load(0)) * centre;
        sum += (static_cast<double>(load(-3)) + static_cast<double>(load(3))) * third;
        sum += (static_cast<double>(load(-2)) + static_cast<double>(load(2))) * second;
        sum += (static_cast<double>(load(-1)) + static_cast<double>(load(1))) * first;
        return static_cast<float>(sum);
    }
};

MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    soften(const uint8_t* __restrict__ mask, float* __restrict__ soft, int rows, int columns, double centre,
           double first, double second, double third) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const Smoothing smoothing{centre, first, second, third};
    soft[at.index()] = smoothing.of([&](int right) {
        const int x = clamped(at.x + right, 0, columns - 1);
        return smoothing.of([&](int down) {
            return mask[static_cast<int64_t>(clamped(at.y + down, 0, rows - 1)) * columns + x] ? 1.0f : 0.0f;
        });
    });
}

#define MCFAST_COARSE_KERNELS(X) \
    X(coarse_pixels<uint8_t>)    \
    X(coarse_pixels<uint16_t>)   \
    X(coarse_pixels<float>)      \
    X(bright_pixels)             \
    X(erode_diamond)             \
    X(dilate_diamond)            \
    X(near_largest)              \
    X(without_partial_air)       \
    X(soften)

}  // namespace mcfast::gpu
