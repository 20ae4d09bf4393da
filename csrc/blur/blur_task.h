// What the box-mean and Gaussian kernels are given.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/image.h"
#include "core/workspace.h"

namespace mcfast {

/// Exact column sums for integers (2^15 rows of 65535 fit 32 bits), double for floats.
template <class T>
using ColumnSum = std::conditional_t<std::is_integral_v<T>, std::uint32_t, double>;
/// Exact sums over whole windows.
template <class T>
using WindowSum = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;

/// Mean over the clipped (2 radius + 1)^2 window for rows [top, bottom).
template <class T>
struct BoxTask {
    Image<const T> image;
    Image<float> out;
    int radius;
    double shift;  // taken from every float before it is summed; 0 for integers
    int top, bottom;
};

template <class T>
struct BoxLayout : Layout {
    BoxLayout(const BoxTask<T>& task, char* base)
        : Layout(base),
          columns(take<ColumnSum<T>>(task.image.columns)),
          prefix(take<WindowSum<T>>(task.image.columns + 1)) {}

    ColumnSum<T>* columns;
    WindowSum<T>* prefix;
};

/// Separable Gaussian for rows [top, bottom); the weights inside the image are scaled to sum to 1.
template <class T>
struct GaussianTask {
    Image<const T> image;
    Image<float> out;
    const float* weights;  // radius + 1, from the centre outwards
    int radius;
    const float* row_scale;     // (rows,) 1 / sum of the weights inside, by row
    const float* column_scale;  // (columns,)
    int top, bottom;
};

template <class T>
struct GaussianLayout : Layout {
    GaussianLayout(const GaussianTask<T>& task, char* base)
        : Layout(base),
          pitch((std::size_t(task.image.columns) + 15) / 16 * 16),
          rows(take<float>((std::size_t(task.bottom - task.top) + 2 * task.radius) * pitch)),
          padded(take<float>(pitch + 2 * task.radius)) {}

    std::size_t pitch;
    float *rows, *padded;
};

}  // namespace mcfast
