// What the guided-filter kernel is given.
#pragma once

#include <algorithm>

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

/// Rows [top, bottom) of a guided filter. `guide` is `src` itself (same data) for the self-guided filter.
template <class T>
struct GuidedTask {
    Image<const T> guide;
    Image<const T> src;  // row(0) is row `src_top` of the image; 2 radius rows around the task's own are needed
    int src_top;
    int radius;  // along columns; at most the image's rows
    RowWindow along;
    double eps;
    double src_shift, guide_shift;  // taken from floats before they are summed; 0 for integers
    GuidedOutput output;
    Image<float> out, second;
    Image<T> radiance;  // for `dehazed`
    double omega, t_min, white;
    int top, bottom;

    bool self_guided() const { return src.data == guide.data && src.stride == guide.stride; }
};

/// Column sums of guide, guide^2, src, guide src, and of a and b; a ring of the 2 radius + 2 last rows of a and b.
/// These are doubles: rounded to float they would cost a third of the error that the result's own rounding leaves.
template <class T, class Sum>
struct GuidedLayout : Layout {
    GuidedLayout(const GuidedTask<T>& task, char* base)
        : Layout(base),
          pitch(task.along.segments.size()),
          guide(*this, task.along),
          src(*this, task.along),
          square(*this, task.along),
          product(*this, task.along),
          a(*this, task.along),
          b(*this, task.along),
          depth(std::min(2 * task.radius + 2, task.guide.rows)),
          a_ring(take<double>(std::size_t(depth) * pitch)),
          b_ring(take<double>(std::size_t(depth) * pitch)),
          zeros(take<double>(pitch)),
          blank_guide(take<T>(pitch)),
          blank_src(take<T>(pitch)) {}

    std::size_t pitch;
    SumLayout<Sum> guide, src;
    SumLayout<double> square, product, a, b;
    int depth;  // rows of a ring
    double *a_ring, *b_ring, *zeros;
    T *blank_guide, *blank_src;  // rows outside the image
};

}  // namespace mcfast
