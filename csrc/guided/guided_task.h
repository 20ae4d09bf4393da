// What the guided-filter kernel is given.
#pragma once

#include "blur/blur_task.h"
#include "core/image.h"
#include "core/workspace.h"

namespace mcfast {

/// What becomes of the smoothed linear coefficients mean(a), mean(b) of a pixel.
enum class GuidedOutput {
    filtered,      // out = mean(a) guide + mean(b)
    coefficients,  // out = mean(a), second = mean(b)
    dehazed,       // radiance recovered with the transmission 1 - omega filtered / white
};

/// Column sums of the second moments: 64 bits hold 2^15 products of 16-bit values.
template <class T>
using ColumnMoment = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;

/// Rows [top, bottom) of a guided filter. `guide` is `src` itself (same data) for the self-guided filter.
template <class T>
struct GuidedTask {
    Image<const T> src, guide;
    int radius;
    double eps;
    double src_shift, guide_shift;  // taken from floats before they are summed; 0 for integers
    GuidedOutput output;
    Image<float> out, second;
    Image<T> radiance;  // for `dehazed`
    double omega, t_min, white;
    int top, bottom;

    bool self_guided() const { return src.data == guide.data && src.stride == guide.stride; }
};

template <class T>
struct GuidedLayout : Layout {
    GuidedLayout(const GuidedTask<T>& task, char* base)
        : Layout(base),
          width(std::size_t(task.src.columns)),
          guide_sum(take<ColumnSum<T>>(width)),
          src_sum(take<ColumnSum<T>>(width)),
          square_sum(take<ColumnMoment<T>>(width)),
          product_sum(take<ColumnMoment<T>>(width)),
          guide_prefix(take<WindowSum<T>>(width + 1)),
          src_prefix(take<WindowSum<T>>(width + 1)),
          square_prefix(take<WindowSum<T>>(width + 1)),
          product_prefix(take<WindowSum<T>>(width + 1)),
          a_ring(take<float>((2 * std::size_t(task.radius) + 1) * width)),
          b_ring(take<float>((2 * std::size_t(task.radius) + 1) * width)),
          a_sum(take<double>(width)),
          b_sum(take<double>(width)),
          a_prefix(take<double>(width + 1)),
          b_prefix(take<double>(width + 1)) {}

    std::size_t width;
    ColumnSum<T>*guide_sum, *src_sum;
    ColumnMoment<T>*square_sum, *product_sum;
    WindowSum<T>*guide_prefix, *src_prefix, *square_prefix, *product_prefix;
    float *a_ring, *b_ring;
    double *a_sum, *b_sum, *a_prefix, *b_prefix;
};

}  // namespace mcfast
